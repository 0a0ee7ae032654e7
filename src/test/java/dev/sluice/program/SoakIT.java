package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Figures;
import dev.sluice.harness.Proc;
import dev.sluice.harness.Seed;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Honest and hostile clients together for a long time; memory and descriptors must stay flat. Six seconds in the default build;
 * {@code -Dsluice.soak=600} makes it ten minutes, {@code -Dsluice.engine=threads} takes another engine. Clients race: the seed repeats what each of
 * them draws, not when.
 */
class SoakIT {

    private static final int SECONDS = Integer.getInteger("sluice.soak", 6);
    private static final String ENGINE = System.getProperty("sluice.engine", "reactor");
    private static final int CLIENTS = 24;

    private final AtomicLong honest = new AtomicLong();
    private final AtomicLong hostile = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();

    private void honest(Served server, Random random) throws Exception {
        byte[] sent = new byte[1 + random.nextInt(40_000)];
        random.nextBytes(sent);
        try (Socket socket = server.connect()) {
            byte[] back = new byte[sent.length];
            for (int at = 0; at < sent.length; ) {
                int piece = Math.min(1 + random.nextInt(8_192), sent.length - at);
                socket.getOutputStream().write(sent, at, piece);
                assertEquals(piece, socket.getInputStream().readNBytes(back, at, piece));
                at += piece;
            }
            socket.shutdownOutput();
            assertArrayEquals(sent, back);
            assertEquals(-1, socket.getInputStream().read());
        }
        honest.incrementAndGet();
        bytes.addAndGet(sent.length);
    }

    private void hostile(Served server, Random random) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port)) {
            socket.setSoTimeout(2_000);
            switch (random.nextInt(4)) {
                case 0 -> socket.setSoLinger(true, 0); // gone at once
                case 1 -> {
                    socket.getOutputStream().write(new byte[1 + random.nextInt(200_000)]);
                    socket.getInputStream().read(new byte[1 + random.nextInt(50_000)]);
                    socket.setSoLinger(true, 0); // in the middle of its answer
                }
                case 2 -> {
                    socket.setReceiveBufferSize(4_096);
                    socket.getOutputStream().write(new byte[300_000]); // and never reads
                    socket.getInputStream().skipNBytes(1);
                }
                default -> socket.getInputStream().read(); // says nothing, until it is idle for too long
            }
        } catch (IOException e) {
            // reset, closed, or nothing came: all of it is to be expected
        }
        hostile.incrementAndGet();
    }

    private static long descriptors(Served server) throws IOException {
        if (!Proc.isThere()) {
            return 0;
        }
        try (Stream<Path> open = Files.list(Path.of("/proc/" + server.process.pid() + "/fd"))) {
            return open.count();
        }
    }

    @Test
    void staysFlat() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);
        List<Long> memory = new ArrayList<>();
        List<Long> open = new ArrayList<>();
        try (Served server = new Served("-Xmx64m", "echo", "-e", ENGINE, "--idle-timeout", "1s", "--write-timeout", "1s")) {
            long end = System.nanoTime() + Duration.ofSeconds(SECONDS).toNanos();
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                Random random = new Random(Seed.VALUE + i);
                boolean good = i % 3 > 0;
                all.add(threads.submit(() -> {
                    while (System.nanoTime() < end) {
                        if (good) {
                            honest(server, random);
                        } else {
                            hostile(server, random);
                        }
                    }
                    return null;
                }));
            }
            for (int sample = 0; System.nanoTime() < end; sample++) {
                server.process.waitFor(Math.max(1, SECONDS / 30), TimeUnit.SECONDS);
                memory.add(server.memory("VmRSS") / 1_024);
                open.add(descriptors(server));
            }
            for (Future<?> each : all) {
                each.get(30, TimeUnit.SECONDS);
            }
            assertEquals(0, server.terminate(), server.stderr());
            String books = server.stderr().lines().filter(line -> line.startsWith("books: ")).findFirst().orElseThrow();
            Figures.tell("SoakIT %s, %d s: %s honest, %s hostile, %d MB echoed exactly; memory in MB %s; descriptors %s",
                    ENGINE, SECONDS, honest, hostile, bytes.get() / 1_000_000, memory, open);
            assertTrue(books.contains(" closed + 0 open; ") && books.contains(" + 0 pending + "), books);
            assertTrue(flat(memory, SECONDS < 60 ? 60 : 15), "memory grows: " + memory);
            assertTrue(open.stream().allMatch(count -> count < 200), "descriptors: " + open);
        } finally {
            threads.shutdownNow();
        }
    }

    /** Whether the last third's median is above the middle third's by no more than so many. */
    private static boolean flat(List<Long> samples, long most) {
        int third = samples.size() / 3;
        return median(samples.subList(2 * third, samples.size())) - median(samples.subList(third, Math.max(third + 1, 2 * third))) <= most;
    }

    private static long median(List<Long> samples) {
        return samples.stream().sorted().skip(samples.size() / 2).findFirst().orElseThrow();
    }
}
