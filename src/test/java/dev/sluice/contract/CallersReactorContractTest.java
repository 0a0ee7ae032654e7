package dev.sluice.contract;

import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.channels.spi.SelectorProvider;

/** Engine {@code reactor}, on a loop of the caller's, which runs it until its server has ended. */
class CallersReactorContractTest extends LifeContract {

    @Override
    Server start(InetSocketAddress address, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        Reactor reactor = Reactor.open();
        Server server = ReactorServer.open(reactor, SelectorProvider.provider(), address, options.build(), factory);
        server.termination().whenComplete((report, failure) -> reactor.stop());
        new Thread(() -> run(reactor), "sluice-callers-reactor").start();
        return server;
    }

    private static void run(Reactor reactor) {
        try {
            reactor.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    boolean callbacksKeepToOneThread() {
        return true;
    }
}
