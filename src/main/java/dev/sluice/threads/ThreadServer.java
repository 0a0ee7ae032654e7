package dev.sluice.threads;

import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.internal.Admission;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.Patience;
import dev.sluice.internal.Rehearsal;
import dev.sluice.internal.ServerEnd;
import dev.sluice.internal.SocketIo;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorStats;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * A server whose connections each have a thread: one of its own, one of a pool, or a virtual one. Handlers, options, limits,
 * close reasons and counters are those of a {@link dev.sluice.reactor.ReactorServer}; a handler may block, at the expense of its own
 * connection alone. A {@link Reactor} with nothing but the listening sockets on it accepts, and watches the deadlines.
 */
public final class ThreadServer implements Server {

    static {
        Rehearsal.initialise(
                Reactor.class, CallbackLock.class, ConnectionThreads.class, HelperTask.class, InputAccount.class, InputMemory.class,
                LockedChunks.class, LoopStep.class, PatientLock.class, StreamService.class, ThreadAcceptor.class, ThreadConnect.class,
                ThreadConnection.class, ThreadContext.class, ThreadService.class);
    }

    private final Reactor reactor;
    private final ThreadContext context;
    private final ThreadAcceptor acceptor;
    private final Thread thread;
    private final ServerEnd end = new ServerEnd();
    private final Runnable complete = end::complete; // made beforehand

    /** Made beforehand: the loop may end for want of memory. */
    private final Runnable nobodyWaits;

    private ThreadServer(
            List<Listener> listeners, ServerOptions options, Reactor reactor, Seams seams, ConnectionThreads threads, ThreadService service)
            throws IOException {
        this.reactor = reactor;
        this.thread = seams.loop().newThread(this::run);
        Admission admission = new Admission(options, MemoryBudget.LEAST_ON_A_THREAD);
        this.context = new ThreadContext(reactor, options, seams, threads, admission);
        this.acceptor = new ThreadAcceptor(context, service, admission, listeners);
        this.nobodyWaits = acceptor.sockets::loopHasEnded;
        context.rehearse();
    }

    /**
     * Starts a server that runs the same handlers as a reactor.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param threads what serves the connections
     * @param factory makes the handler of each connection
     * @return a server that accepts connections
     * @throws IOException      if the address cannot be listened on, or no selector can be opened
     * @throws OutOfMemoryError if a pool's threads are not to be had
     */
    public static ThreadServer start(InetSocketAddress address, ServerOptions options, Threads threads, Handler.Factory factory) throws IOException {
        return start(List.of(Listener.at(address)), options, threads, factory);
    }

    /**
     * Starts a server that runs the same handlers as a reactor. Listens in several places.
     *
     * @param listeners where to listen, at least one; they share the server's limits, counters, handlers and drain
     * @param options   how to behave
     * @param threads   what serves the connections
     * @param factory   makes the handler of each connection
     * @return a server that accepts connections
     * @throws IOException      if one of the addresses cannot be listened on, or no selector can be opened; then none is listened on
     * @throws OutOfMemoryError if a pool's threads are not to be had
     */
    public static ThreadServer start(List<Listener> listeners, ServerOptions options, Threads threads, Handler.Factory factory) throws IOException {
        return start(listeners, options, Seams.machine(threads::open, SocketIo.PLAIN), ThreadService.callbacks(factory));
    }

    /**
     * Starts a server whose handler blocks: one method for each connection, which reads and writes streams.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param threads what serves the connections
     * @param handler serves every connection
     * @return a server that accepts connections
     * @throws IOException      if the address cannot be listened on, or no selector can be opened
     * @throws OutOfMemoryError if a pool's threads are not to be had
     */
    public static ThreadServer start(InetSocketAddress address, ServerOptions options, Threads threads, StreamHandler handler) throws IOException {
        return start(List.of(Listener.at(address)), options, threads, handler);
    }

    /**
     * Starts a server whose handler blocks: one method for each connection, which reads and writes streams. Listens in several places.
     *
     * @param listeners where to listen, at least one; they share the server's limits, counters, handlers and drain
     * @param options   how to behave
     * @param threads   what serves the connections
     * @param handler   serves every connection
     * @return a server that accepts connections
     * @throws IOException      if one of the addresses cannot be listened on, or no selector can be opened; then none is listened on
     * @throws OutOfMemoryError if a pool's threads are not to be had
     */
    public static ThreadServer start(List<Listener> listeners, ServerOptions options, Threads threads, StreamHandler handler) throws IOException {
        return start(listeners, options, Seams.machine(threads::open, SocketIo.PLAIN), new StreamService(handler));
    }

    static ThreadServer start(List<Listener> listeners, ServerOptions options, Seams seams, ThreadService service) throws IOException {
        Reactor reactor = Reactor.open(seams.clock(), seams.sockets());
        ConnectionThreads threads = null;
        try {
            threads = seams.threads().get();
            ThreadServer server = new ThreadServer(listeners, options, reactor, seams, threads, service);
            server.thread.start();
            return server;
        } catch (Throwable t) { // an Error too: there may be no thread to be had
            reactor.close();
            if (threads != null) {
                threads.end();
            }
            throw t;
        }
    }

    @Override
    public List<SocketAddress> addresses() {
        return acceptor.sockets.addresses();
    }

    // ---- the loop and its end -----------------------------------------------------------------------------------------

    private void run() {
        try {
            reactor.run();
        } catch (Throwable t) {
            end.failed(t);
        } finally {
            try {
                Patience.untilDone(nobodyWaits);
                context.end();
            } finally {
                Patience.untilDone(complete); // all that wait for the end are told, though there may be no memory for some of them yet
            }
        }
    }

    @Override
    public CompletableFuture<DrainReport> drain(Duration quiet, Duration timeout) {
        Objects.requireNonNull(quiet, "quiet");
        Objects.requireNonNull(timeout, "timeout"); // else the drain would begin, and have no end
        new LoopStep(context.execute, () -> drainOnLoop(quiet, timeout)).ask();
        return termination();
    }

    private void drainOnLoop(Duration quiet, Duration timeout) {
        end.drains(acceptor.sockets::close);
        context.drain(quiet, timeout, this::drained);
    }

    private void drained() {
        end.drained(context.report());
        reactor.stop();
    }

    @Override
    public CompletableFuture<DrainReport> termination() {
        return end.termination();
    }

    @Override
    public void close() {
        CompletableFuture<DrainReport> drained = drain(context.options.drainTimeout());
        if (Thread.currentThread() != thread && !context.isInCallback() && !context.workers.isOurs()) {
            drained.exceptionally(t -> null).join();
        }
    }

    // ---- the counters -------------------------------------------------------------------------------------------------

    @Override
    public ServerStats stats() {
        ServerStats.Builder stats = ServerStats.builder();
        context.addTo(stats);
        acceptor.sockets.addTo(stats);
        return stats.build();
    }

    /**
     * Any thread.
     *
     * @return the counters of the loop that accepts, and watches the deadlines
     */
    public ReactorStats loop() {
        return reactor.stats();
    }

    /** Any thread. Memory that the connections hold, with what each needs at least. */
    long heldMemory() {
        return context.heldMemory();
    }
}
