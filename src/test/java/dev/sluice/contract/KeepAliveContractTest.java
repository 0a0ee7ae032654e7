package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.ServerOptions;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The kernel asks peers whether they are there: accepted ones and others, on every engine. It tells in {@code /proc} when it will ask. */
class KeepAliveContractTest extends EngineContract {

    /** Of the column that says what a connection waits for: to ask its peer. */
    private static final String KEEP_ALIVE = "02:";

    private static final int IDLE_SECONDS = 1_000;

    @BeforeEach
    void kernelTells() {
        boolean tells = Files.exists(Path.of("/proc/net/tcp"));
        if (!tells) {
            System.out.println(name() + ": not run, it needs /proc/net/tcp");
        }
        assumeTrue(tells);
    }

    /** What the connection from one port to another waits for, and for how long: {@code 02:000186A0}, in hundredths of a second. */
    private static String timer(int local, int remote) {
        String ends = "^ *\\d+: [0-9A-F]+:%04X [0-9A-F]+:%04X 01 .*".formatted(local, remote);
        try {
            for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
                for (String line : Files.readAllLines(Path.of(table))) {
                    if (line.matches(ends)) {
                        return line.strip().split(" +")[5];
                    }
                }
            }
            return "no connection";
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** Bytes that are not acknowledged yet are waited for in the same column, for a moment. */
    private void awaitKeepAlive(int local, int remote) {
        rig.await(() -> timer(local, remote).startsWith(KEEP_ALIVE), "the peer will be asked: " + timer(local, remote));
        long hundredths = Long.parseLong(timer(local, remote).substring(KEEP_ALIVE.length()), 16);
        assertTrue(hundredths > IDLE_SECONDS * 50L && hundredths <= IDLE_SECONDS * 100L, hundredths + " hundredths of a second");
    }

    private static ServerOptions.Builder keepAlive() {
        return ServerOptions.builder().keepAlive(Duration.ofSeconds(IDLE_SECONDS), Duration.ofSeconds(7), 3);
    }

    @Test
    void acceptedConnectionIsKeptAlive() throws Exception {
        Client client = serve(keepAlive(), connection -> ECHO).connect();
        assertEquals("x", client.send("x").receive(1));
        awaitKeepAlive(rig.server.address().getPort(), client.socket.getLocalPort());
    }

    @Test
    void connectionOutwardIsKeptAlive() throws Exception {
        Client client = serve(keepAlive(), connection -> ECHO).connect();
        try (ServerSocket target = new ServerSocket()) {
            target.bind(new InetSocketAddress("127.0.0.1", 0));
            client.connection().execute(() -> client.connection().connect(
                    (InetSocketAddress) target.getLocalSocketAddress(), Duration.ofSeconds(5), outward -> (Ending) (self, reason) -> {}));
            try (Socket other = target.accept()) {
                awaitKeepAlive(other.getPort(), other.getLocalPort());
            }
        }
    }

    @Test
    void unlessItIsAskedForNobodyIsKeptAlive() throws Exception {
        Client client = serve(ECHO).connect();
        assertEquals("x", client.send("x").receive(1));
        rig.await(() -> timer(rig.server.address().getPort(), client.socket.getLocalPort()).startsWith("00:"), "it waits for nothing");
    }
}
