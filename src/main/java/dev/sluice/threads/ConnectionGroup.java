package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Reactor;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.Count;
import dev.sluice.internal.Counters;
import dev.sluice.internal.Drain;
import dev.sluice.internal.Flight;
import dev.sluice.internal.LivenessProbe;
import dev.sluice.internal.Loop;
import dev.sluice.internal.Outlet;
import dev.sluice.internal.Patience;
import dev.sluice.internal.Pressure;
import dev.sluice.internal.RareLog;
import dev.sluice.internal.Wire;
import dev.sluice.internal.Workers;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.slf4j.LoggerFactory;

/**
 * What the connections of a server share: limits, threads, counters, and the memory that their queues hold together. Any
 * thread.
 */
final class ConnectionGroup {

    /** Accepts, and watches deadlines. */
    final Reactor reactor;

    final ServerOptions options;
    final Crew crew;
    final Wire wire;
    final Patience patience;
    final Counters counters = Counters.shared(Count.class);
    final Counters closedBy = Counters.shared(CloseReason.Kind.class);
    final Set<ThreadConnection> connections = ConcurrentHashMap.newKeySet();

    /** Attempts that were refused and whose last callback has not returned. */
    private final Set<ThreadConnection> refusals = ConcurrentHashMap.newKeySet();

    private final ReentrantLock ending = new ReentrantLock();
    private final Condition oneHasGone = ending.newCondition();

    /** Of outbound queues. */
    final ChunkPool chunks = new LockedChunks();

    /** A read that blocks owns its buffer, a chunk of these. */
    final ChunkPool readBuffers = new LockedChunks();

    final Outlet outlet;
    final Function<ThreadConnection, Style> styles;

    /** Looks at connections. On the loop. */
    final LivenessProbe probe = new LivenessProbe();

    /** How long a connection whose thread does not read is left alone. */
    long livenessNs = Patience.LIVENESS_NS;

    /** The end of the group, once it has begun. On the loop. */
    Drain<DrainReport.Cut> drain;

    private boolean onlyCompanionsAreLeft;

    final Workers workers;

    /** Outbound connections that were not attempted. */
    final LongAdder refused = new LongAdder();

    private final BooleanSupplier mayEnter;
    private final Runnable whenOneLeaves;
    private final Pressure pressure;
    private final ReentrantLock relieving = new ReentrantLock();
    private final RareLog log = new RareLog(LoggerFactory.getLogger(Server.class));

    ConnectionGroup(
            Reactor reactor,
            ServerOptions options,
            Crew crew,
            Wire wire,
            Function<ThreadConnection, Style> styles,
            BooleanSupplier mayEnter,
            Runnable whenOneLeaves) {
        this.reactor = reactor;
        this.options = options;
        this.crew = crew;
        this.wire = wire;
        this.styles = styles;
        this.workers = new Workers(options.offloadThreads(), options.offloadQueue());
        this.mayEnter = mayEnter;
        this.whenOneLeaves = whenOneLeaves;
        this.outlet = new Outlet(wire, chunks, counters);
        this.patience = new Patience(
                options.idleTimeout().toNanos(), options.writeTimeout().toNanos(), options.lingerTimeout().toNanos());
        this.pressure = new Pressure(options.highWater(), options.maxPendingTotal());
    }

    /** Any thread. Connects out, on a thread apart; false if the server has ended. */
    boolean connect(Dial dial, Handler.Factory factory) {
        return reactor.execute(() -> connectOnLoop(dial, self -> new CallbackStyle(self, factory)));
    }

    private void connectOnLoop(Dial dial, Function<ThreadConnection, Style> style) {
        boolean drained = drain != null && (!drain.mayBeJoined() || onlyCompanionsAreLeft);
        if (drained || !mayEnter.getAsBoolean()) {
            refuse(dial, style, new IOException(drained ? "the server has drained" : options.maxConnections() + " connections are open, the limit"));
            return;
        }
        ThreadConnection connection;
        try {
            connection = new ThreadConnection(this, dial.open(options), dial.address(), dial, style);
        } catch (Throwable t) { // no descriptor, no memory
            whenOneLeaves.run();
            refuse(dial, style, t);
            return;
        }
        counters.increment(Count.ADMITTED);
        connections.add(connection);
        if (drain != null) {
            drain.joined();
        }
        try {
            crew.serveApart(connection.ownThread);
        } catch (Throwable t) { // the limit of threads is an Error
            connection.life.end(CloseReason.Kind.CONNECT_FAILURE, t);
            connection.life.finish();
        }
    }

