package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import java.io.IOException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How a connection gets from its first state to its last, and why.
 *
 * <pre>
 *            admitted       close()          nothing owed             queue empty, peer's EOF or linger deadline
 *      socket ───────▶ OPEN ───────▶ LEAVING ─────────────▶ DRAINING ──────────────────▶ CLOSED ─▶ onClose
 *                       │               │                      │                            ▲
 *                       └───────────────┴──── failure · abort() · limit · deadline ─────────┘
 * </pre>
 *
 * <p>Under the connection's lock, which what changes the state takes itself.
 */
final class Lifecycle {

    private enum State { OPEN, LEAVING, DRAINING, CLOSED }

    private final ThreadConnection connection;
    private final ReentrantLock lock;
    private final Condition changed;

    /** Read without the lock, too. */
    private volatile State state = State.OPEN;

    private boolean connected;
    private boolean inputEnded;
    private Kind kind;
    private Throwable cause;
    private long unsent;

    // what the server's drain gave up
    private boolean cutOwing;
    private boolean cutTakingInput;
    private long unread;

    Lifecycle(ThreadConnection connection, boolean connected) {
        this.connection = connection;
        this.lock = connection.lock;
        this.changed = connection.changed;
        this.connected = connected;
    }

    // ---- what it is -----------------------------------------------------------------------------------------------------

    /** Before its close was asked for. Any thread. */
    boolean takesInput() {
        return state == State.OPEN;
    }

    /** Any thread. */
    boolean takesOutput() {
        return state == State.OPEN || state == State.LEAVING;
    }

    /** Any thread. */
    boolean isClosed() {
        return state == State.CLOSED;
    }

    boolean isLingering() {
        return state == State.DRAINING && connection.output.queue.isEndSent();
    }

    boolean inputEnded() {
        return inputEnded;
    }

    /** Takes the lock. Tells a stream that the connection did not end as it should. */
    void checkLoss() throws IOException {
        lock.lock();
        try {
            if (isClosed() && kind != Kind.LOCAL && kind != Kind.PEER) {
                throw new IOException("the connection is lost: " + kind, cause);
            }
        } finally {
            lock.unlock();
        }
    }

    // ---- the beginning of a connection that was not accepted ------------------------------------------------------------

    /** It is connected, unless it was cut meanwhile. */
    boolean connected() {
        lock.lock();
        try {
            connected = takesInput();
            connection.activeNs = System.nanoTime();
            return connected;
        } finally {
            lock.unlock();
        }
    }

    /** Whoever wanted the connection does not any more: one that is still being made is given up, which brings its thread back. */
    void abandon() {
        lock.lock();
        try {
            if (!connected) {
                end(Kind.CONNECT_FAILURE, new IOException("given up before it was connected"));
            }
        } finally {
            lock.unlock();
        }
    }

    /** Nothing was attempted: the handler is told, and the books of connections know nothing of it. On a thread of ours. */
    void refuse(Throwable why) {
        state = State.CLOSED;
        connection.turns.enter();
        try {
            connection.style.neverOpened();
            connection.turns.close(new CloseReason(Kind.CONNECT_FAILURE, why, 0));
        } finally {
            connection.turns.leave();
        }
    }

    // ---- towards the end ------------------------------------------------------------------------------------------------

    /** The peer has ended its side; true if the handler is to hear of it. */
    boolean endInput() {
        lock.lock();
        try {
            inputEnded = true;
            boolean toBeTold = takesInput();
            if (!toBeTold) {
                settle();
            }
            return toBeTold;
        } finally {
            lock.unlock();
        }
    }

    /** Its close is asked for; true if it takes effect now, and the peer is to be told. */
    boolean close() {
        lock.lock();
        try {
            if (state != State.OPEN) {
                return false;
            }
            state = State.LEAVING;
            kind = inputEnded ? Kind.PEER : Kind.LOCAL;
            changed.signalAll();
            return endIfNothingIsOwed();
        } finally {
            lock.unlock();
        }
    }

    /** True if the close takes effect now. */
    boolean endIfNothingIsOwed() {
        if (state != State.LEAVING || connection.obligations.isHeld()) {
            return false;
        }
        state = State.DRAINING;
        long nowNs = System.nanoTime();
        connection.output.queue.end(nowNs);
        changed.signalAll();
        connection.watch.set(nowNs); // our end may have been sent long ago
        return true;
    }

