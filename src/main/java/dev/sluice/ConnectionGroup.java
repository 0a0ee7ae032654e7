package dev.sluice;

import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.Count;
import dev.sluice.internal.Counters;
import dev.sluice.internal.Drain;
import dev.sluice.internal.Flight;
import dev.sluice.internal.Outlet;
import dev.sluice.internal.Patience;
import dev.sluice.internal.Pressure;
import dev.sluice.internal.Wire;
import dev.sluice.internal.Workers;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * What the connections of one server on one reactor share: limits, buffers lent to them, counters, and the memory that
 * their queues hold together. Belongs to the reactor's thread, but for what says otherwise.
 */
final class ConnectionGroup {

    /** Reads that a draining server gives a connection for what had arrived: 1 MiB. */
    private static final int LAST_READS = 16;

    final Reactor reactor;
    final ServerOptions options;
    final ReactorWatch watch;
    private final Pressure pressure;
    final Wire wire;
    final ReactorCallbacks callbacks;
    final ReactorInput input;
    final ReactorOutput output;
    final Counters counters = new Counters(Count.class);
    final Outlet outlet;
    final Counters closedBy = new Counters(CloseReason.Kind.class);

    final ConnectionTimers timers;
    final ConnectionWork work;

    /** Those that a connection of this group has made. */
    final Set<ReactorConnection> companions = Collections.newSetFromMap(new IdentityHashMap<>());

    /** Those that their factory has ended: their handlers hear of the end alone. */
    final Set<ReactorConnection> neverOpened = Collections.newSetFromMap(new IdentityHashMap<>());

    /** Companions, those included that are being connected. */
    private int companionLoad;

    private boolean onlyCompanionsAreLeft;

    /** Outbound connections that were not attempted. Any thread. */
    final LongAdder refused = new LongAdder();

    /** Bytes that other threads wrote after the close, or that were on their way at the end. Any thread. */
    final LongAdder refusedElsewhere = new LongAdder();

    /** Bytes on their way from other threads, which may be no more than all queues may hold. Any thread. */
    final AtomicLong elsewhere = new AtomicLong();

    /** Connections handed to this group and not gone yet, those included that are being connected. Any thread. */
    final AtomicInteger load = new AtomicInteger();

    /** The end of the group, once it has begun. */
    Drain<DrainReport.Cut> drain;

    /** Reads that connections still have while the server drains: who sends on while its handler pauses and resumes must not keep it. */
    private final Map<ReactorConnection, Integer> lastReads = new IdentityHashMap<>();

    private final BooleanSupplier mayEnter;
    private final Runnable whenOneLeaves;
    private final Runnable forgetEnd;

    /** Whether the reactor has ended before the group: then it has not drained. */
    private boolean wasCutOff;

    /** Whether it has drained, and nobody can ask for an attempt any more. With the monitor. */
    private boolean isOver;

    private ConnectionGroup[] siblings = {this};

    ConnectionGroup(
            Reactor reactor, ServerOptions options, Wire wire, Workers workers, BooleanSupplier mayEnter, Runnable whenOneLeaves) {
        this.reactor = reactor;
        this.options = options;
        this.wire = wire;
        this.outlet = new Outlet(wire, new ChunkPool(), counters);
        this.callbacks = new ReactorCallbacks(this);
        this.input = new ReactorInput(this);
        this.output = new ReactorOutput(this);
        this.mayEnter = mayEnter;
        this.whenOneLeaves = whenOneLeaves;
        this.timers = new ConnectionTimers(reactor);
        this.work = new ConnectionWork(this, workers);
        this.watch = new ReactorWatch(reactor, new Patience(
                options.idleTimeout().toNanos(), options.writeTimeout().toNanos(), options.lingerTimeout().toNanos()));
        this.pressure = new Pressure(options.highWater(), options.maxPendingTotal());
        forgetEnd = reactor.atEnd(() -> {
            wasCutOff = true;
            forEach(connection -> connection.end(CloseReason.Kind.LOCAL, null));
            forEachAttempt(ConnectAttempt::abandon);
            watch.close();
        });
    }