    /** On the loop. Nothing is attempted, and the handler is told. */
    private void refuse(Dial dial, Function<ThreadConnection, Style> style, Throwable why) {
        refused.increment();
        ThreadConnection connection = new ThreadConnection(this, null, dial.address(), dial, style);
        refusals.add(connection);
        Runnable tell = () -> {
            try {
                connection.life.refuse(why);
            } finally {
                forget(connection, refusals);
            }
        };
        try {
            crew.help(tell);
        } catch (Throwable t) {
            tell.run();
        }
    }

    /** A connection has closed, and its descriptor is free. */
    void closed(ThreadConnection connection, CloseReason reason) {
        closedBy.increment(reason.kind());
        Flight.closed(connection, connection.remoteAddress(), reason.kind(), reason.unsent());
        whenOneLeaves.run();
    }

    /** Its last callback has returned, too. */
    void gone(ThreadConnection connection, CloseReason reason) {
        boolean taken = reactor.execute(() -> {
            connections.remove(connection);
            if (drain != null) {
                if (connection.life.wasCutOwing()) {
                    drain.cutOwing();
                }
                drain.leftUnread(connection.life.unread());
                drain.closed(DrainReport.isCut(reason) ? new DrainReport.Cut(connection.remoteAddress(), reason) : null);
                releaseCompanions();
            }
        });
        if (!taken) { // the loop has failed
            forget(connection, connections);
        }
    }

    private void forget(ThreadConnection connection, Set<ThreadConnection> from) {
        ending.lock();
        try {
            from.remove(connection);
            oneHasGone.signalAll();
        } finally {
            ending.unlock();
        }
    }

    /** On the server's thread, after its loop. Waits for the last callbacks that are still to return. */
    void awaitLastCallbacks() {
        ending.lock();
        try {
            while (!connections.isEmpty() || !refusals.isEmpty()) {
                oneHasGone.awaitUninterruptibly();
            }
        } finally {
            ending.unlock();
        }
    }

    /** On the loop. Asks every connection to leave; once. */
    void drain(Duration timeout, Loop loop, Runnable whenDone) {
        drain = new Drain<>(loop, this::cutTheRest, whenDone);
        drain.begin(connections.size(), timeout);
        connections.stream().filter(connection -> !connection.isCompanion()).forEach(connection -> connection.ownThread.drain());
        releaseCompanions();
    }

    /** Companions leave last: those who made them have to do with them until their own end. */
    private void releaseCompanions() {
        if (!onlyCompanionsAreLeft && connections.stream().allMatch(ThreadConnection::isCompanion)) {
            onlyCompanionsAreLeft = true;
            connections.forEach(connection -> {
                connection.life.abandon();
                connection.ownThread.drain();
            });
        }
    }

    /** Those first who wait for a thread of a pool: whoever is cut frees one, and the deadline is over. */
    private void cutTheRest() {
        connections.stream().filter(connection -> !connection.ownThread.hasBegun()).forEach(connection -> connection.life.cut());
        connections.forEach(connection -> connection.life.cut());
    }

    void handlerFailed(String callback, ThreadConnection connection, Throwable cause) {
        counters.increment(Count.HANDLER_FAILURES);
        try {
            String message = "handler failed on " + callback + ", " + connection;
            reactor.execute(() -> log.warn(System.nanoTime(), message, cause));
        } catch (Throwable t) {
            // no memory to tell it with; it is counted
        }
    }

    /** The queue length above which a connection is not read. */
    long readMark() {
        return pressure.readMark(chunks.used());
    }

    /** Above the limit of all queues, closes the longest until the rest is under it. Without any connection's lock. */
    void relieve() {
        if (!pressure.isOver(chunks.used())) {
            return;
        }
        relieving.lock();
        try {
            while (true) {
                ThreadConnection longest = null;
                long leaving = 0;
                for (ThreadConnection connection : connections) {
                    if (connection.life.isClosed()) {
                        leaving += connection.pending(); // was being written, and goes when its call returns
                    } else if (connection.pending() > (longest == null ? 0 : longest.pending())) {
                        longest = connection;
                    }
                }
                if (longest == null || !pressure.isOver(chunks.used() - leaving)) {
                    return;
                }
                longest.life.end(CloseReason.Kind.QUEUE_LIMIT, null);
            }
        } finally {
            relieving.unlock();
        }
    }
}
