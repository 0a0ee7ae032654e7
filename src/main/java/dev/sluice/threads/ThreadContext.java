package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.DrainReport;
import dev.sluice.Server;
import dev.sluice.ServerObserver.Refusal;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.Counters;
import dev.sluice.internal.ConnectionLog;
import dev.sluice.internal.Drain;
import dev.sluice.internal.JfrEvents;
import dev.sluice.internal.LivenessProbe;
import dev.sluice.internal.Loop;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.MemoryWait;
import dev.sluice.internal.Outlet;
import dev.sluice.internal.Patience;
import dev.sluice.internal.RateLimitedLog;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Timeouts;
import dev.sluice.internal.Workers;
import dev.sluice.reactor.Reactor;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.LoggerFactory;

/**
 * The context that the connections of a server on threads share: the loop, threads, limits, counters, pools, the drain. Any thread,
 * unless a method says otherwise.
 */
final class ThreadContext {

    /** Accepts, and watches deadlines. */
    final Reactor reactor;

    /** Has a task run on the loop; false once that has ended. */
    final Predicate<Runnable> execute;

    final ServerOptions options;
    final Seams seams;
    final ConnectionThreads threads;
    final SocketIo socketIo;
    final Timeouts timeouts;
    final Workers workers;
    final Counters counters = Counters.shared(Counter.class);
    private final Counters closedBy = Counters.shared(CloseReason.Kind.class);
    final Outlet outlet;

    /** On the loop. */
    final LivenessProbe probe = new LivenessProbe();

    final Loop loop;

    /** See {@link dev.sluice.internal.ListenerSockets#renamed}. */
    Map<SocketAddress, SocketAddress> renamed = Collections.emptyMap();
    private final Set<ThreadConnection> connections;

    /** Outbound attempts that were refused and whose last callback has not returned. */
    private final Set<ThreadConnection> refusals = ConcurrentHashMap.newKeySet();

    /** Of what concerns several connections: too much memory, and the end of the last. */
    private final ReentrantLock lock;

    private final Condition oneHasGone;

    /** Of outbound queues and large reads. */
    private final ChunkPool chunks;

    /** Outbound connections that were not attempted. */
    private final LongAdder refused = new LongAdder();

    final Admission admission;
    private final MemoryBudget budget;
    final InputAccount input;

    /** Bytes that handlers hold on behalf of connections. */
    final AtomicLong heldByHandlers = new AtomicLong();

    /** On the loop. */
    private final MemoryWait memoryWait;

    private final RateLimitedLog log = new RateLimitedLog(LoggerFactory.getLogger(Server.class));

    /** On the loop. */
    private Drain drain;

    // made beforehand: the server may end for want of memory
    private final Runnable endAll = this::endAll;
    private final Runnable endThreads = this::endThreads;

    ThreadContext(
            Reactor reactor,
            ServerOptions options,
            Seams seams,
            ConnectionThreads threads,
            Admission admission) {
        this.reactor = reactor;
        this.execute = reactor::execute;
        this.options = options;
        this.seams = seams;
        this.threads = threads;
        this.socketIo = seams.socketIo();
        this.connections = seams.connections().get();
        this.chunks = seams.pools().get();
        this.lock = seams.locks().get();
        this.oneHasGone = lock.newCondition();
        this.workers = seams.workers().apply(options);
        this.admission = admission;
        this.loop = new Loop(reactor::schedule, reactor::scheduleEvery, reactor::execute, seams.clock());
        this.outlet = new Outlet(socketIo, chunks, counters);
        this.timeouts = new Timeouts(options);
        this.budget = admission.budget();
        this.input = new InputAccount(budget, chunks);
        this.memoryWait = new MemoryWait(budget, loop, options.writeTimeout().toNanos(), this::holdings, bytes -> {}); // there is no other loop
        budget.add(() -> chunks.used() + input.bytes() + heldByHandlers.get());
    }

    long nowNs() {
        return seams.clock().getAsLong();
    }

    // ---- connections --------------------------------------------------------------------------------------------------

