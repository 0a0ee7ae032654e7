package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Timer;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One connection on a thread of its own.
 *
 * <pre>
 *               admitted          close()              queue empty, peer's EOF or linger deadline
 *      socket ───────────▶ OPEN ───────────▶ DRAINING ──────────────────▶ CLOSED ─▶ onClose
 *                           │                    │                            ▲
 *                           └── failure · abort() · limit · deadline ─────────┘
 *
 *      own thread   waits in read, calls the handler, sends what it wrote; the last callback    {@link OwnThread}
 *      writer       a helper that sends what came from elsewhere                                {@link Output}
 *      runner       a helper that runs tasks while the own thread waits                         {@link Turns}
 *      loop         the server's: deadlines                                                     {@link Watch}
 * </pre>
 *
 * <p>Two locks order them. The <em>turn</em> is held for the length of a callback or task. The <em>lock</em> guards state and
 * queue, for a few instructions at a time, never through a blocking call or a callback; whoever has the turn may take it, and
 * nobody who has it waits for the turn. Closing the channel is what brings a thread back from a read or a write.
 */
final class ThreadConnection implements Connection {

    private enum State { OPEN, DRAINING, CLOSED }

    final ConnectionGroup group;
    final SocketChannel channel;
    final ReentrantLock lock = new ReentrantLock();

    /** The state is another, or the queue is at the low mark. */
    final Condition changed = lock.newCondition();

    final Output output;
    final Turns turns;
    final OwnThread ownThread;
    final Style style;
    final Watch watch;
    private final SocketAddress remote;

    // under the lock; what is volatile is read without it
    private volatile State state = State.OPEN;
    private Kind kind;
    private Throwable cause;
    private long unsent;
    private boolean inputEnded;
    private volatile boolean paused;

    /** When a byte was last read, or taken by the kernel. */
    long activeNs = System.nanoTime();

    ThreadConnection(ConnectionGroup group, SocketChannel channel) throws IOException {
        this.group = group;
        this.channel = channel;
        this.remote = channel.getRemoteAddress();
        this.output = new Output(this);
        this.turns = new Turns(this);
        this.ownThread = new OwnThread(this);
        this.watch = new Watch(this);
        this.style = group.styles.apply(this);
    }

    // ---- output -------------------------------------------------------------------------------------------------------

    @Override
    public boolean write(ByteBuffer data) {
        boolean more = output.add(data);
        if (!turns.isMine()) { // else it leaves when the callback returns
            output.wake();
        }
        return more;
    }

    // ---- input --------------------------------------------------------------------------------------------------------

    /** The peer has ended its side; true if the handler is to hear of it. */
    boolean endInput() {
        lock.lock();
        try {
            inputEnded = true;
            boolean toBeTold = state == State.OPEN;
            if (!toBeTold) {
                settle();
            }
            return toBeTold;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void pauseReading() {
        turns.checkMine();
        paused = true;
    }

    @Override
    public void resumeReading() {
        turns.checkMine();
        lock.lock();
        try {
            paused = false;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        style.resumed();
    }

    // ---- the end ------------------------------------------------------------------------------------------------------

    @Override
    public void close() {
        if (announceClose() && !turns.isMine()) {
            output.wake();
        }
    }

    /** On a thread of ours, where it needs no helper. As close. */
    void leave() {
        if (announceClose()) {
            output.sendEnd();
        }
    }

    private boolean announceClose() {
        lock.lock();
        try {
            if (state != State.OPEN) {
                return false;
            }
            state = State.DRAINING;
            kind = inputEnded ? Kind.PEER : Kind.LOCAL;
            output.queue.end();
            changed.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void shutdownOutput() {
        lock.lock();
        try {
            if (state == State.OPEN) {
                output.queue.end();
            }
        } finally {
            lock.unlock();
        }
        if (!turns.isMine()) {
            output.wake();
        }
    }

    @Override
    public void abort() {
        lock.lock();
        try {
            resetOnClose();
            end(Kind.LOCAL, null);
        } finally {
            lock.unlock();
        }
    }

    /** The server's drain is over: awaiting only the peer's end is no loss. */
    void cut() {
        lock.lock();
        try {
            end(isLingering() ? Kind.LOCAL : Kind.DRAIN_DEADLINE, null);
        } finally {
            lock.unlock();
        }
    }

    /** Under the lock. Both sides have ended. */
    void settle() {
        if (output.queue.isEndSent() && inputEnded) {
            end(Kind.PEER, null);
        }
    }

    /** Ends the connection now; its own thread comes back for the last callback. The first reason given stands. */
    void end(Kind why, Throwable because) {
        lock.lock();
        try {
            if (state == State.CLOSED) {
                return;
            }
            boolean asAnnounced = state == State.DRAINING && (why == Kind.LOCAL || why == Kind.PEER);
            kind = asAnnounced ? kind : why;
            cause = because;
            state = State.CLOSED;
            if (output.queue.length() > 0) {
                resetOnClose(); // or the peer would take a part for the whole
            }
            discardOutput();
            watch.end();
            changed.signalAll();
            group.wire.close(channel);
        } catch (IOException e) {
            // its descriptor is free all the same
        } finally {
            lock.unlock();
        }
        if (!ownThread.hasBegun() && group.crew.withdraw(ownThread)) {
            group.reactor.execute(this::finish);
        }
    }

    /** Under the lock, once closed. */
    void discardOutput() {
        unsent += output.drop();
    }

    private void resetOnClose() {
        try {
            group.wire.resetOnClose(channel);
        } catch (IOException e) {
            // lost already
        }
    }

    /** The last callback, on the own thread; on the loop for a connection that no thread of a pool has come to. */
    void finish() {
        CloseReason reason;
        lock.lock();
        try {
            while (output.isWriting()) { // its call is about to return, and tells how much has left
                changed.awaitUninterruptibly();
            }
            reason = new CloseReason(kind, cause, unsent);
        } finally {
            lock.unlock();
        }
        turns.enter();
        try {
            group.closed(this, reason);
            turns.close(reason);
        } finally {
            turns.leave();
        }
        group.gone(this, reason);
    }

    // ---- small things -------------------------------------------------------------------------------------------------

    @Override
    public boolean execute(Runnable task) {
        return turns.execute(task);
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        return turns.schedule(delay, task);
    }

    @Override
    public boolean isOpen() {
        return state == State.OPEN;
    }

    boolean isClosed() {
        return state == State.CLOSED;
    }

    /** Under the lock. */
    boolean isLingering() {
        return state == State.DRAINING && output.queue.isEndSent();
    }

    /** Under the lock. */
    boolean inputEnded() {
        return inputEnded;
    }

    /** Tells a stream that the connection did not end as it should. */
    void checkLoss() throws IOException {
        lock.lock();
        try {
            if (state == State.CLOSED && kind != Kind.LOCAL && kind != Kind.PEER) {
                throw new IOException("the connection is lost: " + kind, cause);
            }
        } finally {
            lock.unlock();
        }
    }

    boolean isPaused() {
        return paused && state == State.OPEN;
    }

    @Override
    public long pending() {
        return output.queue.length();
    }

    @Override
    public SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public String toString() {
        return "connection with " + remote + ", " + state + ", " + pending() + " bytes pending";
    }
}
