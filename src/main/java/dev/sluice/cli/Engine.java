package dev.sluice.cli;

import dev.sluice.Handler;
import dev.sluice.ReactorServer;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetSocketAddress;

/** What runs a service. */
enum Engine {
    REACTOR,
    THREADS,
    POOL,
    VIRTUAL;

    /** Starts a server. */
    Server start(InetSocketAddress address, ServerOptions options, int poolSize, Handler.Factory factory)
            throws IOException {
        return switch (this) {
            case REACTOR -> ReactorServer.start(address, options, factory);
            case THREADS -> ThreadServer.start(address, options, Threads.platform(), factory);
            case POOL -> ThreadServer.start(address, options, Threads.pool(poolSize), factory);
            case VIRTUAL -> ThreadServer.start(address, options, Threads.virtual(), factory);
        };
    }

    /** How many threads there are, for the ready line. */
    String threads(ServerOptions options, int poolSize) {
        int loops = 1 + options.subReactors();
        return switch (this) {
            case REACTOR -> loops + (loops == 1 ? " loop" : " loops");
            case THREADS -> "1 thread each";
            case POOL -> poolSize + (poolSize == 1 ? " thread" : " threads");
            case VIRTUAL -> "1 virtual thread each";
        };
    }
}
