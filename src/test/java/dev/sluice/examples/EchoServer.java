package dev.sluice.examples;

import dev.sluice.ReactorServer;
import dev.sluice.ServerOptions;
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
