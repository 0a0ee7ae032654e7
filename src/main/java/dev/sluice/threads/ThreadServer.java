package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Reactor;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.internal.Count;
import dev.sluice.internal.Drain;
import dev.sluice.internal.Listener;
import dev.sluice.internal.Loop;
import dev.sluice.internal.Wire;
import dev.sluice.internal.Workers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.LoggerFactory;

/**
 * A server whose connections each have a thread: one of its own, one of a pool, or a virtual one. Handlers, options, limits,
 * close reasons and counters are those of a {@link dev.sluice.ReactorServer}; a handler may block, at the expense of its own
 * connection alone. A {@link Reactor} with nothing but the listener on it accepts, and watches the deadlines.
 */
public final class ThreadServer implements Server {

    private final Reactor reactor;
    private final Loop loop;
    private final Crew crew;
    private final ConnectionGroup group;
    private final Acceptor acceptor;
    private final Thread thread = new Thread(this::run, "sluice-acceptor");
    private final CompletableFuture<DrainReport> termination = new CompletableFuture<>();
    private volatile DrainReport report;
    private volatile Throwable failure;

    private ThreadServer(
            InetSocketAddress address,
            ServerOptions options,
            Crew crew,
            Reactor reactor,
            Wire wire,
            Function<ThreadConnection, Style> styles)
            throws IOException {
        this.reactor = reactor;
        this.crew = crew;
        this.loop = new Loop((delay, task) -> reactor.schedule(delay, task)::cancel, reactor::execute, System::nanoTime);
        this.group = new ConnectionGroup(reactor, options, crew, wire, styles, this::mayEnter, this::left);
        ServerSocketChannel socket = ServerSocketChannel.open();
        try {
            this.acceptor = new Acceptor(reactor, loop, group, socket, address);
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Starts a server that runs the same handlers as a reactor.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave; there are no sub-reactors
     * @param threads what serves the connections
     * @param factory makes the handler of each connection
     * @return a server that accepts connections
     * @throws IOException              if the address cannot be listened on, or no selector can be opened
     * @throws IllegalArgumentException if the options ask for sub-reactors, or for a loop that spins
     * @throws OutOfMemoryError         if a pool's threads are not to be had
     */
    public static ThreadServer start(
            InetSocketAddress address, ServerOptions options, Threads threads, Handler.Factory factory)
            throws IOException {
        return start(address, options, threads::open, Wire.PLAIN, connection -> new CallbackStyle(connection, factory));
    }

    /**
     * Starts a server whose handler blocks: one method for each connection, which reads and writes streams.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave; there are no sub-reactors
     * @param threads what serves the connections
     * @param handler serves every connection
     * @return a server that accepts connections
     * @throws IOException              if the address cannot be listened on, or no selector can be opened
     * @throws IllegalArgumentException if the options ask for sub-reactors, or for a loop that spins
     * @throws OutOfMemoryError         if a pool's threads are not to be had
     */
    public static ThreadServer start(
            InetSocketAddress address, ServerOptions options, Threads threads, StreamHandler handler)
            throws IOException {
        return start(address, options, threads::open, Wire.PLAIN, connection -> new StreamStyle(connection, handler));
    }

    static ThreadServer start(
            InetSocketAddress address,
            ServerOptions options,
            Supplier<Crew> threads,
            Wire wire,
            Function<ThreadConnection, Style> styles)
            throws IOException {
        if (options.subReactors() != 0) {
            throw new IllegalArgumentException("subReactors must be 0 on threads, was " + options.subReactors());
        }
        if (!options.spin().isZero()) {
            throw new IllegalArgumentException("spin must be 0 on threads, was " + options.spin());
        }
        Reactor reactor = Reactor.open();
        Crew crew = null;
        try {
            crew = threads.get();
            ThreadServer server = new ThreadServer(address, options, crew, reactor, wire, styles);
            server.thread.start();
            return server;
        } catch (Throwable t) { // an Error too: there may be no thread to be had
            reactor.close();
            if (crew != null) {
                crew.end();
            }
            throw t;
        }
    }

    @Override
    public InetSocketAddress address() {
        return acceptor.listener.address();
    }

    private boolean mayEnter() {
        return acceptor.listener.enter();
    }

    private void left() {
        acceptor.listener.left();
    }

    // ---- the loop and its end -----------------------------------------------------------------------------------------

    private void run() {
        try {
            reactor.run();
        } catch (Throwable t) {
            failure = t;
            LoggerFactory.getLogger(Server.class).error("the loop has failed, and the server ends", t);
        } finally {
            group.connections.forEach(connection -> connection.life.end(Kind.LOCAL, null));
            group.awaitLastCallbacks();
            crew.end();
            group.workers.end();
            group.probe.close();
            if (failure == null) {
                termination.complete(report);
            } else {
                termination.completeExceptionally(failure);
            }
        }
    }

    @Override
    public CompletableFuture<DrainReport> drain(Duration timeout) {
        Objects.requireNonNull(timeout, "timeout"); // else the drain would begin, and have no end
        reactor.execute(() -> drainOnLoop(timeout));
        return termination();
    }

    private void drainOnLoop(Duration timeout) {
        if (group.drain != null) {
            group.drain.hurry(timeout);
            return;
        }
        try {
            acceptor.listener.close();
        } catch (IOException e) {
            failure = e;
        }
        group.drain(timeout, loop, this::drained);
    }

    private void drained() {
        Drain<DrainReport.Cut> drain = group.drain;
        report = new DrainReport(drain.connections(), List.copyOf(drain.cuts()), drain.owed(), drain.unread());
        reactor.stop();
    }

    @Override
    public CompletableFuture<DrainReport> termination() {
        return termination.copy();
    }

    @Override
    public void close() {
        CompletableFuture<DrainReport> end = drain(group.options.drainTimeout());
        if (Thread.currentThread() != thread && !crew.isOurs() && !group.workers.isOurs()) {
            end.exceptionally(t -> null).join();
        }
    }

    // ---- the counters -------------------------------------------------------------------------------------------------

    @Override
    public ServerStats stats() {
        long pauses = acceptor.listener.get(Listener.Count.PAUSES); // each effect is read before its cause
        long failed = acceptor.listener.get(Listener.Count.FAILED);
        Map<CloseReason.Kind, Long> closedBy = new EnumMap<>(CloseReason.Kind.class);
        group.closedBy.addTo(closedBy, CloseReason.Kind.class);
        int waiting = crew.waiting();
        Map<Count, Long> sums = new EnumMap<>(Count.class);
        group.counters.addTo(sums, Count.class);
        Workers.Books work = group.workers.books();
        return new ServerStats(
                new ServerStats.Connections(
                        sums.get(Count.ADMITTED) - sums.get(Count.UNSERVED),
                        closedBy.values().stream().mapToLong(closed -> closed).sum(),
                        Map.copyOf(closedBy),
                        waiting,
                        acceptor.listener.get(Listener.Count.REFUSED) + group.refused.sum(),
                        failed,
                        pauses,
                        sums.get(Count.HANDLER_FAILURES),
                        sums.get(Count.DROPPED_TASKS)),
                new ServerStats.Bytes(
                        sums.get(Count.READ), sums.get(Count.ENQUEUED), sums.get(Count.WRITTEN), sums.get(Count.DISCARDED)),
                new ServerStats.Calls(
                        sums.get(Count.READS), sums.get(Count.WRITES), sums.get(Count.SHORT_WRITES), 0, sums.get(Count.READ_PAUSES)),
                new ServerStats.Work(work.taken(), work.done(), work.full()),
                List.of(reactor.stats()));
    }
}
