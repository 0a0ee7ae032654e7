package dev.sluice.threads;

import dev.sluice.CloseReason.Kind;
import dev.sluice.internal.ChunkPool.Chunk;
import dev.sluice.internal.Count;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.locks.Condition;

/**
 * The life of a connection on its own thread, from the first callback to the last: reads as long as its style wants input, then
 * discards what still comes, and in the end gives the reason. The server's drain meets it here, as only this thread knows
 * whether bytes that have arrived are on their way to the handler.
 */
final class OwnThread implements Runnable {

    /** Input that a draining server still gives to a handler, if it had arrived: 1 MiB. */
    private static final int LAST_BYTES = 1 << 20;

    /**
     * How long a draining server leaves a read alone that has nothing to read: the thread may have bytes that it took just
     * before and has not told of yet.
     */
    private static final Duration GRACE = Duration.ofMillis(50);

    private final ThreadConnection connection;
    private final ConnectionGroup group;
    private final Condition changed;

    /** Null until a thread has come to this connection: others of a pool wait. */
    private volatile Thread thread;

    // under the connection's lock
    private int reads;
    private boolean leaving;
    private int lastBytes = LAST_BYTES;

    OwnThread(ThreadConnection connection) {
        this.connection = connection;
        this.group = connection.group;
        this.changed = connection.changed;
    }

    boolean hasBegun() {
        return thread != null;
    }

    /** Whether the calling thread is this connection's own. */
    boolean isCurrent() {
        return thread == Thread.currentThread();
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        Chunk buffer = null;
        try {
            buffer = group.readBuffers.take();
            if (!connection.life.isClosed() && connection.connect()) {
                connection.style.serve(buffer.bytes());
            }
            while (awaitLastBytes()) {
                // were they left unread, closing would reset the connection and destroy our own last bytes
                if (receive(buffer.bytes().clear()) < 0) {
                    connection.life.endInput();
                }
            }
        } catch (Throwable t) { // no memory for the buffer
            connection.life.end(Kind.RESET, t);
        } finally {
            if (buffer != null) {
                group.readBuffers.give(buffer);
            }
            connection.life.finish();
        }
    }

    // ---- waiting ------------------------------------------------------------------------------------------------------

    /** Waits until the peer's bytes are wanted; false if the style is not to have any more. */
    boolean awaitInput() {
        connection.lock.lock();
        try {
            if (isAbove(group.readMark()) || connection.obligations.isCrowded()) {
                group.counters.increment(Count.READ_PAUSES);
                while (connection.life.takesInput() && !leaving && !hasRoom()) {
                    changed.awaitUninterruptibly();
                }
            }
            boolean wanted = connection.life.takesInput() && !connection.life.inputEnded() && !(leaving && isQuiet());
            reads += wanted ? 1 : 0;
            return wanted;
        } finally {
            connection.lock.unlock();
        }
    }

    /** Waits until there is room for what more input would bring, even if the server drains; false once no input is taken. */
    boolean awaitRoom() {
        connection.lock.lock();
        try {
            while (connection.life.takesInput() && !hasRoom()) {
                changed.awaitUninterruptibly();
            }
        } finally {
            connection.lock.unlock();
        }
        return connection.life.takesInput();
    }

    private boolean hasRoom() {
        return !isAbove(Math.min(group.options.lowWater(), group.readMark())) && !connection.obligations.isCrowded();
    }

    private boolean isAbove(long mark) {
        return connection.pending() > 0 && connection.pending() > mark && !connection.turns.readsWhileOutputWaits();
    }

    /** Waits while the handler has paused reading, even if the server drains. */
    void awaitResume() {
        connection.lock.lock();
        try {
            while (connection.isPaused()) {
                changed.awaitUninterruptibly();
            }
        } finally {
            connection.lock.unlock();
        }
    }

    /** Waits until the peer's last bytes are to be discarded; false at the end. */
    private boolean awaitLastBytes() {
        connection.lock.lock();
        try {
            while (connection.life.takesInput() ? !leaving : connection.isOpen() || connection.life.inputEnded() && !connection.life.isClosed()) {
                changed.awaitUninterruptibly();
            }
            if (!connection.life.takesInput()) {
                boolean wanted = !connection.life.isClosed();
                reads += wanted ? 1 : 0;
                return wanted;
            }
        } finally {
            connection.lock.unlock();
        }
        leave();
        return awaitLastBytes(); // for what it may owe
    }

    /** Leaves because the server drains; without the turn. */
    private void leave() {
        connection.turns.enter();
        try {
            connection.life.countUnread();
            connection.life.leaveInTurn();
        } finally {
            connection.turns.leave();
        }
        connection.output.sendOwn();
    }

    /** One read call after a wait for it, which may block: bytes, 0 if the connection is lost, -1 for the peer's end. */
    int receive(ByteBuffer in) {
        int read = 0;
        group.counters.increment(Count.READS);
        try {
            Thread.interrupted(); // a read with the flag set would close the channel
            read = group.wire.read(connection.channel, in);
        } catch (Throwable t) {
            connection.life.end(Kind.RESET, t);
        }
        connection.lock.lock();
        try {
            reads--;
            long nowNs = System.nanoTime();
            if (read > 0) {
                connection.activeNs = nowNs;
                lastBytes -= leaving ? read : 0;
                group.counters.add(Count.READ, read);
            }
            if (!connection.life.isClosed()) {
                connection.watch.set(nowNs); // until the next read, nothing tells of a reset
            }
        } finally {
            connection.lock.unlock();
        }
        return read;
    }

    /** Whether the thread is in a read, or on its way there. */
    boolean isInRead() {
        connection.lock.lock();
        try {
            return reads > 0;
        } finally {
            connection.lock.unlock();
        }
    }

    /** Under the lock. Whether the thread waits for bytes that have arrived, and only has to be given the processor. */
    boolean isAboutToRead() {
        try {
            return reads > 0 && available() > 0;
        } catch (IOException e) {
            return false; // lost
        }
    }

    private int available() throws IOException {
        return group.wire.available(connection.channel);
    }

    /** Bytes that have arrived and were not read. */
    int arrived() {
        try {
            return available();
        } catch (IOException e) {
            return 0; // lost
        }
    }

    // ---- the drain, on the loop ---------------------------------------------------------------------------------------

    /** The server drains: what has arrived is handled, then the connection closes. This thread does both, unless it reads. */
    void drain() {
        connection.lock.lock();
        try {
            leaving = true;
            changed.signalAll();
        } finally {
            connection.lock.unlock();
        }
        leaveIfQuiet(true);
    }

    private void leaveIfQuiet(boolean first) {
        boolean free = connection.turns.tryEnter(); // else a helper is in a callback, and what that writes is still to leave
        boolean waits;
        boolean quiet;
        try {
            connection.lock.lock();
            try {
                waits = reads > 0 && connection.life.takesInput();
                quiet = waits && free && !first && isQuiet() && !connection.isPaused() && !connection.style.owesInput();
            } finally {
                connection.lock.unlock();
            }
            if (quiet) {
                connection.life.countUnread();
                connection.life.leave();
            }
        } finally {
            if (free) {
                connection.turns.leave();
            }
        }
        if (waits && !quiet) {
            group.reactor.schedule(GRACE, () -> leaveIfQuiet(false));
        }
    }

    /** Whether nothing has arrived that the handler has not seen, or more than it is still given. */
    private boolean isQuiet() {
        try {
            return lastBytes <= 0 || available() == 0;
        } catch (IOException e) {
            return true; // lost
        }
    }
}
