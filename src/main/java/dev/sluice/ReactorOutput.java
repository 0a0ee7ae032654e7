package dev.sluice;

import dev.sluice.CloseReason.Kind;
import dev.sluice.ReactorCallbacks.Event;
import dev.sluice.internal.Count;
import dev.sluice.internal.OutboundQueue;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The outbound half of the connections of one group: into a connection's queue, and from there to its socket. One object for the
 * group, as {@link ReactorInput} is.
 */
final class ReactorOutput {

    /** From here on, a direct buffer on an empty queue goes straight to the socket: below, a copy is cheaper than a call. */
    private static final int STRAIGHT = 4 << 10;

    /** Bytes that go straight in one dispatch: then they queue, so that the handler is told when it is enough. */
    private static final int STRAIGHT_A_TURN = 256 << 10;

    private final ConnectionGroup group;
    private int straight;

    ReactorOutput(ConnectionGroup group) {
        this.group = group;
    }

    // ---- into the queue -----------------------------------------------------------------------------------------------

    /** Takes all bytes, whether they leave or not; the answer to a write. */
    boolean add(ReactorConnection connection, ByteBuffer data) {
        enqueue(connection, data);
        return wantsMore(connection);
    }

    private void enqueue(ReactorConnection connection, ByteBuffer data) {
        OutboundQueue queue = connection.output;
        group.counters.add(Count.ENQUEUED, data.remaining());
        if (connection.isOpen() && !queue.isEnded() && (long) queue.length() + data.remaining() > group.options.maxPending()) {
            connection.end(Kind.QUEUE_LIMIT, null);
        }
        if (connection.isOpen() && !queue.isEnded()) {
            try {
                if (data.remaining() >= STRAIGHT && data.isDirect() && queue.length() == 0 && straight < STRAIGHT_A_TURN) {
                    straight += data.remaining();
                    wrote(connection, queue.writeThrough(connection.channel(), data, group.reactor.nowNs()));
                }
                queue.add(data);
                connection.flushSoon();
                group.relieve();
            } catch (OutOfMemoryError e) {
                connection.end(Kind.QUEUE_LIMIT, e);
            } catch (Throwable t) {
                connection.end(Kind.RESET, t);
            }
        }
        group.counters.add(Count.DISCARDED, data.remaining());
        data.position(data.limit());
    }

    /** Bytes that another thread wrote; if it was told to wait, it is owed the word to go on. */
    void take(ReactorConnection connection, byte[] bytes, boolean wasTold) {
        if (!connection.isClosed() && connection.output.arrived(bytes.length)) { // or reaping accounts for them
            enqueue(connection, ByteBuffer.wrap(bytes));
            connection.owesWritable |= wasTold;
            wantsMore(connection);
            connection.flushSoon();
        }
    }

    private boolean wantsMore(ReactorConnection connection) {
        if (connection.output.length() > group.options.highWater()) {
            connection.throttled = connection.throttled || !group.readsWhileOutputWaits(connection);
            connection.owesWritable = true;
            return false;
        }
        return connection.isOpen() && !connection.output.isEnded();
    }

    // ---- to the socket ------------------------------------------------------------------------------------------------

    /** After each dispatch. While the kernel takes nothing, it is asked only when it or the clock says so. */
    void flush(ReactorConnection connection, boolean evenIfShort) {
        try {
            flushOnce(connection, evenIfShort);
        } catch (Throwable t) { // no memory: half way, nothing might ever come back to it
            connection.end(Kind.RESET, t);
        }
    }

    private void flushOnce(ReactorConnection connection, boolean evenIfShort) {
        straight = 0;
        OutboundQueue queue = connection.output;
        if (evenIfShort || !queue.fellShort()) {
            send(connection);
        }
        if (queue.length() <= group.options.lowWater() && !connection.isClosed()) {
            atLowWater(connection);
        }
        if (queue.length() > 0 && !queue.fellShort()) {
            connection.flushSoon(); // more than one call takes, or written meanwhile: others first
        }
        connection.settle();
    }

    /** One write call, if something waits. */
    void send(ReactorConnection connection) {
        try {
            wrote(connection, connection.output.flush(connection.channel(), group.reactor.nowNs()));
        } catch (Throwable t) {
            connection.end(Kind.RESET, t);
        }
    }

    /** Tells the peer our end, if it was asked for and all before it has left. */
    void sendEnd(ReactorConnection connection) {
        try {
            if (!connection.isClosed() && connection.output.sendEnd(connection.channel(), group.reactor.nowNs())) {
                group.watch.set(connection);
            }
        } catch (IOException e) {
            connection.end(Kind.RESET, e);
        }
    }

    private void wrote(ReactorConnection connection, int bytes) {
        if (bytes > 0) {
            connection.activeNs = group.reactor.nowNs();
        }
        if (connection.output.fellShort()) {
            group.watch.set(connection);
        }
    }

    private void atLowWater(ReactorConnection connection) {
        if (connection.throttled && connection.output.length() <= group.readMark() && !group.work.isCrowded(connection)) {
            connection.throttled = false;
            if (connection.remainder != null || group.drain != null) {
                connection.resumeSoon(); // it may hold whole messages, and no event will come for them, or for what a drain waits for
            }
        }
        if (connection.owesWritable && connection.isOpen() && !connection.output.isEnded()) {
            connection.owesWritable = false;
            if (!group.neverOpened.contains(connection)) {
                group.callbacks.call(connection, Event.WRITABLE, null);
            }
        }
    }
}