    /** With the turn. Nothing more is given to the handler, because the server drains. */
    void countUnread() {
        lock.lock();
        try {
            if (takesInput() && !inputEnded) {
                unread += connection.style.unread() + connection.ownThread.arrived();
            }
        } finally {
            lock.unlock();
        }
    }

    /** On a thread of ours, where it needs no helper unless something is owed. Leaves because the server drains. */
    void leave() {
        lock.lock();
        boolean owes = connection.obligations.isHeld();
        lock.unlock();
        if (owes) {
            connection.turns.post(this::leaveInTurn);
        } else if (close()) {
            connection.output.sendEnd();
        }
    }

    /** With the turn. As leave: whoever holds the connection is told that nothing more is read. */
    void leaveInTurn() {
        lock.lock();
        boolean toBeTold = connection.obligations.isHeld() && takesInput() && !inputEnded;
        lock.unlock();
        if (toBeTold) {
            connection.turns.eof();
        }
        close();
    }

    /** Both sides have ended. */
    void settle() {
        if (connection.output.queue.isEndSent() && inputEnded) {
            end(Kind.PEER, null);
        }
    }

    // ---- the end --------------------------------------------------------------------------------------------------------

    /** The server's drain is over: awaiting only the peer's end is no loss. */
    void cut() {
        lock.lock();
        try {
            if (isLingering()) {
                end(Kind.LOCAL, null);
            } else if (!isClosed()) {
                cutOwing = connection.obligations.isHeld() || connection.style.isAtWork();
                cutTakingInput = takesInput() && !inputEnded;
                unread += cutTakingInput ? connection.ownThread.arrived() : 0;
                end(Kind.DRAIN_DEADLINE, null);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Ends the connection now; its own thread comes back for the last callback. The first reason given stands. */
    void end(Kind why, Throwable because) {
        lock.lock();
        try {
            if (isClosed()) {
                return;
            }
            boolean asAnnounced = kind != null && (why == Kind.LOCAL || why == Kind.PEER);
            kind = !connected ? Kind.CONNECT_FAILURE : asAnnounced ? kind : why;
            cause = because;
            state = State.CLOSED;
            try {
                if (connection.output.queue.length() > 0 || why == Kind.DRAIN_DEADLINE) {
                    connection.group.wire.resetOnClose(connection.channel); // or the peer would take a part for the whole
                }
                connection.watch.end();
            } catch (Throwable t) { // no memory: the rest of the end is all the more wanted
                cause = cause == null ? t : cause;
            }
            try {
                discardOutput();
            } finally {
                changed.signalAll();
                connection.group.wire.close(connection.channel);
            }
        } finally {
            lock.unlock();
        }
        boolean withdrawn = !connection.ownThread.hasBegun() && connection.group.crew.withdraw(connection.ownThread);
        if (withdrawn && !connection.group.reactor.execute(this::finish)) {
            finish(); // the loop has failed
        }
    }

    /** Once closed. */
    void discardOutput() {
        unsent += connection.output.drop();
    }

    /** The last callback, on the own thread; on the loop for a connection that no thread of a pool has come to. */
    void finish() {
        CloseReason reason;
        lock.lock();
        try {
            while (connection.output.isWriting()) { // its call is about to return, and tells how much has left
                changed.awaitUninterruptibly();
            }
            reason = new CloseReason(kind, cause, unsent);
        } finally {
            lock.unlock();
        }
        connection.turns.enter();
        try {
            connection.group.closed(connection, reason);
            if (!connected) {
                connection.style.neverOpened();
            }
            unread += cutTakingInput ? connection.style.unread() : 0; // what its thread had taken from the kernel
            connection.turns.close(reason);
        } finally {
            connection.turns.leave();
            connection.group.gone(connection, reason); // or a drain would wait for it for ever
        }
    }

    /** Whether the drain's deadline cut it while something was owed to the peer. Once it has finished. */
    boolean wasCutOwing() {
        return cutOwing;
    }

    /** Input that no handler took because the server drained, in bytes. Once it has finished. */
    long unread() {
        return unread;
    }

    @Override
    public String toString() {
        return state.toString();
    }
}