    /**
     * On the loop. Gives a connection that was accepted to a thread.
     *
     * @return null, or why there is no thread for it; then there is no connection
     */
    Throwable serve(ThreadConnection connection) {
        counters.add(Counter.OPENED, 1); // before its thread can count it as closed
        try {
            connections.add(connection);
            ConnectionLog.opened(connection, connection.channel);
            threads.serve(connection);
        } catch (Throwable t) { // the limit of threads is an Error
            if (connection.disown()) {
                counters.add(Counter.OPENED, -1);
                connections.remove(connection);
                JfrEvents.forget(connection);
                return t;
            }
        }
        connection.watch();
        return null;
    }

    /** Connects out, on a thread apart; false if the server has ended. */
    boolean connect(ThreadConnect attempt) {
        return new LoopStep(execute, () -> connectOnLoop(attempt)).ask();
    }

    private void connectOnLoop(ThreadConnect attempt) {
        if (drain != null && !drain.mayBeJoined()) {
            refuse(attempt, new IOException("the server has drained"));
            return;
        }
        Refusal noRoom = admission.enter();
        if (noRoom != null) {
            refuse(attempt, new IOException(admission.text(noRoom)));
            return;
        }
        SocketChannel channel = null;
        ThreadConnection connection = null;
        try {
            channel = attempt.open(seams.sockets(), options);
            connection = new ThreadConnection(this, channel, attempt.address(), null, attempt, ThreadService.callbacks(attempt.factory()));
            connections.add(connection);
        } catch (Throwable t) { // no descriptor, no memory
            if (channel != null) {
                SocketIo.PLAIN.close(channel);
            }
            if (connection != null) {
                connections.remove(connection);
            }
            admission.leave(channel);
            refuse(attempt, t);
            return;
        }
        counters.add(Counter.OPENED, 1);
        if (drain != null) {
            drain.joined();
        }
        try {
            threads.serveApart(connection);
        } catch (Throwable t) { // the limit of threads is an Error
            if (connection.disown()) {
                connection.end(CloseReason.Kind.CONNECT_FAILURE, t);
            }
        }
    }

    /** On the thread that starts the server. */
    void rehearse() {
        new ThreadConnection(this, null, null, null, null, null).rehearse();
    }

    /** On the loop. Nothing is attempted, and the handler is told. Finds it no memory, nothing has happened. */
    private void refuse(ThreadConnect attempt, Throwable why) {
        ThreadConnection connection = new ThreadConnection(this, null, attempt.address(), null, attempt, null);
        connection.refuse(why);
        refusals.add(connection);
        refused.increment();
        try {
            threads.help(connection::tellRefusal);
        } catch (Throwable t) {
            if (connection.disown()) {
                connection.settleSoon();
            }
        }
    }

    void handlerFailed(String callback, ThreadConnection connection, Throwable cause) {
        counters.add(Counter.HANDLER_FAILURES, 1);
        try {
            String message = "handler failed on " + callback + ", " + connection;
            reactor.execute(() -> log.warn(nowNs(), message, cause));
        } catch (Throwable t) {
            // no memory to tell it with; it is counted
        }
    }

    /**
     * Without the turn: a helper may still be in a callback. A connection has closed, and its descriptor is free; its last callback
     * follows.
     */
    void closed(ThreadConnection connection, CloseReason reason) {
        closedBy.increment(reason.kind());
        ConnectionLog.closed(connection, reason);
        admission.leave(connection.socket());
    }

    /** On the loop. Its last callback has returned, too; called again after it has found no memory, or for one that was forgotten. */
    void gone(ThreadConnection connection, CloseReason reason) {
        memoryWait.remove(connection);
        if (drain != null && connections.contains(connection)) {
            drain.closed(connection, DrainReport.isCut(reason) ? new DrainReport.Cut(connection.id(), connection.remoteAddress(), reason) : null);
        }
        forget(connection);
    }

