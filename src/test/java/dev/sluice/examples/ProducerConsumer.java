package dev.sluice.examples;

import dev.sluice.Connection;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Connections produce, workers consume: each line is a number, and the answer its next prime, which may take a while. The queue
 * between them is bounded; when it is full, nobody waits and nothing is dropped: who would fill it further is not read.
 */
public final class ProducerConsumer implements FrameHandler {

    @Override
    public void onFrame(Connection self, ByteBuffer line) {
        String number = StandardCharsets.US_ASCII.decode(line).toString();
        self.offload(
                () -> new BigInteger(number).nextProbablePrime(), // on a worker
                (prime, failure) -> { // on the connection's own thread, never after onClose
                    String answer = failure == null ? number + " " + prime : number + " is no number";
                    self.write(StandardCharsets.US_ASCII.encode(answer + "\n"));
                });
    }

    public static void main(String[] args) throws IOException {
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
        ServerOptions options = ServerOptions.builder().offloadThreads(4).offloadQueue(100).build();
        ReactorServer.start(address, options, connection -> new Framed(connection, new Lines(1000), new ProducerConsumer()));
    }
}
