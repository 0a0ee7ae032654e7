package dev.sluice.examples;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.Connector;
import dev.sluice.reactor.Reactor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Python's add_done_callback: asks many servers at once, on one thread, and handles each answer as it comes. */
public final class FetchMany implements Handler {
    private static int open;

    private final StringBuilder answer = new StringBuilder();

    @Override
    public void onOpen(Connection self) {
        self.write(StandardCharsets.US_ASCII.encode("hello\n"));
        self.shutdownOutput();
    }

    @Override
    public void onRead(Connection self, ByteBuffer in) {
        answer.append(StandardCharsets.US_ASCII.decode(in));
    }

    @Override
    public void onClose(Connection self, CloseReason reason) { // also where connecting has failed
        boolean well = reason.kind() == CloseReason.Kind.PEER;
        System.out.println(self.remoteAddress() + " " + (well ? answer.toString().strip() : reason.kind()));
        open--;
    }

    public static void main(String[] args) throws IOException {
        Reactor reactor = Reactor.open();
        Connector connector = Connector.open(reactor, ServerOptions.defaults());
        for (String port : args) {
            InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(port));
            connector.connect(address, Duration.ofSeconds(5), connection -> new FetchMany());
            open++;
        }
        while (open > 0) {
            reactor.runOnce(Duration.ofSeconds(1));
        }
        reactor.close();
    }
}