    /** Any thread. A connection is not waited for any more. */
    void forget(ThreadConnection connection) {
        lock.lock();
        try {
            connections.remove(connection);
            refusals.remove(connection);
            oneHasGone.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** On the server's thread, after its loop. Ends what is left, and waits for the last callbacks that are still to return. */
    void end() {
        Patience.untilDone(endAll);
        lock.lock();
        try {
            while (!connections.isEmpty() || !refusals.isEmpty()) {
                oneHasGone.awaitUninterruptibly();
            }
        } finally {
            lock.unlock();
        }
        assert budget.held() == 0 : "memory is held, and no connection is left: " + budget.held();
        Patience.untilDone(endThreads);
    }

    private void endAll() {
        for (ThreadConnection connection : connections) {
            connection.end(CloseReason.Kind.LOCAL, null);
            connection.settle();
        }
        refusals.forEach(ThreadConnection::settle);
    }

    private void endThreads() {
        threads.end();
        workers.end();
        probe.close();
    }

    /** Whether the calling thread is in a callback, a task or a stream handler of a connection. */
    boolean isInCallback() {
        return Stream.concat(connections.stream(), refusals.stream()).anyMatch(each -> each.isOwnThread() || each.turn.isMine());
    }

    /** Adds what was counted to a snapshot. */
    void addTo(ServerStats.Builder stats) {
        closedBy.forEach(CloseReason.Kind.class, stats::addClosed); // first: none has closed that was not opened
        stats.add(Counter.WAITING, threads.waiting());
        counters.forEach(Counter.class, stats::add);
        workers.addTo(stats);
        stats.add(Counter.REFUSED, refused.sum());
    }

    // ---- the drain ----------------------------------------------------------------------------------------------------

    /** On the loop. Asks every connection to leave, or, asked again, leaves them less time. */
    void drain(Duration quiet, Duration timeout, Runnable whenDone) {
        if (drain != null) {
            drain.hurry(quiet, timeout);
            return;
        }
        int outbound = (int) connections.stream().filter(ThreadConnection::isOutbound).count();
        Drain begun = new Drain(loop, this::forEachMember, whenDone);
        begun.begin(connections.size(), outbound, quiet, timeout);
        drain = begun; // now: without memory, nothing has begun
        memoryWait.drains();
        drain.go();
    }

    /**
     * On the loop. A connection is cut.
     *
     * @param owing  whether its handler works for its peer
     * @param unread bytes that have arrived and that no handler will take
     */
    void cut(boolean owing, int unread) {
        if (owing) {
            drain.cutOwing();
        }
        drain.leftUnread(unread);
    }

    /** Any thread, before the connection has {@link #gone}. Input has arrived that no handler will take. */
    void leftUnread(int bytes) {
        if (bytes > 0) {
            reactor.execute(() -> drain.leftUnread(bytes));
        }
    }

    /** The result of the drain, once it has ended. */
    DrainReport report() {
        return drain.report();
    }

    /** Those first that wait for a thread of a pool: one that is cut frees a thread, and the deadline is over. */
    private void forEachMember(Consumer<Drain.Member> action) {
        connections.stream().filter(connection -> !connection.hasThread()).forEach(action);
        connections.stream().filter(ThreadConnection::hasThread).forEach(action);
    }

    // ---- memory -------------------------------------------------------------------------------------------------------

    /** Any thread. What the connections hold, with what each needs at least. */
    long heldMemory() {
        return budget.held();
    }

    /** Whether memory is too short to read a connection for which so much counts. */
    boolean isShortFor(long bytes) {
        return budget.isShort() && bytes > budget.readMark();
    }

    /** Above the limit, closes the connections that hold most until the rest is under it. Without any connection's lock. */
    void relieve() {
        if (!budget.isOver()) {
            return;
        }
        lock.lock();
        try {
            while (true) {
                ThreadConnection largest = null;
                long most = 0;
                long leaving = 0;
                for (ThreadConnection connection : connections) {
                    if (connection.isClosed()) {
                        leaving += connection.pending() + connection.heldToRead(); // goes when its calls return
                    } else if (connection.held() + connection.heldToRead() > most) {
                        largest = connection;
                        most = connection.held() + connection.heldToRead();
                    }
                }
                if (budget.held() - leaving <= budget.limit() || !budget.isAboveShare(most)) {
                    return;
                }
                largest.end(CloseReason.Kind.MEMORY, null);
            }
        } finally {
            lock.unlock();
        }
    }

    private List<MemoryWait.Holding> holdings() {
        return connections.stream()
                .map(each -> new MemoryWait.Holding(each.held(), each.id(), () -> each.end(CloseReason.Kind.MEMORY, null)))
                .toList();
    }

    /** Any thread, with the connection's lock: it is not read any more for want of memory, or may be. */
    void tellMemoryWait(ThreadConnection connection) {
        reactor.execute(() -> {
            if (connection.isShortOfMemory()) {
                memoryWait.add(connection);
            } else {
                memoryWait.remove(connection);
            }
        });
    }
}
