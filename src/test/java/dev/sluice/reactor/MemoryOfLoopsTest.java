package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The memory budget of a server with several loops. */
@Timeout(60)
class MemoryOfLoopsTest {

    private static final int BUDGET = 1 << 20;
    private static final int MUCH = 500_000;

    private static final ServerOptions OPTIONS = ServerOptions.builder()
            .maxMemory(BUDGET)
            .maxPending(BUDGET)
            .sendBuffer(4 << 10)
            .writeTimeout(Duration.ofMillis(300))
            .idleTimeout(Duration.ZERO)
            .build();

    private final Map<Integer, String> loopsByPort = new ConcurrentHashMap<>();
    private final List<Socket> clients = new ArrayList<>();
    private ReactorServer server;
    private long sent;

    @AfterEach
    void booksBalance() throws Exception {
        for (Socket client : clients) {
            client.close();
        }
        server.drain(Duration.ofSeconds(5)).get(10, TimeUnit.SECONDS);
        assertEquals(server.stats().get(Counter.OPENED), server.stats().get(Counter.CLOSED));
        assertEquals(0, server.heldMemory());
    }

    /** Answers each line, an empty one with much, and leaves an unfinished one unread. */
    private static Handler lines() {
        return (self, in) -> {
            for (int i = in.position(); i < in.limit(); i++) {
                if (in.get(i) == '\n') {
                    self.write(ByteBuffer.allocate(i == in.position() ? MUCH : 2));
                    in.position(i + 1);
                }
            }
        };
    }

    private void serve(int connections) throws IOException {
        server = ReactorServer.start(
                List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))),
                ReactorOptions.builder()
                        .subReactors(2)
                        .server(OPTIONS)
                        .build(),
                connection -> {
                    loopsByPort.put(((InetSocketAddress) connection.remoteAddress()).getPort(), Thread.currentThread().getName());
                    return lines();
                });
        for (int i = 0; i < connections; i++) {
            Socket client = new Socket();
            client.setReceiveBufferSize(4 << 10); // most of what it is sent waits in the server
            client.connect(server.address());
            client.setSoTimeout(15_000);
            clients.add(client);
        }
        Awaitility.await().until(() -> loopsByPort.size() == connections);
    }

    private List<Socket> of(String loop) {
        return clients.stream().filter(client -> loopsByPort.get(client.getLocalPort()).equals(loop)).toList();
    }

    /** Is read whole. */
    private void sendUnfinished(Socket client, int bytes) throws IOException {
        client.getOutputStream().write(new byte[bytes]);
        sent += bytes;
        Awaitility.await().until(() -> server.stats().get(Counter.BYTES_READ) == sent);
    }

    /** Sizes that fill memory nearly up to the last sixteenth. Each is read whole, in memory of twice its size at most. */
    private static final int[] SIZES = {300_000, 80_000, 80_000, 20_000, 20_000, 20_000, 10_000, 10_000, 5_000, 5_000, 2_500, 2_500, 2_500, 2_500, 2_500, 1_200};

    @Test
    void silentConnectionsOfAnotherLoopMakeRoomForOneThatHasWaitedTooLong() throws Exception {
        serve(2 * SIZES.length);
        List<Socket> silent = of("sluice-reactor-1");
        Socket waits = of("sluice-reactor-2").get(0);
        for (int i = 0; i < SIZES.length; i++) {
            sendUnfinished(silent.get(i), SIZES[i]);
        }
        assertTrue(server.heldMemory() > BUDGET / 16 * 15 - (11 << 10), server.heldMemory() + " bytes are held");
        sendUnfinished(waits, 10_000); // now its loop knows that memory is short
        waits.getOutputStream().write(new byte[10_000]);
        waits.getOutputStream().write('\n');
        assertEquals(0, waits.getInputStream().read());
        assertEquals(1, server.stats().closedBy(Kind.MEMORY));
        assertThrows(SocketException.class, () -> silent.get(0).getInputStream().read(), "the largest");
    }

    /** Together the many on the other loop hold most, and none of them more than its share. */
    @Test
    void largestIsClosedThoughAnotherLoopIsFuller() throws Exception {
        serve(40);
        Socket large = of("sluice-reactor-2").get(0);
        for (Socket client : of("sluice-reactor-2").subList(1, 20)) {
            client.close();
        }
        Awaitility.await().until(() -> server.stats().open() == 21);
        for (Socket client : of("sluice-reactor-1")) {
            sendUnfinished(client, 20_000);
        }
        large.getOutputStream().write('\n');
        Awaitility.await().until(() -> server.stats().closedBy(Kind.MEMORY) > 0);
        assertEquals(20, server.stats().open());
        assertThrows(SocketException.class, () -> large.getInputStream().readNBytes(MUCH));
    }
}
