package dev.sluice.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sluice.Listener;
import dev.sluice.ServerStats;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;

/** A server on threads, its clients, and the check after every test: nothing is left, and the books balance. */
final class Served implements AutoCloseable {

    static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    static final List<Listener> LISTENERS = List.of(Listener.at(ANY));

    final ThreadServer server;
    final List<Socket> clients = new ArrayList<>();

    Served(ThreadServer server) {
        this.server = server;
    }

    Socket connect() throws IOException {
        Socket client = new Socket();
        client.connect(server.address());
        client.setTcpNoDelay(true);
        client.setSoTimeout(20_000);
        clients.add(client);
        return client;
    }

    static String receive(Socket client, int bytes) throws IOException {
        return new String(client.getInputStream().readNBytes(bytes));
    }

    static String receiveAll(Socket client) throws IOException {
        return new String(client.getInputStream().readAllBytes());
    }

    static Socket send(Socket client, String text) throws IOException {
        client.getOutputStream().write(text.getBytes());
        return client;
    }

    static void await(BooleanSupplier condition, String what) {
        Awaitility.await(what)
                .pollInterval(Duration.ofMillis(1))
                .pollDelay(Duration.ZERO)
                .atMost(Duration.ofSeconds(20))
                .until(condition::getAsBoolean);
    }

    static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("sluice"))
                .count();
    }

    @Override
    public void close() throws Exception {
        for (Socket client : clients) {
            client.close();
        }
        server.drain(Duration.ofSeconds(2)).get(30, TimeUnit.SECONDS);
        ServerStats stats = server.stats();
        assertEquals(stats.get(ServerStats.Counter.OPENED), stats.get(ServerStats.Counter.CLOSED));
        assertEquals(0, stats.pending(), stats.toString());
        assertEquals(0, stats.get(ServerStats.Counter.WAITING));
        assertEquals(0, server.loop().failures(), "failures that reached the loop");
        await(() -> threads() == 0, "the server's threads end");
    }
}