    /** There is no server after all: a reactor of the caller's must not keep its buffers. */
    void neverBegan() {
        forgetEnd.run();
    }

    /** All groups of the server, which share one limit of memory. Before the loops start. */
    void share(ConnectionGroup[] groups) {
        siblings = groups;
    }

    /** Any thread. Has an attempt made on the loop; false once all is over. Each that is taken is told of before the end is. */
    synchronized boolean ask(Runnable attempt) {
        return !isOver && reactor.execute(attempt);
    }

    /** Connects out, if there is room; returns null if nothing was attempted. Not within a callback. */
    ConnectAttempt connect(InetSocketAddress address, Duration timeout, Handler.Factory factory, boolean isCompanion) {
        if (drain != null && (!drain.mayBeJoined() || onlyCompanionsAreLeft)) {
            return refuse(address, factory, "the server has drained");
        }
        if (!mayEnter.getAsBoolean()) {
            return refuse(address, factory, options.maxConnections() + " connections are open, the limit");
        }
        load.incrementAndGet();
        companionLoad += isCompanion ? 1 : 0;
        if (drain != null) {
            drain.joined();
        }
        return ConnectAttempt.begin(this, address, timeout, factory, isCompanion);
    }

    /** Nothing is attempted, and the handler is told. Not within a callback. */
    ConnectAttempt refuse(InetSocketAddress address, Handler.Factory factory, String why) {
        refused.increment();
        ConnectAttempt.refuse(this, address, factory, why);
        return null;
    }

    void opened(ReactorConnection connection) {
        counters.increment(Count.ADMITTED);
        Flight.opened(connection);
    }

    void closed(ReactorConnection connection, CloseReason reason) {
        closedBy.increment(reason.kind());
        Flight.closed(connection, connection.remoteAddress(), reason.kind(), reason.unsent());
        whenOneLeaves.run();
    }

    /** Its last callback has returned, too: a drain is not done before. */
    void gone(ReactorConnection connection, CloseReason reason) {
        load.decrementAndGet();
        companionLoad -= companions.remove(connection) ? 1 : 0;
        lastReads.remove(connection);
        neverOpened.remove(connection);
        if (drain != null) {
            drain.closed(DrainReport.isCut(reason) ? new DrainReport.Cut(connection.remoteAddress(), reason) : null);
            releaseCompanions();
        }
    }

    /**
     * Asks every connection to leave, once: companions last, as those who made them have to do with them until their own end.
     *
     * @param whenDone called when the last has gone; tasks that were handed in before may still tell of attempts that fail
     */
    void drain(Duration timeout, Runnable whenDone) {
        drain = new Drain<>(reactor.loop(), this::cutTheRest, () -> {
            if (!wasCutOff) {
                forgetEnd.run(); // a reactor may outlive many of us
                watch.close();
                end();
                whenDone.run();
            }
        });
        drain.begin(load.get(), timeout);
        forEach(connection -> {
            if (!companions.contains(connection)) {
                leave(connection);
            }
        });
        forEachAttempt(attempt -> {
            if (!attempt.isCompanion) {
                attempt.abandon();
            }
        });
        releaseCompanions();
    }

    private synchronized void end() {
        isOver = true;
    }

    private void releaseCompanions() {
        if (!onlyCompanionsAreLeft && load.get() == companionLoad) {
            onlyCompanionsAreLeft = true;
            reactor.execute(() -> {
                forEach(this::leave);
                forEachAttempt(ConnectAttempt::abandon);
            });
        }
    }

    /** The drain is over: awaiting only the peer's end is no loss. */
    private void cutTheRest() {
        forEach(connection -> {
            if (connection.isLingering()) {
                connection.end(CloseReason.Kind.LOCAL, null);
            } else if (!connection.isClosed()) {
                countUnread(connection);
                if (work.isHeld(connection)) {
                    drain.cutOwing();
                }
                connection.end(CloseReason.Kind.DRAIN_DEADLINE, null);
            }
        });
        forEachAttempt(ConnectAttempt::abandon);
    }

