package dev.sluice.contract;

import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Engine {@code virtual}, on a Java that has it. */
@EnabledForJreRange(min = JRE.JAVA_21)
class VirtualContractTest extends EngineContract {

    @Override
    Server start(InetSocketAddress address, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        return ThreadServer.start(address, options.build(), Threads.virtual(), factory);
    }
}
