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

    /** Whether it was left because the handler asked, and more was not welcome: it may hold whole messages. */
    private volatile boolean again;

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
            if (again) {
                offerAgain();
                continue;
            }
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
        while (again && connection.ownThread.awaitRoom()) { // the server drains, and there are whole messages left
            offerAgain();
        }
    }

    /** Without the turn. */
    private void offerAgain() {
        connection.turns.enter();
        try {
            offerRemainder();
        } finally {
            connection.turns.leave();
        }
        connection.output.sendOwn();
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

    /** With the turn, which is left meanwhile. */
    private void awaitRoom() {
        connection.turns.leave();
        connection.output.sendOwn();
        connection.ownThread.awaitRoom();
        connection.turns.enter();
    }

    /** With the turn. */
    private void lend(ByteBuffer in) {
        offer(remainder == null ? in : Remainder.join(remainder, in), in);
    }

    private void offer(ByteBuffer in, ByteBuffer lent) {
        remainder = null;
        again = false;
        if (!connection.life.takesInput()) {
            return;
        }
        connection.toldToStop = false;
        connection.turns.read(in);
        if (!connection.life.takesInput()) {
            return;
        }
        remainder = Remainder.after(null, in, lent);
        again = connection.toldToStop && remainder != null && !connection.isPaused();
        if (again) {
            welcome();
        } else if (remainder != null && remainder.limit() >= maxRemainder && !connection.isPaused()) {
            connection.life.end(Kind.PROTOCOL, null);
        }
    }

    @Override
    public void resumed() {
        if (remainder != null) {
            connection.turns.post(this::offerRemainder);
        }
    }

    @Override
    public void welcome() {
        if (again && connection.ownThread.isInRead() && connection.isWelcome()) {
            connection.turns.post(this::offerRemainder); // else the own thread is about to come by
        }
    }

    @Override
    public void neverOpened() {
        connection.turns.create(factory);
    }

    private void offerRemainder() {
        if (remainder != null && !connection.isPaused()) {
            offer(remainder, null);
        }
    }

    private void end(ByteBuffer empty) {
        offerRemainder();
        while (remainder != null && (connection.isPaused() || again)) { // the handler is not done with it
            awaitResume(empty);
            awaitRoom();
            offerRemainder();
        }
        remainder = null;
        if (connection.life.endInput()) {
            connection.turns.eof();
        }
    }
}
