package dev.sluice.threads;

import dev.sluice.CloseReason.Kind;
import dev.sluice.internal.Count;
import dev.sluice.internal.InFlight;
import dev.sluice.internal.OutboundQueue;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The outbound half of a connection: its queue, and the way from there to the socket, one thread at a time. The own thread sends
 * what its callbacks queued; a helper, the writer, sends what came from elsewhere or was left. No lock is held while a write
 * blocks. Any thread, but for what asks for the connection's lock.
 */
final class Output {

    final OutboundQueue queue;
    private final ThreadConnection connection;
    private final ConnectionGroup group;
    private final InFlight inFlight;
    private final Errand writer;

    // under the connection's lock
    private int own;
    private boolean writing;
    private boolean owesWritable;

    Output(ThreadConnection connection) {
        this.connection = connection;
        this.group = connection.group;
        this.queue = new OutboundQueue(group.outlet);
        this.inFlight = new InFlight(queue, group.outlet);
        this.writer = new Errand(group.crew, () -> send(Integer.MAX_VALUE), cause -> connection.life.end(Kind.RESET, cause));
    }

    // ---- into the queue -----------------------------------------------------------------------------------------------

    /** Takes all bytes, whether they leave or not; the answer to a write. */
    boolean add(ByteBuffer data) {
        boolean more;
        connection.lock.lock();
        try {
            group.counters.add(Count.ENQUEUED, data.remaining());
            if ((long) queue.length() + data.remaining() > group.options.maxPending() && isWritable()) {
                connection.life.end(Kind.QUEUE_LIMIT, null);
            }
            if (isWritable()) {
                own += connection.ownThread.isCurrent() ? data.remaining() : 0;
                keep(data);
            }
            group.counters.add(Count.DISCARDED, data.remaining());
            data.position(data.limit());
            boolean enough = queue.length() > group.options.highWater();
            owesWritable |= enough;
            more = !enough && isWritable();
        } finally {
            connection.lock.unlock();
        }
        group.relieve();
        return more;
    }

    private void keep(ByteBuffer data) {
        try {
            queue.add(data);
        } catch (OutOfMemoryError e) {
            connection.life.end(Kind.QUEUE_LIMIT, e);
        }
    }

    private boolean isWritable() {
        return connection.isOpen() && !queue.isEnded();
    }

    // ---- to the socket ------------------------------------------------------------------------------------------------

    /** Has the writer send what waits. */
    void wake() {
        writer.wake();
    }

    /** Has the writer send what a callback may have left to be sent. */
    void wakeIfNeeded() {
        connection.lock.lock();
        boolean needed = queue.length() > 0 || queue.isEnded() && !queue.isEndSent();
        connection.lock.unlock();
        if (needed) {
            wake();
        }
    }

    /**
     * The own thread. Sends what its callbacks queued; what comes from elsewhere is the writer's: a peer that takes none of that
     * would keep this thread from reading, and a peer that waits to be read would wait for ever. If the handler is read while output
     * waits, all is the writer's.
     */
    void sendOwn() {
        connection.lock.lock();
        int most = own;
        own = 0;
        connection.lock.unlock();
        send(most > 0 && connection.turns.readsWhileOutputWaits() ? 0 : most);
    }

    /** A thread of ours. Sends all that waits; may block. */
    void sendAll() {
        send(Integer.MAX_VALUE);
    }

    /** A thread of ours. Tells the peer the end at once, where nothing waits before it. */
    void sendEnd() {
        send(0);
    }

    /** Unless another thread does it already: about so many bytes, and what is left is the writer's. */
    private void send(int most) {
        for (int left = most; begin(left > 0); ) {
            int taken = 0;
            Throwable failure = null;
            try {
                Thread.interrupted(); // a write with the flag set would close the channel
                taken = inFlight.write(connection.channel);
            } catch (Throwable t) {
                failure = t;
            }
            left -= taken;
            if (wrote(taken, failure)) {
                connection.turns.writable();
            }
            connection.style.welcome();
        }
    }

    private boolean begin(boolean more) {
        connection.lock.lock();
        try {
            if (writing || connection.life.isClosed()) {
                return false;
            }
            if (queue.length() == 0) {
                tellEnd();
                return false;
            }
            if (!more) {
                writer.wake();
                return false;
            }
            long nowNs = System.nanoTime();
            boolean some = inFlight.take(nowNs);
            connection.watch.set(nowNs); // may find no memory: nobody writes then
            writing = some;
            return true;
        } finally {
            connection.lock.unlock();
        }
    }

    /** Returns true if the handler is owed the word that it may write again. */
    private boolean wrote(int taken, Throwable failure) {
        connection.lock.lock();
        try {
            writing = false;
            long nowNs = System.nanoTime();
            inFlight.wrote(taken, nowNs);
            if (taken > 0) {
                connection.activeNs = nowNs;
            }
            if (failure != null) {
                connection.life.end(Kind.RESET, failure);
            }
            if (connection.life.isClosed()) {
                connection.life.discardOutput();
            } else if (queue.length() > group.options.lowWater()) {
                return false;
            }
            connection.changed.signalAll();
            boolean owed = owesWritable && isWritable();
            owesWritable &= !owed;
            return owed;
        } finally {
            connection.lock.unlock();
        }
    }

    /** All that was queued has left. */
    private void tellEnd() {
        if (!queue.isEnded()) {
            return;
        }
        try {
            long nowNs = System.nanoTime();
            if (queue.sendEnd(connection.channel, nowNs)) {
                connection.watch.set(nowNs);
            }
            connection.life.settle();
        } catch (IOException e) {
            connection.life.end(Kind.RESET, e);
        }
    }

    // ---- under the lock -----------------------------------------------------------------------------------------------

    boolean isWriting() {
        return writing;
    }

    /** Drops all that waits, but for what is being written; returns how many bytes. */
    int drop() {
        int dropped = queue.clear();
        return writing ? dropped : dropped + inFlight.drop();
    }
}
