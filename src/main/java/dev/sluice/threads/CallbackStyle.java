package dev.sluice.threads;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Handler;
import dev.sluice.internal.Remainder;
import java.nio.ByteBuffer;

/**
 * A {@link Handler} on a thread: reads, lends what came, and sends what the callback wrote before it reads again. What the
 * handler left unread is not in the buffer of the read, because a task may resume reading, and be offered it, while the
 * thread waits for the next bytes.
 */
final class CallbackStyle implements Style {

    private final ThreadConnection connection;
    private final Handler.Factory factory;
    private final int maxRemainder;

    /** What was left unread. With the turn. */
    private ByteBuffer remainder;

    CallbackStyle(ThreadConnection connection, Handler.Factory factory) {
        this.connection = connection;
        this.factory = factory;
        this.maxRemainder = connection.group.options.maxRemainder();
    }

    @Override
    public void serve(ByteBuffer buffer) {
        Turns turns = connection.turns;
        turns.enter();
        try {
            turns.open(factory);
        } finally {
            turns.leave();
        }
        connection.output.sendOwn();
        while (connection.ownThread.awaitInput()) {
            int read = connection.ownThread.receive(buffer.clear());
            buffer.flip();
            turns.enter();
            try {
                awaitResume(buffer);
                if (buffer.hasRemaining()) {
                    lend(buffer);
                } else if (read < 0) {
                    end(buffer);
                }
            } finally {
                turns.leave();
            }
            connection.output.sendOwn();
        }
    }

    /** With the turn, which is left meanwhile. Waits while reading is paused. */
    private void awaitResume(ByteBuffer in) {
        while (connection.isPaused()) {
            connection.turns.leave();
            boolean isTime = connection.ownThread.awaitResume();
            connection.turns.enter();
            if (isTime && in.hasRemaining() && (remainder == null || remainder.limit() < maxRemainder)) {
                remainder = Remainder.join(remainder, in); // and reads on, or the peer's reset would never be seen
                return;
            }
        }
    }

    /** With the turn. */
    private void lend(ByteBuffer in) {
        offer(remainder == null ? in : Remainder.join(remainder, in), in);
    }

    private void offer(ByteBuffer in, ByteBuffer lent) {
        if (!connection.isOpen()) {
            remainder = null;
            return;
        }
        remainder = null;
        connection.turns.read(in);
        if (!connection.isOpen()) {
            return;
        }
        remainder = Remainder.after(null, in, lent);
        if (remainder != null && remainder.limit() >= maxRemainder && !connection.isPaused()) {
            connection.end(Kind.PROTOCOL, null);
        }
    }

    @Override
    public void resumed() {
        if (remainder != null) {
            connection.turns.post(this::offerRemainder);
        }
    }

    private void offerRemainder() {
        if (remainder != null && !connection.isPaused()) {
            offer(remainder, null);
        }
    }

    private void end(ByteBuffer empty) {
        offerRemainder();
        while (remainder != null && connection.isPaused()) {
            awaitResume(empty); // the handler is not done with it
            offerRemainder();
        }
        remainder = null;
        if (connection.endInput()) {
            connection.turns.eof();
        }
    }
}
