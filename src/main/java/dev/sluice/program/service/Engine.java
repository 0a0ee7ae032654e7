package dev.sluice.program.service;

import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.datagram.BlockingEndpoint;
import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramHandler;
import dev.sluice.datagram.DatagramOptions;
import dev.sluice.datagram.ReactorEndpoint;
import dev.sluice.internal.Admission;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.reactor.ReactorOptions;
import dev.sluice.reactor.ReactorServer;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Locale;

/** The engines that can run a service; the name is the constant's, in lower case. */
public enum Engine {
    /** A {@link ReactorServer}. */
    REACTOR,
    /** A {@link ThreadServer} with {@link Threads#platform}. */
    THREADS,
    /** A {@link ThreadServer} with {@link Threads#pool}. */
    POOL,
    /** A {@link ThreadServer} with {@link Threads#virtual}. */
    VIRTUAL;

    /** The default number of threads of a {@link #POOL}: 12. */
    public static final int POOL_SIZE = 12;

    /**
     * Starts a server.
     *
     * @param listeners where to listen
     * @param options   how to behave; only a {@link #REACTOR} heeds those that are not a server's
     * @param poolSize  threads of a {@link #POOL}
     * @param factory   makes the handler of each connection
     * @return a server that accepts connections
     * @throws IOException                   if one of the addresses cannot be listened on
     * @throws UnsupportedOperationException of {@link #VIRTUAL}, before Java 21
     */
    public Server start(List<Listener> listeners, ReactorOptions options, int poolSize, Handler.Factory factory)
            throws IOException {
        return switch (this) {
            case REACTOR -> ReactorServer.start(listeners, options, factory);
            case THREADS, POOL, VIRTUAL -> ThreadServer.start(listeners, options.server(), kind(poolSize), factory);
        };
    }

    private Threads kind(int poolSize) {
        return switch (this) {
            case REACTOR -> throw new IllegalStateException("a reactor has no threads for connections");
            case THREADS -> Threads.platform();
            case POOL -> Threads.pool(poolSize);
            case VIRTUAL -> Threads.virtual();
        };
    }

    /**
     * Opens a UDP port: on one loop, on one thread that blocks, on a pool of them, or on a virtual one.
     *
     * @param address  where to listen; port zero takes a free one
     * @param options  how to behave
     * @param poolSize threads of a {@link #POOL}
     * @param handler  is given the datagrams
     * @return an endpoint that receives
     * @throws IOException                   if the address cannot be listened on
     * @throws UnsupportedOperationException of {@link #VIRTUAL}, before Java 21
     */
    public DatagramEndpoint start(InetSocketAddress address, DatagramOptions options, int poolSize, DatagramHandler handler)
            throws IOException {
        return switch (this) {
            case REACTOR -> ReactorEndpoint.start(address, options, handler);
            case THREADS, POOL, VIRTUAL -> BlockingEndpoint.start(address, options, kind(poolSize), handler);
        };
    }

    /**
     * How many connections a server takes at once.
     *
     * @param options the server's
     * @return what they say, or what the engine decides
     */
    public int connections(ServerOptions options) {
        return Admission.limit(options, this == REACTOR ? MemoryBudget.LEAST_ON_A_LOOP : MemoryBudget.LEAST_ON_A_THREAD);
    }

    /**
     * The threads of a server, for the banner.
     *
     * @param options  of the server
     * @param poolSize threads of a {@link #POOL}
     * @return a few words
     */
    public String threads(ReactorOptions options, int poolSize) {
        int loops = 1 + options.subReactors();
        return switch (this) {
            case REACTOR -> loops + (loops == 1 ? " loop" : " loops");
            case THREADS -> "1 thread each";
            case POOL -> pooled(poolSize);
            case VIRTUAL -> "1 virtual thread each";
        };
    }

    /**
     * The threads of a UDP port, for the banner.
     *
     * @param poolSize threads of a {@link #POOL}
     * @return a few words
     */
    public String datagramThreads(int poolSize) {
        return switch (this) {
            case REACTOR -> "1 loop";
            case THREADS -> "1 thread";
            case POOL -> pooled(poolSize);
            case VIRTUAL -> "1 virtual thread";
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    private static String pooled(int poolSize) {
        return poolSize + (poolSize == 1 ? " thread" : " threads");
    }
}
