package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.ProxyHeader;
import dev.sluice.Server;
import dev.sluice.ServerObserver.Refusal;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ChunkDepot;
import dev.sluice.internal.ChunkPool;
import dev.sluice.ServerStats.Counter;
import dev.sluice.internal.Counters;
import dev.sluice.internal.ConnectionLog;
import dev.sluice.internal.Drain;
import dev.sluice.internal.LivenessProbe;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.MemoryWait;
import dev.sluice.internal.Outlet;
import dev.sluice.internal.RateLimitedLog;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Timeouts;
import dev.sluice.internal.Workers;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/**
 * The part that the connections of one server on one reactor share: the buffer lent to their handlers, the chunks of their queues,
 * limits, counters, the workers, the drain, and sets of those few that are special in some way. Belongs to the reactor's thread, unless
 * a member says otherwise.
 */
final class ReactorContext {

    /** A read at 64 KiB a message costs 1.17 times as much with a quarter of this, and 1.3 times with four times it. */
    private static final int READ_BUFFER = 64 << 10;

    /** Bytes that go straight to a socket in one dispatch: then they queue, so that the handler is told when it is enough. */
    private static final int STRAIGHT_A_TURN = 256 << 10;

    /** So much more queued output makes a loop look at the memory of all: eight chunks, so that an answer that leaves at once does not. */
    private static final long NOTICED = 64 << 10;

    /** Cost of a write from another thread beside its bytes: 56, or 64 with wide references. So short ones are bounded, too. */
    private static final int MESSAGE = 64;

    /** Writes {@link #running} without a fence. */
    static final AtomicReferenceFieldUpdater<ReactorContext, ReactorConnection> RUNNING =
            AtomicReferenceFieldUpdater.newUpdater(ReactorContext.class, ReactorConnection.class, "running");

    final Reactor reactor;
    final ServerOptions options;
    final SocketIo socketIo;
    final Timeouts timeouts;
    final Workers workers;
    final Admission admission;
    final Counters counters = new Counters(Counter.class);
    private final Counters closedBy = new Counters(CloseReason.Kind.class);
    final Outlet outlet;
    final LivenessProbe probe = new LivenessProbe();

    /** Lent to every handler in turn. */
    final ByteBuffer lent = ByteBuffer.allocateDirect(READ_BUFFER);

    /** Outbound connections that were not attempted. Any thread. */
    final LongAdder refused = new LongAdder();

    /** Bytes that other threads wrote after the close, or that were on their way at the end. Any thread. */
    final AtomicLong discardedElsewhere = new AtomicLong();

    /** Bytes on their way from other threads, with what their messages cost. Any thread. */
    private final AtomicLong elsewhere = new AtomicLong();

    /**
     * Bytes of unread input, beyond what each connection has paid for, and those that handlers hold on behalf of connections. Written by
     * the loop, without a fence.
     */
    private final AtomicLong kept = new AtomicLong();

    /** What handlers hold on behalf of connections, where they have said so. */
    private final Map<ReactorConnection, Long> heldByHandlers = new IdentityHashMap<>();

    /** Connections handed to this loop and not gone yet, those included that are being connected. Any thread. */
    final AtomicInteger load = new AtomicInteger();

    /** The connection whose callback is running, or null. Another thread may see it late. */
    volatile ReactorConnection running;

    /** Tasks whose bytes have left: {@link Connection#whenWritten}. */
    final Deque<Runnable> written = new ArrayDeque<>();

    /** Bytes that went straight to a socket in this dispatch. */
    int straightBytes;

    private final MemoryBudget budget;
    private final MemoryWait memoryWait;

    /** Whether memory was short when that was last looked at, as it is whenever this loop takes more. */
    boolean memoryIsShort;

    /** The chunks that were in use then, in {@link #NOTICED}. */
    private long noticed;
    private final RateLimitedLog log = new RateLimitedLog(LoggerFactory.getLogger(Server.class));

    /** Connections that another connection of this server has made. */
    final Set<ReactorConnection> outbound = Collections.newSetFromMap(new IdentityHashMap<>());

    /** Connections that their factory has closed: their handlers get {@code onClose} alone. */
    final Set<ReactorConnection> neverOpened = Collections.newSetFromMap(new IdentityHashMap<>());

    /** What proxies said about connections. Any thread. */
    final Map<ReactorConnection, ProxyHeader> headers = new ConcurrentHashMap<>();

