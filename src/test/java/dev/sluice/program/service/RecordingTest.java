package dev.sluice.program.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.harness.ChildJvm;
import dev.sluice.program.service.Served.Client;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A recording that finds no thread to write with. */
@Timeout(60)
class RecordingTest {

    @TempDir
    private Path directory;

    /** A disk that forces nothing until it may, and notes the batches that it is given. */
    private static final class SlowDisk implements Disk {
        final Semaphore forces = new Semaphore(0);
        volatile int batches;
        volatile int longest;

        @Override
        public long end(long expected) {
            return expected;
        }

        @Override
        public void write(ByteBuffer bytes, long offset) {
            longest = Math.max(longest, bytes.remaining());
            bytes.position(bytes.limit());
            batches++;
        }

        @Override
        public void force() {
            forces.acquireUninterruptibly();
        }

        @Override
        public void truncate(long offset) throws IOException {
            throw new IOException("nothing has failed");
        }

        @Override
        public void close() {}
    }

    /** A service on a slow disk, whose end does not wait for the disk, also when a test fails. */
    private static Served serve(Engine engine, SlowDisk disk, Journal journal, int maxLine) throws IOException {
        Recording recording = new Recording(journal, maxLine);
        Service service = new Service() {
            @Override
            public Handler.Factory factory() {
                return recording.factory();
            }

            @Override
            public void close() throws IOException {
                disk.forces.release(1_000);
                recording.close();
            }
        };
        return new Served(engine, service, ServerOptions.builder().maxRemainder(2 * maxLine));
    }

    /** Thirty lines of 250,000 bytes are more than a batch holds. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void batchIsBoundedOnASlowDiskAndEveryLineIsAnswered(Engine engine) throws Exception {
        int longest = 250_000;
        SlowDisk disk = new SlowDisk();
        try (Served served = serve(engine, disk, new Journal(disk, 0, longest), longest)) {
            List<Client> clients = new ArrayList<>(List.of(served.connect().say("first")));
            Served.await(() -> disk.batches == 1, "the disk is busy");
            String line = "x".repeat(longest);
            for (int i = 0; i < 30; i++) {
                clients.add(served.connect().say(line));
            }
            Served.await(() -> served.server.stats().get(Counter.BYTES_READ) > 17 * longest, "more has arrived than a batch holds");
            disk.forces.release(1_000);
            for (Client client : clients) {
                assertEquals("ok 1", client.hear());
            }
            assertEquals("ok 2", clients.get(30).say("is read again").hear());
            assertTrue(disk.longest <= 4 << 20, "a batch of " + disk.longest + " bytes");
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void clientsAreNotReadWhileTheBatchIsFull(Engine engine) throws Exception {
        int longest = (4 << 20) - 1;
        SlowDisk disk = new SlowDisk();
        Journal journal = new Journal(disk, 0, longest);
        try (Served served = serve(engine, disk, journal, longest)) {
            LongSupplier read = () -> served.server.stats().get(Counter.BYTES_READ);
            Client first = served.connect().say("first");
            Served.await(() -> disk.batches == 1, "the disk is busy");
            first.say("x".repeat(longest));
            Client refused = served.connect();
            Client other = served.connect();
            Served.await(() -> read.getAsLong() == 6 + longest + 1, "the batch is full");
            refused.say("refused");
            Served.await(journal::isFull, "the next line is refused");
            Client newcomer = served.connect().say("unread");
            if (engine == Engine.REACTOR) { // elsewhere its thread is in a read already
                other.say("unread");
            }
            served.connect();
            Served.await(() -> served.server.stats().get(Counter.OPENED) == 5, "the last one is served, in a later turn than the others");
            assertEquals(6 + longest + 1 + 8, read.getAsLong());
            disk.forces.release(1_000);
            assertEquals(List.of("ok 1", "ok 2"), first.hear(2));
            assertEquals("ok 1", refused.hear());
            assertEquals("ok 1", newcomer.hear());
        }
    }

    /** A process of its own that can make no thread for a while; says what is wrong then, or nothing. */
    static final class Starved {

        public static void main(String[] args) throws Exception {
            Path file = Path.of(args[0]);
            CountDownLatch gate = new CountDownLatch(1);
            List<Thread> idle = new ArrayList<>();
            try {
                while (true) {
                    Thread next = new Thread(() -> {
                        try {
                            gate.await();
                        } catch (InterruptedException e) {
                            System.out.println(e);
                        }
                    });
                    next.start();
                    idle.add(next);
                }
            } catch (OutOfMemoryError e) {
                try {
                    new Recording(file, 100, Settings.FRAME_TIMEOUT).close();
                    System.out.println("there was a thread");
                } catch (OutOfMemoryError none) {
                    gate.countDown();
                }
            }
            for (Thread each : idle) {
                each.join();
            }
            new Recording(file, 100, Settings.FRAME_TIMEOUT).close(); // not in use
            System.exit(0);
        }
    }

    /** A thread's stack is so large that few fit into what the process may have. */
    @Test
    void fileIsFreeAgainIfThereIsNoThreadToWriteIt() throws Exception {
        assertEquals("", ChildJvm.run(
                List.of("bash", "-c", "ulimit -v 32000000; exec \"$@\"", "bash"), List.of("-Xmx64m", "-Xss1g", "-Xlog:disable"),
                Starved.class, directory.resolve("lines").toString()));
    }
}
