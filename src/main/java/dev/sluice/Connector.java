package dev.sluice;

import dev.sluice.internal.Admission;
import dev.sluice.internal.Wire;
import dev.sluice.internal.Workers;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * Outbound connections on a reactor of the caller's: the counterpart of a server's acceptor. Once open, a connection is what
 * it is on a server, with the same handler, queue, limits, deadlines and counters; of the options, all but those of a
 * listener apply, {@link ServerOptions#maxConnections} included. The reactor outlives it.
 */
public final class Connector implements AutoCloseable {

    private final ServerOptions options;
    private final ConnectionGroup group;
    private final Workers workers;

    /** For the next attempt. On the loop. */
    private final Set<Timer> waiting = new HashSet<>();
    private final CompletableFuture<DrainReport> termination = new CompletableFuture<>();
    private Runnable forgetEnd;

    private Connector(Reactor reactor, ServerOptions options) {
        this.options = options;
        this.workers = new Workers(options.offloadThreads(), options.offloadQueue());
        Admission admission = new Admission(options.maxConnections());
        this.group = new ConnectionGroup(reactor, options, Wire.PLAIN, workers, admission::enter, admission::leave);
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
     * {@link CloseReason.Kind#CONNECT_FAILURE}, without an {@code onOpen} before. That is so, too, at the limit of connections and
     * once the connector drains; such an attempt is counted as refused.
     *
     * @param address where to; an address that was not resolved fails
     * @param timeout how long to wait for an answer; zero: as long as the system does
     * @param factory makes the handler, just before its first callback
     * @return false if the reactor has ended: then no callback comes
     */
    public boolean connect(InetSocketAddress address, Duration timeout, Handler.Factory factory) {
        return group.reactor.execute(() -> {
            if (group.drain != null) {
                group.refuse(address, factory, "the connector drains");
            } else {
                group.connect(address, timeout, factory, false);
            }
        });
    }

    /**
     * Any thread. Connects, and whenever the connection has ended, or could not be made, connects again after a while, until the
     * connector drains. Each connection has a handler of its own, and each attempt that fails is told to one.
     *
     * @param address where to; an address that was not resolved fails
     * @param timeout how long to wait for an answer; zero: as long as the system does
     * @param backoff how long to wait before the next attempt; a connection that was open begins from the shortest time
     * @param factory makes the handler of each connection, just before its first callback
     * @return false if the reactor has ended: then no callback comes
     */
    public boolean keepConnected(InetSocketAddress address, Duration timeout, Backoff backoff, Handler.Factory factory) {
        return new Reconnecting(this, address, timeout, backoff, factory).connect();
    }

    /** On the loop. Has a task run after a delay, unless the connector drains before. */
    void later(Duration delay, Runnable task) {
        if (group.drain != null) {
            return;
        }
        Timer[] timer = new Timer[1];
        timer[0] = group.reactor.schedule(delay, () -> {
            waiting.remove(timer[0]);
            task.run();
        });
        waiting.add(timer[0]);
    }

    /**
     * Any thread.
     *
     * @return the counters of its connections; one that could not be made counts as opened and closed, or as refused
     */
    public ServerStats stats() {
        return ServerStats.of(new ConnectionGroup[] {group}, new Reactor[] {group.reactor}, workers, 0, 0, 0);
    }

    /**
     * Any thread. Ends the connections well, as {@link Server#drain} does; those still being connected fail. Called again, it
     * may only bring the deadline forward.
     *
     * @param timeout how long that may take; zero cuts at once
     * @return completes once every connection has closed, exceptionally if the reactor ended before
     */
    public CompletableFuture<DrainReport> drain(Duration timeout) {
        Objects.requireNonNull(timeout, "timeout"); // else the drain would begin, and have no end
        group.reactor.execute(() -> {
            if (group.drain == null) {
                waiting.forEach(Timer::cancel);
                waiting.clear();
                group.drain(timeout, () -> {
                    forgetEnd.run();
                    workers.end();
                    termination.complete(DrainReport.of(group));
                });
            } else {
                group.drain.hurry(timeout);
            }
        });
        return termination.copy();
    }

    /** Any thread. Begins to drain within {@link ServerOptions#drainTimeout}, and does not wait for the end. */
    @Override
    public void close() {
        drain(options.drainTimeout());
    }

    private void terminated() {
        workers.end();
        termination.completeExceptionally(new IllegalStateException("the reactor ended before its connections"));
    }
}
