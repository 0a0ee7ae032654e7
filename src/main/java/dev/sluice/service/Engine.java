package dev.sluice.service;

import dev.sluice.Handler;
import dev.sluice.ReactorServer;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.datagram.BlockingEndpoint;
import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramHandler;
import dev.sluice.datagram.DatagramOptions;
import dev.sluice.datagram.ReactorEndpoint;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetSocketAddress;

/** What runs a handler, where that is somebody's choice; the name is the constant's, in lower case. */
public enum Engine {
    /** A {@link ReactorServer}. */
    REACTOR,
    /** A {@link ThreadServer} with {@link Threads#platform}. */
    THREADS,
    /** A {@link ThreadServer} with {@link Threads#pool}. */
    POOL,
    /** A {@link ThreadServer} with {@link Threads#virtual}. */
    VIRTUAL;

    /** Threads of a {@link #POOL} of which nothing was said: 12. */
    public static final int POOL_SIZE = 12;

    /**
     * Starts a server.
     *
     * @param address  where to listen; port zero takes a free one
     * @param options  how to behave
     * @param poolSize threads of a {@link #POOL}
     * @param factory  makes the handler of each connection
     * @return a server that accepts connections
     * @throws IOException                   if the address cannot be listened on
     * @throws UnsupportedOperationException of {@link #VIRTUAL}, before Java 21
     */
    public Server start(InetSocketAddress address, ServerOptions options, int poolSize, Handler.Factory factory)
            throws IOException {
        return switch (this) {
            case REACTOR -> ReactorServer.start(address, options, factory);
            case THREADS -> ThreadServer.start(address, options, Threads.platform(), factory);
            case POOL -> ThreadServer.start(address, options, Threads.pool(poolSize), factory);
            case VIRTUAL -> ThreadServer.start(address, options, Threads.virtual(), factory);
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
            case THREADS -> BlockingEndpoint.start(address, options, 1, false, handler);
            case POOL -> BlockingEndpoint.start(address, options, poolSize, false, handler);
            case VIRTUAL -> BlockingEndpoint.start(address, options, 1, true, handler);
        };
    }

    /**
     * How many threads there are.
     *
     * @param options  of the server
     * @param poolSize threads of a {@link #POOL}
     * @return a few words
     */
    public String threads(ServerOptions options, int poolSize) {
        int loops = 1 + options.subReactors();
        return switch (this) {
            case REACTOR -> loops + (loops == 1 ? " loop" : " loops");
            case THREADS -> "1 thread each";
            case POOL -> poolSize + (poolSize == 1 ? " thread" : " threads");
            case VIRTUAL -> "1 virtual thread each";
        };
    }
}
