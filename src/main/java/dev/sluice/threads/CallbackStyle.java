package dev.sluice.threads;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Handler;
import dev.sluice.internal.Remainder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A {@link Handler} on a thread: reads, lends what came, and sends what the callback wrote before it reads again. What the
 * handler left unread is not in the buffer of the read, because a task may resume reading, and be offered it, while the
 * thread waits for the next bytes.
 *
 * <pre>
 *                         ┌── nothing of these ──▶ until more has come, then in front of it
 *   left unread by onRead ├── paused ──▶ until resumed ──▶ OWED ──▶ by itself, before anything is read behind it
 *                         └── told to stop, as output waits ──▶ AGAIN ──▶ by itself, once there is room
 * </pre>
 */
final class CallbackStyle implements Style {

    private final ThreadConnection connection;
    private final Handler.Factory factory;
    private final int maxRemainder;

    /** What was left unread. With the turn. */
    private ByteBuffer remainder;

    /** Bytes that came, or were left, when no input was taken any more. With the turn. */
    private int dropped;

    /** Whether reading was resumed since, and the handler has not been offered it. Written with the turn. */
    private volatile boolean owed;

    // with the turn
    private boolean offering;
    private boolean ownThreadWaits;

    /** Whether the last offer of the remainder by itself changed nothing: what has come meanwhile is put behind it before the next. */
    private boolean stuck;

    /** Whether the handler was told to stop, and so may have left whole messages. */
    private volatile boolean again;

    /** Whether a helper is on its way to offer it. */
    private volatile boolean posted;

    CallbackStyle(ThreadConnection connection, Handler.Factory factory) {
        this.connection = connection;
        this.factory = factory;
        this.maxRemainder = connection.group.options.maxRemainder();
    }

    @Override
    public void serve(ByteBuffer buffer) {
        inTurn(() -> connection.turns.open(factory));
        for (boolean more = true; more; ) {
            more = again ? offerAgain() : lendNext(buffer);
        }
    }

    /** Without the turn. Offers what was left once there is room for what it brings; false when no input is taken any more. */
    private boolean offerAgain() {
        if (!connection.ownThread.awaitRoom()) {
            return false;
        }
        inTurn(this::offerRemainder);
        return true;
    }

    /** Without the turn. Takes it for what is seldom done, and sends what that wrote. */
    private void inTurn(Runnable step) {
        connection.turns.enter();
        try {
            step.run();
        } finally {
            connection.turns.leave();
        }
        connection.output.sendOwn();
    }

    /** Without the turn. Reads, and lends what came, without garbage; false when no more input is wanted. */
    private boolean lendNext(ByteBuffer buffer) {
        if (!connection.ownThread.awaitInput()) {
            return offerLast(buffer.clear().limit(0));
        }
        welcome(); // whoever saw that this thread did not read yet has left it to it
        int read = connection.ownThread.receive(buffer.clear());
        buffer.flip();
        connection.turns.enter();
        try {
            awaitResume(buffer);
            if (buffer.hasRemaining()) {
                lend(buffer);
            } else if (read < 0) {
                end(buffer);
            }
        } finally {
            connection.turns.leave();
        }
        connection.output.sendOwn();
        return true;
    }

    /** Without the turn. The server drains, and no more has come: waits for a handler that has paused; false if nothing is left to offer. */
    private boolean offerLast(ByteBuffer empty) {
        if (!connection.life.takesInput() || connection.life.inputEnded()) {
            return false;
        }
        if (!connection.isPaused() && !owed) {
            return again;
        }
        inTurn(() -> awaitResume(empty));
        return true;
    }

    /** With the turn, which is left meanwhile. Waits while reading is paused, and offers what was left before it returns. */
    private void awaitResume(ByteBuffer in) {
        while (connection.isPaused() || owed) {
            if (!connection.isPaused()) {
                if (stuck && in.hasRemaining()) {
                    owed = false;
                } else if (connection.isWelcome() || !connection.life.takesInput()) {
                    offerRemainder();
                } else {
                    awaitRoom();
                }
                continue;
            }
            ownThreadWaits = true;
            connection.turns.leave();
            connection.output.sendOwn(); // the peer may answer to that, and bring about the resumption
            connection.ownThread.awaitResume();
            connection.turns.enter();
            ownThreadWaits = false;
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
            dropped += in.remaining();
            return;
        }
        connection.toldToStop = false;
        int offered = in.remaining();
        offering = true;
        connection.turns.read(in.order(ByteOrder.BIG_ENDIAN));
        offering = false;
        if (!connection.life.takesInput()) {
            dropped += in.remaining();
            owed = false;
            return;
        }
        boolean tookNothing = in.remaining() == offered;
        stuck = tookNothing && lent == null;
        remainder = Remainder.after(null, in, lent);
        owed &= remainder != null && !tookNothing; // resumed within the call: as if after it, unless it has seen all there is
        if (owed) {
            offerSoon();
            return;
        }
        again = connection.toldToStop && remainder != null && !connection.isPaused();
        if (again) {
            welcome();
        } else if (remainder != null && remainder.limit() >= maxRemainder && !connection.isPaused()) {
            connection.life.end(Kind.PROTOCOL, null);
        }
    }

    @Override
    public void resumed() {
        owed = remainder != null || offering; // within onRead, it may still leave one
        if (remainder != null && !ownThreadWaits) {
            offerSoon();
        }
    }

    @Override
    public void welcome() {
        if (again && connection.ownThread.isInRead() && connection.isWelcome()) {
            offerSoon(); // else the own thread is about to come by
        }
    }

    @Override
    public boolean owesInput() {
        return again || owed;
    }

    @Override
    public boolean isAtWork() {
        return connection.turns.isTaken();
    }

    private void offerSoon() {
        if (!posted) {
            posted = true;
            connection.turns.post(() -> {
                posted = false;
                if (owed && !connection.isWelcome()) {
                    again = true;
                    owed = false;
                    welcome();
                } else if (!ownThreadWaits) { // else it does so itself
                    offerRemainder();
                }
            });
        }
    }

    @Override
    public int unread() {
        return dropped + (remainder == null ? 0 : remainder.limit());
    }

    @Override
    public void neverOpened() {
        connection.turns.create(factory);
    }

    private void offerRemainder() {
        if (connection.isPaused()) {
            again = false; // it is offered when reading is resumed
            return;
        }
        owed = false;
        if (remainder != null) {
            offer(remainder, null);
        }
    }

    private void end(ByteBuffer empty) {
        offerRemainder();
        while (remainder != null && (connection.isPaused() || again || owed)) { // the handler is not done with it
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
