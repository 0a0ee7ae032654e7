package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ChunkDepot;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Workers;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Outbound connections on a reactor of the caller's: the counterpart of a server's acceptor. Once open, a connection is what
 * it is on a server, with the same handler, queue, limits, deadlines and counters; {@link ServerOptions#maxConnections} bounds how many
 * there are, and {@link ServerOptions#maxMemory} what they hold, apart from those of any server. The reactor outlives it.
 */
public final class Connector implements AutoCloseable {

    private final ReactorContext context;

    /** Addresses that are connected to again and again. On the loop. */
    private final Set<Reconnecting> kept = new HashSet<>();
    private final CompletableFuture<DrainReport> termination = new CompletableFuture<>();
    private Runnable forgetEnd;
    private DrainReport report;

    private Connector(Reactor reactor, ServerOptions options) {
        Workers workers = new Workers(options.offloadThreads(), options.offloadQueue());
        this.context = new ReactorContext(reactor, options, SocketIo.PLAIN, workers, new Admission(options, MemoryBudget.LEAST_ON_A_LOOP), new ChunkDepot());
    }

    /**
     * Opens a connector; the caller is on the reactor's thread.
     *
     * @param reactor whose loop serves the connections, with sockets of its own provider
     * @param options how connections behave
     * @return connects while the reactor runs
     * @throws IllegalStateException on another thread
     */
    public static Connector open(Reactor reactor, ServerOptions options) {
        reactor.checkInLoop();
        Connector connector = new Connector(reactor, options);
        connector.forgetEnd = reactor.atEnd(connector::terminated);
        return connector;
    }

    /**
     * Any thread. Connects, and never waits. An attempt that fails is told to its handler by {@link Handler#onClose} with
     * {@link CloseReason.Kind#CONNECT_FAILURE}, without an {@code onOpen} before. That is so, too, at the limit of connections, and
     * once the connector drains or has drained; such an attempt is counted as refused.
     *
     * @param address where to, by TCP or to a Unix-domain socket; an address that was not resolved fails
     * @param timeout how long to wait for an answer; zero: as long as the system does
     * @param factory makes the handler, just before its first callback
     * @return false if the reactor has ended: then no callback comes
     */
    public boolean connect(SocketAddress address, Duration timeout, Handler.Factory factory) {
        return context.reactor.insist(() -> context.connect(address, timeout, factory, false));
    }

    /**
     * Any thread. Connects, and whenever the connection has ended, or could not be made, connects again after a while, until what is
     * returned is closed or the connector drains. Each connection has a handler of its own, and each attempt that fails is told to
     * one. An attempt that would fail every time is not made again, and the log says so: one to an address that was not resolved, or
     * of a kind for which the reactor's provider has no sockets.
     *
     * @param address where to, by TCP or to a Unix-domain socket
     * @param timeout how long to wait for an answer; zero: as long as the system does
     * @param backoff how long to wait before the next attempt; it begins from the shortest time once a byte was read, and after a
     *     connection that lived for the longest
     * @param factory makes the handler of each connection, just before its first callback
     * @return ends the attempts; if the reactor has ended, they have ended, and no callback comes
     * @throws IllegalArgumentException if the port is 0
     */
    public Reconnecting keepConnected(SocketAddress address, Duration timeout, Backoff backoff, Handler.Factory factory) {
        Reconnecting reconnecting = new Reconnecting(context, kept, address, timeout, backoff, factory);
        if (!context.reactor.execute(() -> begin(reconnecting))) {
            reconnecting.neverBegan();
        }
        return reconnecting;
    }

    private void begin(Reconnecting reconnecting) {
        kept.add(reconnecting);
        reconnecting.connect();
        if (context.drain != null) {
            reconnecting.end(null); // its handler was told
        }
    }

    private void endAttempts(Throwable why) {
        List.copyOf(kept).forEach(reconnecting -> reconnecting.end(why));
    }

    /**
     * Any thread.
     *
     * @return the counters of its connections; one that could not be made counts as opened and closed, or as refused
     */
    public ServerStats stats() {
        ServerStats.Builder stats = ServerStats.builder();
        context.addTo(stats);
        context.workers.addTo(stats);
        return stats.build();
    }

    /**
     * Any thread. Ends the connections well, as {@link Server#drain} does; those still being connected fail. Called again, it
     * may only bring the deadline forward.
     *
     * @param timeout how long that may take; zero cuts at once
     * @return completes once every connection has closed and its last callback has returned, exceptionally if the reactor ended before
     */
    public CompletableFuture<DrainReport> drain(Duration timeout) {
        Objects.requireNonNull(timeout, "timeout"); // else the drain would begin, and have no end
        context.reactor.execute(() -> {
            endAttempts(null);
            context.drain(Duration.ZERO, timeout, this::drained);
        });
        return termination.copy();
    }

    /** Any thread. Begins to drain within {@link ServerOptions#drainTimeout}, and does not wait for the end. */
    @Override
    public void close() {
        drain(context.options.drainTimeout());
    }

    private void drained() {
        report = context.report();
        context.reactor.execute(() -> { // behind what was handed in; where the reactor ends, its end tells
            forgetEnd.run();
            terminated();
        });
    }

    private void terminated() {
        context.workers.end();
        if (report == null) {
            Throwable why = new IllegalStateException("the reactor ended before its connections");
            endAttempts(why);
            termination.completeExceptionally(why);
        } else {
            termination.complete(report);
        }
    }
}
