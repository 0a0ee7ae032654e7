package dev.sluice.contract;

import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetSocketAddress;

/** Engine {@code threads}. */
class ThreadsContractTest extends EngineContract {

    @Override
    Server start(InetSocketAddress address, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        return ThreadServer.start(address, options.build(), Threads.platform(), factory);
    }
}
