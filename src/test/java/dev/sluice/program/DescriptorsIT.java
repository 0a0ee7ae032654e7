package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Figures;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The program when its descriptors have run out. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class DescriptorsIT {

    private static void echoes(Socket client, int value) throws IOException {
        client.getOutputStream().write(value);
        assertEquals(value, client.getInputStream().read());
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void neitherSpinsNorLosesAnybodyAndRecovers(String engine) throws Exception {
        try (Served server = Served.withDescriptors(100, "echo", "-e", engine, "--max-connections", "500")) {
            List<Socket> served = new ArrayList<>();
            List<Socket> waiting = new ArrayList<>();
            for (int i = 0; i < 130; i++) {
                waiting.add(server.connect()); // the kernel accepts into the backlog, whatever the server does
            }
            for (Socket client : waiting) {
                client.setSoTimeout(200);
                try {
                    client.getOutputStream().write('a');
                    assertEquals('a', client.getInputStream().read());
                    served.add(client);
                } catch (SocketTimeoutException e) {
                    break; // this one, and those behind it, wait in the backlog
                }
            }
            waiting.removeAll(served);
            assertTrue(served.size() > 20 && waiting.size() > 10, served.size() + " served, " + waiting.size() + " wait");

            Duration cpuBefore = server.process.info().totalCpuDuration().orElse(Duration.ZERO);
            long start = System.nanoTime();
            int round = 0;
            while (System.nanoTime() - start < Duration.ofSeconds(3).toNanos()) {
                echoes(served.get(round % 20), round++ & 0x7f);
                server.process.waitFor(5, TimeUnit.MILLISECONDS);
            }
            Duration cpu = server.process.info().totalCpuDuration().orElse(Duration.ZERO).minus(cpuBefore);
            Figures.tell("DescriptorsIT %d served, %d wait; %d echoes in 3 s took the server %d ms of CPU",
                    served.size(), waiting.size(), round, cpu.toMillis());
            Figures.check(cpu.toMillis() < 600, cpu + " of CPU in 3 s");
            long lines = server.stderr().lines().filter(line -> line.contains("cannot accept")).count();
            assertTrue(lines >= 1 && lines <= 8, server.stderr());

            served.remove(served.size() - 1).close();
            long freed = System.nanoTime();
            Socket next = waiting.remove(0); // its byte was sent long ago
            next.setSoTimeout(5_000);
            assertEquals('a', next.getInputStream().read());
            long tookMs = (System.nanoTime() - freed) / 1_000_000;
            Figures.tell("DescriptorsIT recovered in %d ms", tookMs);
            Figures.check(tookMs < 1_100, tookMs + " ms");
            served.add(next);
            for (Socket client : served) {
                client.close();
            }
            for (Socket client : waiting) {
                client.close();
            }
        }
    }
}
