package dev.sluice.reactor;

import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ChunkDepot;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.Patience;
import dev.sluice.internal.Rehearsal;
import dev.sluice.internal.ServerEnd;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Workers;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A server whose connections live on one reactor, or on several: the first accepts, and serves them itself unless there
 * are sub-reactors.
 */
public final class ReactorServer implements Server {

    static {
        Rehearsal.initialise(
                Reactor.class, ReactorAcceptor.class, ReactorConnect.class, ReactorConnection.class, ReactorContext.class,
                ReadyHandler.class, Registration.class, Scarcity.class, SpinGuard.class, Watchdog.class);
    }

    private final Reactor[] reactors;
    private final ReactorContext[] contexts;
    private final ReactorAcceptor acceptor;
    private final boolean ownsReactors;
    private final ServerOptions options;
    private final MemoryBudget budget;
    private final Workers workers;
    private final ChunkDepot depot = new ChunkDepot();
    private final ServerEnd end = new ServerEnd();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicInteger running;

    /** Made beforehand: a loop may end for want of memory. */
    private final Runnable terminated = this::terminated;

    private ReactorServer(
            Reactor[] reactors,
            boolean ownsReactors,
            SelectorProvider provider,
            List<Listener> listeners,
            ServerOptions options,
            SocketIo socketIo,
            Handler.Factory factory)
            throws IOException {
        this.reactors = reactors;
        this.ownsReactors = ownsReactors;
        this.options = options;
        this.workers = new Workers(options.offloadThreads(), options.offloadQueue());
        Admission admission = new Admission(options, MemoryBudget.LEAST_ON_A_LOOP);
        this.budget = admission.budget();
        int first = reactors.length == 1 ? 0 : 1;
        this.contexts = new ReactorContext[reactors.length - first];
        for (int i = 0; i < contexts.length; i++) {
            contexts[i] = new ReactorContext(reactors[first + i], options, socketIo, workers, admission, depot);
        }
        for (ReactorContext context : contexts) {
            context.share(contexts);
        }
        this.running = new AtomicInteger(reactors.length);
        try {
            this.acceptor = new ReactorAcceptor(reactors[0], options, contexts, admission, factory, provider, listeners);
        } catch (Throwable t) {
            for (ReactorContext context : contexts) {
                context.neverBegan();
            }
            throw t;
        }
    }

    /**
     * Starts a server on one thread of its own, which keeps the process alive.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param factory makes the handler of each connection
     * @return a server that accepts connections
     * @throws IOException if the address cannot be listened on, or no selector can be opened
     */
    public static ReactorServer start(InetSocketAddress address, ServerOptions options, Handler.Factory factory) throws IOException {
        return start(List.of(Listener.at(address)), ReactorOptions.builder().server(options).build(), factory);
    }

    /**
     * Starts a server on threads of its own, one for each loop, which keep the process alive.
     *
     * @param listeners where to listen, at least one; they share the server's limits, counters, handlers and drain
     * @param options   how to behave
     * @param factory   makes the handler of each connection
     * @return a server that accepts connections
     * @throws IOException if one of the addresses cannot be listened on, or no selector can be opened; then none is listened on
     */
    public static ReactorServer start(List<Listener> listeners, ReactorOptions options, Handler.Factory factory) throws IOException {
        Reactor[] reactors = new Reactor[1 + options.subReactors()];
        try {
            for (int i = 0; i < reactors.length; i++) {
                reactors[i] = Reactor.open();
            }
            return start(reactors, listeners, options, factory);
        } catch (Throwable e) { // an Error too: there may be no thread to be had
            for (Reactor reactor : reactors) {
                if (reactor != null) {
                    reactor.close();
                }
            }
            throw e;
        }
    }

    /** On reactors that have no thread yet, the acceptor's first. */
    static ReactorServer start(
            Reactor[] reactors, List<Listener> listeners, ReactorOptions options, Handler.Factory factory)
            throws IOException {
        ReactorServer server =
                new ReactorServer(reactors, true, SelectorProvider.provider(), listeners, options.server(), SocketIo.PLAIN, factory);
        for (int i = 0; i < reactors.length; i++) {
            Reactor reactor = reactors[i];
            reactor.busyPoll.longestNs(options.spin().toNanos());
            server.threads.add(new Thread(() -> server.run(reactor), "sluice-reactor-" + i));
        }
        Watchdog watchdog = options.stallThreshold().isZero() ? null : server.watched(options.stallThreshold(), options.server().observer());
        server.threads.forEach(Thread::start);
        if (watchdog != null) {
            watchdog.start();
        }
        return server;
    }

    private Watchdog watched(Duration threshold, ServerObserver observer) {
        Watchdog watchdog = new Watchdog(threshold, observer);
        if (reactors.length > contexts.length) {
            watchdog.watch(reactors[0], () -> "no handler");
        }
        for (ReactorContext context : contexts) {
            watchdog.watch(context.reactor, context::runningHandler);
        }
        end.termination().whenComplete((report, failure) -> watchdog.end());
        return watchdog;
    }