    /** Reads that connections still have while the server drains. */
    final Map<ReactorConnection, Integer> lastReads = new IdentityHashMap<>();

    /** See {@link ListenerSockets#renamed}. */
    Map<SocketAddress, SocketAddress> renamed = Collections.emptyMap();

    private final Runnable forgetEnd;
    private ReactorContext[] siblings = {this};

    /** The sibling that is asked to go on with what this one could not do alone. */
    private ReactorContext next = this;

    /** Or null: no drain has begun. */
    Drain drain;

    /** Outbound connections, those included that are being connected. */
    private int outboundLoad;

    /** Whether the reactor has ended first: then there was no drain. */
    private boolean wasCutOff;

    /** Whether it has drained, and no attempt is taken any more. Set with the monitor; any thread. */
    private volatile boolean isOver;

    ReactorContext(
            Reactor reactor, ServerOptions options, SocketIo socketIo, Workers workers, Admission admission, ChunkDepot depot) {
        this.reactor = reactor;
        this.options = options;
        this.socketIo = socketIo;
        this.workers = workers;
        this.admission = admission;
        this.outlet = new Outlet(socketIo, new ChunkPool(depot), counters);
        this.timeouts = new Timeouts(options);
        this.budget = admission.budget();
        this.memoryWait = new MemoryWait(budget, reactor.loop(), options.writeTimeout().toNanos(), this::holdings, bytes -> passOn(bytes, siblings.length));
        budget.add(this::heldMemory);
        this.forgetEnd = reactor.atEnd(() -> {
            wasCutOff = true;
            connections().forEach(connection -> connection.end(CloseReason.Kind.LOCAL, null));
            forEachMember(Drain.Member::cut); // the attempts that are left
            probe.close();
        });
    }

    /** There is no server after all: a reactor of the caller's must not keep its buffers. */
    void neverBegan() {
        forgetEnd.run();
    }

    /** All contexts of the server, which share one limit of memory. Before the loops start. */
    void share(ReactorContext[] contexts) {
        siblings = contexts;
        next = contexts[(List.of(contexts).indexOf(this) + 1) % contexts.length];
    }

    /** The handler whose callback is running, for a report. Any thread, which may see it late. */
    String runningHandler() {
        ReactorConnection now = running;
        return now == null ? "no handler" : now.handlerName() + ", " + now;
    }

    /** Runs the tasks whose bytes have left. Not within a callback. Those that they give in turn are left to the next flush. */
    void runWritten() {
        for (int due = written.size(); due > 0; due--) {
            written.poll().run();
        }
    }

    void handlerFailed(String event, ReactorConnection connection, Throwable cause) {
        counters.add(Counter.HANDLER_FAILURES, 1);
        try {
            log.warn(reactor.nowNs(), "handler failed on " + event + ", " + connection, cause);
        } catch (Throwable t) {
            // no memory for the line; the failure is counted
        }
    }

    // ---- connections --------------------------------------------------------------------------------------------------

    /** Any thread. Has an attempt made on the loop; false once all is over. Each that is taken is told of before the end is. */
    synchronized boolean ask(Runnable attempt) {
        return !isOver && reactor.insist(attempt);
    }

    private synchronized void over() {
        isOver = true;
    }

    /**
     * Connects out, if there is room; returns null if nothing was attempted. Not within a callback.
     *
     * @param isOutbound whether another connection of the server has asked for it
     * @throws OutOfMemoryError changes nothing
     */
    ReactorConnect connect(SocketAddress address, Duration timeout, Handler.Factory factory, boolean isOutbound) {
        ReactorConnect attempt = new ReactorConnect(this, address, timeout, factory, isOutbound); // first: it must not fail when counted
        String refusal = null;
        if (drain != null && !(isOutbound && drain.mayBeJoined())) {
            refusal = isOutbound ? "the server has drained" : "the connector drains";
        } else {
            Refusal noRoom = admission.enter();
            refusal = noRoom == null ? null : admission.text(noRoom);
        }
        if (refusal != null) {
            ReactorConnect.refuse(this, address, factory, refusal);
            return null;
        }
        load.incrementAndGet();
        outboundLoad += isOutbound ? 1 : 0;
        if (drain != null) {
            drain.joined();
        }
        attempt.begin();
        return attempt;
    }

    void opened(ReactorConnection connection, boolean isOutbound) {
        if (isOutbound) {
            outbound.add(connection); // first: without memory, none was opened
        }
        counters.add(Counter.OPENED, 1);
        ConnectionLog.opened(connection, connection.socket());
    }

