package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The program on each engine, with a thousand clients at once. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class EnginesIT {

    private static final int CLIENTS = 1_000;

    private interface ClientWork {
        void run(int client) throws Exception;
    }

    /** Every client on a thread of its own. */
    private static void allClients(ClientWork work) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        try {
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                int client = i;
                all.add(CompletableFuture.runAsync(() -> {
                    try {
                        work.run(client);
                    } catch (Exception e) {
                        throw new IllegalStateException("client " + client, e);
                    }
                }, threads));
            }
            for (CompletableFuture<Void> each : all) {
                each.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void thousandClients(String engine, boolean allAtOnce) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("echo", "--max-connections", "2100", "-e"));
        arguments.addAll(List.of(engine.split(" ")));
        try (Served server = new Served("", arguments.toArray(new String[0]))) {
            CyclicBarrier everybody = new CyclicBarrier(CLIENTS);
            allClients(client -> {
                byte[] sent = new byte[1 + new Random(client).nextInt(40_000)];
                new Random(client).nextBytes(sent);
                try (Socket socket = server.connect()) {
                    if (allAtOnce) {
                        socket.getOutputStream().write(client);
                        assertEquals(client & 0xff, socket.getInputStream().read());
                        everybody.await(60, TimeUnit.SECONDS); // a thousand are served now
                    }
                    socket.getOutputStream().write(sent);
                    socket.shutdownOutput();
                    assertArrayEquals(sent, socket.getInputStream().readAllBytes());
                }
            });
            allClients(client -> {
                byte[] lastWords = ("the last words of " + client).getBytes();
                try (Socket socket = server.connect()) {
                    socket.getOutputStream().write(lastWords);
                    if (everybody.await(60, TimeUnit.SECONDS) == 0) {
                        server.process.destroy(); // SIGTERM, when all have sent
                    }
                    assertArrayEquals(lastWords, socket.getInputStream().readAllBytes());
                }
            });
            assertTrue(server.process.waitFor(30, TimeUnit.SECONDS));
            assertEquals(0, server.process.exitValue(), server.stderr());
            assertEquals("drained: 1000 connections, 1000 flushed, 0 cut, 0 bytes lost", server.lastLine());
        }
    }

    @ParameterizedTest
    @CsvSource({"reactor, true", "reactor --sub-reactors 2, true", "threads, true", "pool, false"})
    void thousandClientsAreServedExactlyAndDrained(String engine, boolean allAtOnce) throws Exception {
        thousandClients(engine, allAtOnce);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void thousandClientsOnVirtualThreads() throws Exception {
        thousandClients("virtual", true);
    }
}
