package dev.sluice.datagram;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.threads.Threads;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The drain of an endpoint whose threads block ends in time, though the line takes nothing. */
@Timeout(60)
class StuckLineTest {

    private static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    private static void endsInTime(DatagramEndpoint endpoint, long datagrams) throws Exception {
        DatagramStats end = endpoint.drain(Duration.ofMillis(100)).get(20, TimeUnit.SECONDS);
        assertEquals(datagrams, end.offered());
        assertEquals(datagrams, end.dropped());
        assertEquals(0, end.queued());
        new DatagramSocket(endpoint.address()).close(); // the port is free
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void sendThatBlocksIsBroughtBack(int receivers) throws Exception {
        StuckChannel channel = new StuckChannel();
        DatagramEndpoint endpoint = BlockingEndpoint.start(channel, ANY, DatagramOptions.defaults(), Threads.pool(receivers), (self, sender, data) -> {});
        for (int i = 0; i < 100; i++) {
            assertTrue(endpoint.send(ByteBuffer.allocate(100), endpoint.address()));
        }
        assertTrue(channel.sending.await(20, TimeUnit.SECONDS));
        endsInTime(endpoint, 100);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void handlerWhoseAnswerBlocksIsBroughtBack(int receivers) throws Exception {
        StuckChannel channel = new StuckChannel();
        DatagramEndpoint endpoint = BlockingEndpoint.start(
                channel, ANY, DatagramOptions.defaults(), Threads.pool(receivers), (self, sender, data) -> self.send(data, sender));
        try (DatagramSocket client = new DatagramSocket(ANY)) {
            client.send(new DatagramPacket(new byte[10], 10, endpoint.address()));
            assertTrue(channel.sending.await(20, TimeUnit.SECONDS));
            endsInTime(endpoint, 1);
        }
    }
}