    /** A socket that was handed to this loop could not become a connection. Throws nothing. */
    void dropped(SocketChannel channel, Throwable cause) {
        counters.add(Counter.FAILED_ACCEPTS, 1);
        admission.leave(channel);
        try {
            channel.close();
            log.warn(reactor.nowNs(), "cannot take a connection that was accepted", cause);
        } catch (Throwable t) {
            // its descriptor is free all the same
        }
    }

    /** A connection has closed; its last callback follows. */
    void closed(ReactorConnection connection, CloseReason reason) {
        lastReads.remove(connection);
        memoryWait.remove(connection);
        neverOpened.remove(connection);
        closedBy.increment(reason.kind());
        ConnectionLog.closed(connection, reason);
        admission.leave(connection.socket());
    }

    /** Its last callback has returned, too: a drain is not done before. */
    void gone(ReactorConnection connection, CloseReason reason) {
        if (drain != null) { // first: without memory, nothing has changed
            drain.closed(connection, DrainReport.isCut(reason) ? new DrainReport.Cut(connection.id(), connection.remoteAddress(), reason) : null);
        }
        load.decrementAndGet();
        outboundLoad -= outbound.remove(connection) ? 1 : 0;
        headers.remove(connection);
    }

    /** When a connection of which nothing is awaited is to be looked at. */
    long nextLookNs(SocketChannel channel) {
        probe.prepare(channel.provider());
        return reactor.nowNs() + Timeouts.LIVENESS_NS;
    }

    // ---- the drain ----------------------------------------------------------------------------------------------------

    /**
     * Asks every connection to leave, or, asked again, leaves them less time.
     *
     * @param whenDone called when the last has gone, and again if it found no memory; tasks that were handed in before may still tell
     *     of attempts that fail
     * @throws OutOfMemoryError if the drain has not begun
     */
    void drain(Duration quiet, Duration timeout, Runnable whenDone) {
        if (drain != null) {
            drain.hurry(quiet, timeout);
            return;
        }
        Drain begun = new Drain(reactor.loop(), this::forEachMember, () -> {
            if (!wasCutOff) {
                forgetEnd.run(); // a reactor may outlive many of us
                probe.close();
                over();
                whenDone.run();
            }
        });
        begun.begin(load.get(), outboundLoad, quiet, timeout);
        drain = begun; // now: without memory, nothing has begun
        memoryWait.drains();
        drain.go();
    }

    /** Any thread. Adds what was counted here to a snapshot. */
    void addTo(ServerStats.Builder stats) {
        long elsewhere = discardedElsewhere.get();
        stats.add(Counter.BYTES_DISCARDED, elsewhere);
        closedBy.forEach(CloseReason.Kind.class, stats::addClosed); // first: none has closed that was not opened
        counters.forEach(Counter.class, stats::add);
        stats.add(Counter.BYTES_ENQUEUED, elsewhere);
        stats.add(Counter.REFUSED, refused.sum());
    }

    /** Any thread. */
    boolean hasDrained() {
        return isOver;
    }

    /** The report of the drain, once it has ended. */
    DrainReport report() {
        return drain.report();
    }

    private List<ReactorConnection> connections() {
        List<ReactorConnection> connections = new ArrayList<>();
        forEachMember(member -> {
            if (member instanceof ReactorConnection connection && !connection.isClosed()) {
                connections.add(connection);
            }
        });
        return connections;
    }

    private void forEachMember(Consumer<Drain.Member> action) {
        reactor.forEachHandler(handler -> {
            if (handler instanceof ReactorConnection connection && connection.context == this) {
                action.accept(connection);
            } else if (handler instanceof ReactorConnect attempt && attempt.context == this) {
                action.accept(attempt);
            }
        });
    }

    // ---- memory -------------------------------------------------------------------------------------------------------

    /** Whether so many bytes may go straight to a socket; counts them if so. */
    boolean mayWriteStraight(int bytes) {
        boolean may = straightBytes < STRAIGHT_A_TURN;
        straightBytes += may ? bytes : 0;
        return may;
    }

    /**
     * Any thread. Whether so many bytes may be on their way from another thread: while there is room in the budget; and for a connection
     * that holds less than an equal share with them, while no more than the whole budget is on its way to this loop, which may be stuck.
     */
    boolean reserveElsewhere(int bytes, long pending) {
        long cost = (long) bytes + MESSAGE;
        long most = budget.isAboveShare(pending + cost) ? budget.limit() : 2 * budget.limit();
        long beside = budget.held() - elsewhere.get();
        // without room it takes none for a moment either: others would be refused for it
        long before = elsewhere.getAndUpdate(now -> beside + now + cost > most ? now : now + cost);
        return beside + before + cost <= most;
    }