    /** Nothing more is given to its handler, because the server drains. */
    private void countUnread(ReactorConnection connection) {
        if (connection.takesInput() && !connection.inputEnded) {
            drain.leftUnread(input.unread(connection));
        }
    }

    /** What has arrived is handled, then the connection closes. */
    private void leave(ReactorConnection connection) {
        try {
            int reads = lastReads.getOrDefault(connection, LAST_READS);
            while (reads > 0 && connection.isReading() && input.read(connection)) {
                reads--;
                output.send(connection);
            }
            lastReads.put(connection, reads);
            closeUnlessInputWaits(connection);
            output.flush(connection, false); // what the callbacks wrote, or closed
        } catch (Throwable t) { // no memory; the others leave all the same
            connection.end(CloseReason.Kind.RESET, t);
        }
    }

    /** Reading goes on: what was left unread is offered again. */
    void resume(ReactorConnection connection) {
        try {
            if (connection.owed) {
                connection.owed = false;
                if (!connection.stuck || !connection.isReading() || !input.read(connection)) {
                    input.offerRemainder(connection);
                }
            }
            output.flush(connection, false);
        } catch (Throwable t) { // no memory
            connection.end(CloseReason.Kind.RESET, t);
        }
        if (drain != null && !connection.isClosed() && (onlyCompanionsAreLeft || !companions.contains(connection))) {
            leave(connection);
        }
    }

    private void closeUnlessInputWaits(ReactorConnection connection) {
        boolean stopped = connection.throttled || connection.paused || connection.owed;
        if (connection.takesInput() && !connection.inputEnded && stopped && (connection.remainder != null || lastReads.get(connection) > 0)) {
            return; // what has arrived is offered when there is room for what it brings, or the handler goes on
        }
        countUnread(connection);
        if (work.isHeld(connection) && connection.takesInput() && !connection.inputEnded) {
            callbacks.call(connection, ReactorCallbacks.Event.EOF, null);
        }
        connection.close();
    }

    boolean readsWhileOutputWaits(ReactorConnection connection) {
        return connection.handler != null && connection.handler.readsWhileOutputWaits();
    }

    void forEach(Consumer<ReactorConnection> action) {
        reactor.forEachTenant(tenant -> {
            if (tenant instanceof ReactorConnection connection && connection.group == this) {
                action.accept(connection);
            }
        });
    }

    private void forEachAttempt(Consumer<ConnectAttempt> action) {
        reactor.forEachTenant(tenant -> {
            if (tenant instanceof ConnectAttempt attempt && attempt.group == this) {
                action.accept(attempt);
            }
        });
    }

    // ---- the memory of all queues -------------------------------------------------------------------------------------

    /** The queue length above which a connection is not read. */
    long readMark() {
        return pressure.readMark(held());
    }

    /** Above the limit, closes the longest queues until the rest is under it. Calls no handler. */
    void relieve() {
        if (!pressure.isOver(held())) {
            return;
        }
        // most of it may be bytes of this turn that only wait for its end
        forEach(connection -> {
            if (!connection.output.fellShort()) {
                output.send(connection);
            }
        });
        while (pressure.isOver(held())) {
            ConnectionGroup fattest = fattest();
            if (fattest != this) {
                fattest.reactor.execute(fattest::relieve);
                return;
            }
            ReactorConnection[] longest = new ReactorConnection[1];
            forEach(connection -> {
                if (!connection.isClosed() && (longest[0] == null || connection.output.length() > longest[0].output.length())) {
                    longest[0] = connection;
                }
            });
            if (longest[0] == null) {
                return;
            }
            longest[0].end(CloseReason.Kind.QUEUE_LIMIT, null);
        }
    }

    private ConnectionGroup fattest() {
        ConnectionGroup fattest = this;
        for (ConnectionGroup sibling : siblings) {
            if (sibling.outlet.chunks().used() > fattest.outlet.chunks().used()) {
                fattest = sibling;
            }
        }
        return fattest;
    }

    /** Bytes of chunks in use by this group and its siblings. */
    private long held() {
        long total = 0;
        for (ConnectionGroup sibling : siblings) {
            total += sibling.outlet.chunks().used();
        }
        return total;
    }
}
