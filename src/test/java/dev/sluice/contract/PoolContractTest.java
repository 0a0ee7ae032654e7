package dev.sluice.contract;

import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetSocketAddress;

/** Engine {@code pool}, of the default size. */
class PoolContractTest extends EngineContract {

    @Override
    Server start(InetSocketAddress address, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        return ThreadServer.start(address, options.build(), Threads.pool(12), factory);
    }
}