    /** Any thread. Bytes that were on their way are here, or will not come. */
    void releaseElsewhere(int bytes) {
        elsewhere.addAndGet(-(long) bytes - MESSAGE);
    }

    /** How much a connection may hold and still be read. */
    long readMark() {
        memoryIsShort = budget.isShort();
        return budget.readMark();
    }

    /** Unread input of a connection, or what its handler holds, takes more memory than before, or less. */
    void keptChanged(long bytes) {
        kept.lazySet(kept.getPlain() + bytes);
        if (bytes > 0) {
            relieve();
        }
    }

    /** The handler of a connection holds so much on its behalf now. Zero needs no memory. */
    void holdMemory(ReactorConnection connection, long bytes) {
        Long before = bytes == 0 ? heldByHandlers.remove(connection) : heldByHandlers.put(connection, bytes);
        keptChanged(bytes - (before == null ? 0 : before));
    }

    /** What it holds. */
    long heldByHandler(ReactorConnection connection) {
        Long held = heldByHandlers.get(connection);
        return held == null ? 0 : held;
    }

    /** A connection is not read, for want of memory. */
    void waitForMemory(ReactorConnection connection) {
        memoryWait.add(connection);
    }

    /** It is read again. */
    void memoryWaitEnded(ReactorConnection connection) {
        memoryWait.remove(connection);
    }

    /** Output was queued: looks at the memory of all, unless there was enough and little has changed. */
    void queuedMore() {
        long now = queuedMemory() / NOTICED;
        if (now != noticed || memoryIsShort) { // when it is short, a little may pass the limit, and newcomers would be refused for it
            noticed = now;
            relieve();
        }
    }

    /** Above the limit, closes the connections that hold most until the rest is under it. Calls no handler. */
    void relieve() {
        memoryIsShort = budget.isShort();
        if (!memoryIsShort || !isOver()) {
            return;
        }
        connections().forEach(ReactorConnection::sendUnlessShort); // most of it may be bytes of this turn that only wait for its end
        ReactorContext fullest = fullest();
        if (fullest == this) {
            closeLargest(siblings.length);
        } else if (isOver()) {
            fullest.reactor.execute(fullest::relieve);
        }
    }

    /** As {@link #relieve}. Where none holds more than its share, one does on another loop: that is asked next, so many of them. */
    private void closeLargest(int loops) {
        while (isOver()) {
            Optional<ReactorConnection> largest = connections().stream().max(Comparator.comparingLong(ReactorConnection::held));
            if (largest.isEmpty() || !budget.isAboveShare(largest.get().held())) {
                if (loops > 1) {
                    next.reactor.execute(() -> next.closeLargest(loops - 1));
                }
                return;
            }
            largest.get().endForMemory();
        }
    }

    /** Connections of this loop wait, and others are to make room for them: has the next loop close its largest, and so on. */
    private void passOn(long bytes, int loops) {
        if (bytes > 0 && loops > 1) {
            next.reactor.execute(() -> next.passOn(next.memoryWait.closeLargest(bytes), loops - 1));
        }
    }

    private List<MemoryWait.Holding> holdings() {
        return connections().stream().map(each -> new MemoryWait.Holding(each.held(), each.id(), each::endForMemory)).toList();
    }

    /** Bytes on their way do not count here: those to a connection that is closed are given back later. */
    private boolean isOver() {
        if (!budget.isOver()) {
            return false;
        }
        long onTheirWay = Stream.of(siblings).mapToLong(sibling -> sibling.elsewhere.get()).sum();
        return budget.held() - onTheirWay > budget.limit();
    }

    private ReactorContext fullest() {
        return Stream.of(siblings).max(Comparator.comparingLong(ReactorContext::keptMemory)).orElseThrow();
    }

    /** Bytes of chunks in use on this loop. Any thread, which may see it late. */
    private long queuedMemory() {
        return outlet.chunks().used();
    }

    private long keptMemory() {
        return queuedMemory() + kept.get();
    }

    /** The account of this loop. Any thread, which may see it late. */
    private long heldMemory() {
        return keptMemory() + elsewhere.get();
    }
}
