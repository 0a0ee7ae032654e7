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
    REACTOR {
        @Override
        Server start(InetSocketAddress address, ServerOptions options, int poolSize, Handler.Factory factory)
                throws IOException {
            return ReactorServer.start(address, options, factory);
        }

        @Override
        String threads(ServerOptions options, int poolSize) {
            int loops = 1 + options.subReactors();
            return loops + (loops == 1 ? " loop" : " loops");
        }
    },
    THREADS {
        @Override
        Server start(InetSocketAddress address, ServerOptions options, int poolSize, Handler.Factory factory)
                throws IOException {
            return ThreadServer.start(address, options, Threads.platform(), factory);
        }

        @Override
        String threads(ServerOptions options, int poolSize) {
            return "1 thread each";
        }
    },
    POOL {
        @Override
        Server start(InetSocketAddress address, ServerOptions options, int poolSize, Handler.Factory factory)
                throws IOException {
            return ThreadServer.start(address, options, Threads.pool(poolSize), factory);
        }

        @Override
        String threads(ServerOptions options, int poolSize) {
            return poolSize + (poolSize == 1 ? " thread" : " threads");
        }
    },
    VIRTUAL {
        @Override
        Server start(InetSocketAddress address, ServerOptions options, int poolSize, Handler.Factory factory)
                throws IOException {
            return ThreadServer.start(address, options, Threads.virtual(), factory);
        }

        @Override
        String threads(ServerOptions options, int poolSize) {
            return "1 virtual thread each";
        }
    };

    /** Starts a server. */
    abstract Server start(InetSocketAddress address, ServerOptions options, int poolSize, Handler.Factory factory)
            throws IOException;

    /** How many threads there are, for the ready line. */
    abstract String threads(ServerOptions options, int poolSize);
}
