package dev.sluice.program.bench;

import dev.sluice.ServerOptions;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** An echo that writes every byte by itself. {@code strace} counts the calls that leave. */
public final class HundredWrites {

    private HundredWrites() {}

    /**
     * Prints READY and its port, and runs until it is killed.
     *
     * @param args none
     * @throws IOException if there is no port to be had
     */
    public static void main(String[] args) throws IOException {
        ReactorServer server = ReactorServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), ServerOptions.defaults(), connection -> (self, in) -> {
                    for (int end = in.limit(); in.position() < end; ) {
                        self.write(in.limit(in.position() + 1));
                        in.limit(end);
                    }
                });
        System.out.println("READY " + server.address().getPort());
    }
}
