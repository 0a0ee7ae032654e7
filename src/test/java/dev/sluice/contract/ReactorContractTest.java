package dev.sluice.contract;

import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetSocketAddress;

/** Engine {@code reactor}: one loop. */
class ReactorContractTest extends EngineContract {

    @Override
    Server start(InetSocketAddress address, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        return ReactorServer.start(address, options.build(), factory);
    }

    @Override
    boolean callbacksKeepToOneThread() {
        return true;
    }
}