    /**
     * Opens a server on a reactor of the caller's. The caller runs its turns, and may have other channels on it. The reactor outlives
     * the server.
     *
     * @param reactor  whose loop serves the connections; the caller is on its thread
     * @param provider where the listening socket comes from, the same as the reactor's
     * @param address  where to listen; port zero takes a free one
     * @param options  how to behave
     * @param factory  makes the handler of each connection
     * @return a server that accepts connections while the reactor runs
     * @throws IOException           if the address cannot be listened on
     * @throws IllegalStateException on another thread
     */
    public static ReactorServer open(
            Reactor reactor,
            SelectorProvider provider,
            InetSocketAddress address,
            ServerOptions options,
            Handler.Factory factory)
            throws IOException {
        return open(reactor, provider, List.of(Listener.at(address)), options, factory);
    }

    /**
     * Opens a server with several listeners on a reactor of the caller's.
     *
     * @param reactor   whose loop serves the connections; the caller is on its thread
     * @param provider  where the listening sockets come from, the same as the reactor's
     * @param listeners where to listen, at least one; they share the server's limits, counters, handlers and drain
     * @param options   how to behave
     * @param factory   makes the handler of each connection
     * @return a server that accepts connections while the reactor runs
     * @throws IOException           if one of the addresses cannot be listened on; then none is
     * @throws IllegalStateException on another thread
     */
    public static ReactorServer open(
            Reactor reactor,
            SelectorProvider provider,
            List<Listener> listeners,
            ServerOptions options,
            Handler.Factory factory)
            throws IOException {
        return open(reactor, provider, listeners, options, SocketIo.PLAIN, factory);
    }

    static ReactorServer open(
            Reactor reactor,
            SelectorProvider provider,
            List<Listener> listeners,
            ServerOptions options,
            SocketIo socketIo,
            Handler.Factory factory)
            throws IOException {
        ReactorServer server =
                new ReactorServer(new Reactor[] {reactor}, false, provider, listeners, options, socketIo, factory);
        Runnable forgetEnd = reactor.atEnd(server::terminated);
        server.termination().whenComplete((report, failure) -> forgetEnd.run()); // the reactor may outlive many of us
        return server;
    }

    @Override
    public List<SocketAddress> addresses() {
        return acceptor.sockets.addresses();
    }

    // ---- the threads --------------------------------------------------------------------------------------------------

    /** A thread of the server's: a loop that fails takes the others with it, for a server that is half there is worse. */
    private void run(Reactor reactor) {
        try {
            reactor.run();
        } catch (Throwable t) {
            end.failed(t);
        }
        for (Reactor other : reactors) {
            other.stop();
        }
        if (running.decrementAndGet() > 0) {
            return;
        }
        Patience.untilDone(terminated); // what the connections had becomes free
    }

    private void terminated() {
        workers.end();
        end.complete();
    }

    // ---- the drain ----------------------------------------------------------------------------------------------------

    @Override
    public CompletableFuture<DrainReport> drain(Duration quiet, Duration timeout) {
        Objects.requireNonNull(quiet, "quiet");
        Objects.requireNonNull(timeout, "timeout"); // else the drain would begin, and have no end
        reactors[0].insist(() -> drainOnMain(quiet, timeout));
        return termination();
    }

    private void drainOnMain(Duration quiet, Duration timeout) {
        end.drains(acceptor::close); // hands over what the backlogs held, ahead of the tasks below
        for (ReactorContext context : contexts) {
            context.reactor.insist(() -> context.drain(quiet, timeout, this::drained));
        }
    }

    /** On a context's thread: all of its connections have closed. Those of the other contexts may have, too, meanwhile. */
    private void drained() {
        DrainReport report = new DrainReport(0, List.of());
        for (ReactorContext context : contexts) {
            if (!context.hasDrained()) {
                return;
            }
            report = report.plus(context.report());
        }
        end.drained(report);
        if (ownsReactors) {
            reactors[0].stop(); // and does first what was handed in
        } else {
            reactors[0].insist(terminated); // behind what was handed in; where the reactor ends, its end tells
        }
    }

    @Override
    public CompletableFuture<DrainReport> termination() {
        return end.termination();
    }

    @Override
    public void close() {
        CompletableFuture<DrainReport> drained = drain(options.drainTimeout());
        boolean onOwnThread = ownsReactors ? threads.contains(Thread.currentThread()) : reactors[0].isInLoop();
        if (!onOwnThread && !workers.isOurs()) {
            drained.exceptionally(t -> null).join();
        }
    }

    // ---- the counters -------------------------------------------------------------------------------------------------

    @Override
    public ServerStats stats() {
        ServerStats.Builder stats = ServerStats.builder();
        for (ReactorContext context : contexts) {
            context.addTo(stats);
        }
        acceptor.sockets.addTo(stats);
        workers.addTo(stats);
        return stats.build();
    }

    /**
     * Any thread.
     *
     * @return the counters of each loop, the acceptor's first
     */
    public List<ReactorStats> loops() {
        return Stream.of(reactors).map(Reactor::stats).toList();
    }

    /** Any thread. Memory that the connections hold, with what each needs at least. */
    long heldMemory() {
        return budget.held();
    }

    /** Any thread. Direct memory allocated for queued output, in use or not. */
    long allocatedMemory() {
        return depot.allocated();
    }
}
