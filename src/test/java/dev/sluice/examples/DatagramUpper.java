package dev.sluice.examples;

import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramOptions;
import dev.sluice.datagram.ReactorEndpoint;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** Python's socketserver.UDPServer: an answer to each datagram. What nobody sends again is lost when a buffer is full. */
public final class DatagramUpper {
    public static void main(String[] args) throws IOException {
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
        DatagramEndpoint endpoint = ReactorEndpoint.start(address, DatagramOptions.defaults(), (self, sender, data) -> {
            String text = StandardCharsets.UTF_8.decode(data).toString();
            self.send(StandardCharsets.UTF_8.encode(text.toUpperCase()), sender);
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println(endpoint.stats())));
    }
}
