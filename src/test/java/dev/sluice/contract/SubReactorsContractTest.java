package dev.sluice.contract;

import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetSocketAddress;

/** Engine {@code reactor} with three sub-reactors. */
class SubReactorsContractTest extends EngineContract {

    @Override
    Server start(InetSocketAddress address, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        return ReactorServer.start(address, options.subReactors(3).build(), factory);
    }

    @Override
    boolean callbacksKeepToOneThread() {
        return true;
    }
}
