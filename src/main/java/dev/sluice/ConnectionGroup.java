package dev.sluice;

import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.Counters;
import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.RareLog;
import dev.sluice.internal.Wire;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.LoggerFactory;

/**
 * What the connections of one server on one reactor share: limits, buffers lent to them, counters, and the memory that
 * their queues hold together. Belongs to the reactor's thread, but for what says otherwise.
 */
final class ConnectionGroup {

    /** What a group counts. */
    enum Count {
        OPENED,
        CLOSED,
        HANDLER_FAILURES,
        DROPPED_TASKS,
        BYTES_READ,
        ENQUEUED,
        WRITTEN,
        DISCARDED,
        READS,
        WRITES,
        SHORT_WRITES,
        INTEREST_CHANGES,
        READ_PAUSES
    }

    /** A read at 64 KiB a message costs 1.17 times as much with a quarter of this, and 1.3 times with four times it. */
    private static final int READ_BUFFER = 64 << 10;

    private static final VarHandle HELD;

    static {
        try {
            HELD = MethodHandles.lookup().findVarHandle(ConnectionGroup.class, "held", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Reactor reactor;
    final ServerOptions options;
    final long idleNs;
    final long writeNs;
    final long lingerNs;
    final Wire wire;
    final ByteBuffer readBuffer = ByteBuffer.allocateDirect(READ_BUFFER);
    final ChunkPool chunks = new ChunkPool();
    final OutboundQueue.Idle queues = new OutboundQueue.Idle(chunks);
    final Counters counters = new Counters(Count.values().length);
    final Counters closedBy = new Counters(CloseReason.Kind.values().length);

    /** Bytes that other threads wrote after the close, or that were on their way at the end. Any thread. */
    final LongAdder refusedElsewhere = new LongAdder();

    /** Connections handed to this group and not closed yet. Any thread. */
    final AtomicInteger load = new AtomicInteger();

    /** The connection whose callback is running, or null: callbacks never nest. */
    ReactorConnection current;

    private final Handler.Factory factory;
    private final GroupEvents events;
    private final RareLog log = new RareLog(LoggerFactory.getLogger(Server.class));
    private ConnectionGroup[] siblings = {this};
    private long held;

    /** What the server wants to know of a group. On the group's thread. */
    interface GroupEvents {
        /** A connection has closed, and its descriptor is about to be free. */
        void closed(ConnectionGroup group, ReactorConnection connection, CloseReason reason);
    }

    ConnectionGroup(Reactor reactor, ServerOptions options, Wire wire, Handler.Factory factory, GroupEvents events) {
        this.reactor = reactor;
        this.options = options;
        this.wire = wire;
        this.factory = factory;
        this.events = events;
        this.idleNs = options.idleTimeout().toNanos();
        this.writeNs = options.writeTimeout().toNanos();
        this.lingerNs = options.lingerTimeout().toNanos();
    }

    /** All groups of the server, which share one limit of memory. Before the loops start. */
    void share(ConnectionGroup[] groups) {
        siblings = groups;
    }

    Handler handlerFor(ReactorConnection connection) throws Exception {
        return factory.create(connection);
    }

    void count(Count what) {
        counters.increment(what);
    }

    void count(Count what, long amount) {
        counters.add(what, amount);
    }

    void opened() {
        count(Count.OPENED);
    }

    void closed(ReactorConnection connection, CloseReason reason) {
        count(Count.CLOSED);
        closedBy.increment(reason.kind());
        load.decrementAndGet();
        events.closed(this, connection, reason);
    }

    void handlerFailed(String callback, ReactorConnection connection, Throwable cause) {
        count(Count.HANDLER_FAILURES);
        log.warn(reactor.nowNs(), "handler failed in " + callback + ", connection " + connection.remoteAddress(), cause);
    }

    // ---- the memory of all queues -------------------------------------------------------------------------------------

    /**
     * The queue length above which a connection is not read: the high water mark, and while the queues of all hold more
     * than three quarters of what they may, ever less of it, so that the longest queues stop first.
     */
    long readMark() {
        long limit = options.maxPendingTotal();
        long total = held();
        long quarter = limit / 4;
        if (total <= limit - quarter) {
            return options.highWater();
        }
        return Math.max(0, options.highWater() * (limit - total) / quarter);
    }

    /** Above the limit, closes the longest queues until the rest is under it. Calls no handler. */
    void relieve() {
        if (held() <= options.maxPendingTotal()) {
            return;
        }
        // most of it may be bytes of this turn that only wait for its end
        reactor.forEachCallback(callback -> {
            if (callback instanceof ReactorConnection connection && connection.isOf(this)) {
                connection.writeOutEarly();
            }
        });
        while (held() > options.maxPendingTotal()) {
            ConnectionGroup fattest = fattest();
            if (fattest != this) {
                fattest.reactor.execute(fattest::relieve);
                return;
            }
            Longest longest = new Longest();
            reactor.forEachCallback(longest);
            longest.connection.end(CloseReason.Kind.QUEUE_LIMIT, null);
        }
    }

    private ConnectionGroup fattest() {
        ConnectionGroup fattest = this;
        for (ConnectionGroup sibling : siblings) {
            if ((long) HELD.getOpaque(sibling) > (long) HELD.getOpaque(fattest)) {
                fattest = sibling;
            }
        }
        return fattest;
    }

    private final class Longest implements java.util.function.Consumer<Reactor.Callback> {
        private ReactorConnection connection;

        @Override
        public void accept(Reactor.Callback callback) {
            if (callback instanceof ReactorConnection candidate
                    && candidate.isOf(ConnectionGroup.this)
                    && candidate.queued() > (connection == null ? 0 : connection.queued())) {
                connection = candidate;
            }
        }
    }

    /** Bytes of chunks in use by this group and, as far as they have told, its siblings. */
    private long held() {
        HELD.setOpaque(this, chunks.used());
        long total = 0;
        for (ConnectionGroup sibling : siblings) {
            total += (long) HELD.getOpaque(sibling);
        }
        return total;
    }
}
