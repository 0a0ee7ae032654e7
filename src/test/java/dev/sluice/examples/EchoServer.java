package dev.sluice.examples;

import dev.sluice.ServerOptions;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetSocketAddress;

public final class EchoServer {
    public static void main(String[] args) throws IOException {
        ReactorServer.start(
                new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])),
                ServerOptions.defaults(),
                connection -> (self, in) -> self.write(in));
    }
}
