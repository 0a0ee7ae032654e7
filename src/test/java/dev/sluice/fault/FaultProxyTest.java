package dev.sluice.fault;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.ServerOptions;
import dev.sluice.fault.FaultProxy.Faults;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The proxy does what it says: else a fault that was not injected would look like one that was survived. */
@Timeout(60)
class FaultProxyTest {

    private ReactorServer server;
    private final byte[] sent = new byte[100_000];

    @BeforeEach
    void serve() throws IOException {
        new Random(1).nextBytes(sent);
        server = ReactorServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                ServerOptions.defaults(),
                connection -> (self, in) -> self.write(in));
    }

    @AfterEach
    void end() {
        server.close();
    }

    private static Socket connect(FaultProxy proxy) throws IOException {
        Socket client = new Socket(proxy.address().getAddress(), proxy.address().getPort());
        client.setSoTimeout(20_000);
        return client;
    }

    private byte[] echo(Socket client, int bytes) throws Exception {
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
            try {
                client.getOutputStream().write(sent, 0, bytes);
                client.shutdownOutput();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        byte[] received = client.getInputStream().readAllBytes();
        sending.get();
        return received;
    }

    @Test
    void withoutFaultsItIsAWire() throws Exception {
        try (FaultProxy proxy = new FaultProxy(server.address(), 1, Faults.NONE, Faults.NONE); Socket client = connect(proxy)) {
            assertArrayEquals(sent, echo(client, sent.length));
            assertEquals(200_000, proxy.passed());
        }
    }

    @Test
    void chunksAreWhatTheyAreCalled() throws Exception {
        try (FaultProxy proxy = new FaultProxy(server.address(), 1, Faults.chunks(10), Faults.chunks(100)); Socket client = connect(proxy)) {
            byte[] received = echo(client, 20_000);
            assertEquals(20_000, received.length);
            assertTrue(proxy.pieces() >= 2_000 + 200, proxy.pieces() + " pieces");
        }
    }

    @Test
    void rateIsKept() throws Exception {
        try (FaultProxy proxy = new FaultProxy(server.address(), 1, Faults.rate(100_000), Faults.NONE); Socket client = connect(proxy)) {
            long start = System.nanoTime();
            assertEquals(50_000, echo(client, 50_000).length);
            assertTrue(System.nanoTime() - start >= 490_000_000);
        }
    }

    @Test
    void resetComesAfterItsBytes() throws Exception {
        try (FaultProxy proxy = new FaultProxy(server.address(), 1, Faults.NONE, Faults.reset(1_000)); Socket client = connect(proxy)) {
            client.getOutputStream().write(sent, 0, 10_000);
            assertThrows(IOException.class, () -> client.getInputStream().readAllBytes());
            assertEquals(11_000, proxy.passed());
        }
    }

    @Test
    void endComesAfterItsBytesAndTheOtherWayStaysOpen() throws Exception {
        Faults end = new Faults(0, 0, 0, 0, 1_000, 0);
        try (FaultProxy proxy = new FaultProxy(server.address(), 1, end, Faults.NONE); Socket client = connect(proxy)) {
            client.getOutputStream().write(sent, 0, 10_000);
            assertEquals(1_000, client.getInputStream().readAllBytes().length);
        }
    }

    @Test
    void stallPassesNothingMore() throws Exception {
        Faults stall = new Faults(0, 0, 0, 1_000, 0, 0);
        try (FaultProxy proxy = new FaultProxy(server.address(), 1, Faults.NONE, stall); Socket client = connect(proxy)) {
            client.getOutputStream().write(sent, 0, 1_000);
            assertEquals(1_000, client.getInputStream().readNBytes(1_000).length);
            client.getOutputStream().write(1);
            client.setSoTimeout(200);
            assertThrows(SocketTimeoutException.class, () -> client.getInputStream().read());
        }
    }
}
