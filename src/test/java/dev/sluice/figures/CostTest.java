package dev.sluice.figures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.sluice.Connection;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.Figure;
import dev.sluice.harness.Figures;
import dev.sluice.harness.Proc;
import dev.sluice.program.service.Services;
import dev.sluice.program.service.Settings;
import dev.sluice.reactor.ReactorServer;
import dev.sluice.reactor.ReactorStats;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The cost of a request in garbage and calls, and that of an idle server: none. */
@Timeout(120)
class CostTest {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int WRITERS = 8;

    private static ReactorServer echo() throws IOException {
        return ReactorServer.start(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                ServerOptions.builder().lingerTimeout(Duration.ZERO).build(),
                Services.ECHO.open(Settings.none()).factory());
    }

    private static Thread loopOf(ReactorServer server) {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("sluice-reactor-0"))
                .reduce((first, second) -> {
                    throw new AssertionError("two servers run");
                })
                .orElseThrow();
    }

    /** Bytes that the loop allocates for each of so many requests, after half as many to warm up. */
    private static double allocated(ReactorServer server, Peer peer, int requests) throws IOException {
        long loop = loopOf(server).getId();
        for (int i = 0; i < requests / 2; i++) {
            peer.ask();
        }
        long before = THREADS.getThreadAllocatedBytes(loop);
        for (int i = 0; i < requests; i++) {
            peer.ask();
        }
        return (THREADS.getThreadAllocatedBytes(loop) - before) / (double) requests;
    }

    @Figure
    @Test
    void echoedRequestAllocatesNothing() throws Exception {
        try (ReactorServer server = echo();
                Peer peer = new Peer(server.address())) {
            double bytes = allocated(server, peer, 100_000);
            Figures.tell("CostTest bytes allocated for a request: %.1f", bytes);
            assertTrue(bytes < 1, bytes + " bytes for a request");
        }
    }

    /** Its answer is gathered from 64 chunks, and taken by a small send buffer a piece at a time. */
    @Figure
    @Test
    void gatheredAndShortWritesAllocateNothing() throws Exception {
        ByteBuffer answer = ByteBuffer.allocate(512 << 10);
        try (ReactorServer server = ReactorServer.start(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        ServerOptions.builder().sendBuffer(64 << 10).lingerTimeout(Duration.ZERO).build(),
                        connection -> (self, in) -> {
                            in.position(in.limit());
                            self.write(answer.clear());
                        });
                Peer peer = new Peer(server.address(), answer.capacity())) {
            double bytes = allocated(server, peer, 1_000);
            ServerStats calls = server.stats();
            Figures.tell("CostTest bytes allocated for an answer in short writes: %.1f", bytes);
            assertTrue(bytes < 1, bytes + " bytes for an answer");
            assertTrue(calls.get(ServerStats.Counter.SHORT_WRITES) > 1_500, calls.toString());
        }
    }

    /** Eight of them, to one connection. */
    @Figure
    @Test
    void messageFromAnotherThreadCostsAtMost120BytesAndKeepsItsOrder() throws Exception {
        int each = Integer.getInteger("sluice.messages", 200_000) / WRITERS;
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        AtomicLong garbage = new AtomicLong();
        try (ReactorServer server = ReactorServer.start(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        ServerOptions.builder().maxPending(1 << 30).maxMemory(1L << 31).lingerTimeout(Duration.ZERO).build(),
                        connection -> {
                            opened.complete(connection);
                            return (self, in) -> {};
                        });
                SocketChannel client = SocketChannel.open(server.address())) {
            Connection connection = opened.get();
            List<Thread> threads = new ArrayList<>();
            for (int w = 0; w < WRITERS; w++) {
                int writer = w;
                threads.add(new Thread(() -> {
                    ByteBuffer message = ByteBuffer.allocate(64);
                    long before = THREADS.getThreadAllocatedBytes(Thread.currentThread().getId());
                    for (int i = 0; i < each; i++) {
                        connection.write(message.clear().putInt(0, writer).putInt(4, i));
                    }
                    garbage.addAndGet(THREADS.getThreadAllocatedBytes(Thread.currentThread().getId()) - before);
                }));
            }
            threads.forEach(Thread::start);
            int[] next = new int[WRITERS];
            ByteBuffer in = ByteBuffer.allocateDirect(64 << 10);
            for (int arrived = 0; arrived < WRITERS * each; ) {
                assertTrue(client.read(in) > 0);
                for (in.flip(); in.remaining() >= 64; in.position(in.position() + 64)) {
                    assertEquals(next[in.getInt(in.position())]++, in.getInt(in.position() + 4));
                    arrived++;
                }
                in.compact();
            }
            for (Thread writer : threads) {
                writer.join();
            }
            ReactorStats loop = server.loops().get(0);
            double bytes = garbage.get() / (double) (WRITERS * each);
            Figures.tell("CostTest %,d messages from %d threads: %.1f bytes of garbage each, %,d wake-ups, %,d selects",
                    WRITERS * each, WRITERS, bytes, loop.wakeups(), loop.selects());
            assertTrue(bytes <= 120, bytes + " bytes a message");
            assertTrue(loop.wakeups() <= loop.selects(), loop.toString());
        }
    }

    @Test
    void thousandPingPongsAreAReadAndAWriteEachAndNoChangeOfInterest() throws Exception {
        try (ReactorServer server = echo();
                Peer peer = new Peer(server.address())) {
            for (int i = 0; i < 1_000; i++) {
                peer.ask();
            }
            ServerStats calls = server.stats();
            assertTrue(calls.get(ServerStats.Counter.INTEREST_CHANGES) <= 1);
            assertTrue(calls.get(ServerStats.Counter.READS) <= 1_001 && calls.get(ServerStats.Counter.WRITES) <= 1_001, calls.toString());
        }
    }

    @Figure
    @Test
    void idleServerSleeps() throws Exception {
        Duration watched = Duration.ofSeconds(Long.getLong("sluice.idleSeconds", 3));
        try (ReactorServer server = echo();
                Peer peer = new Peer(server.address())) {
            peer.ask();
            Thread loop = loopOf(server);
            org.awaitility.Awaitility.await().until(() -> loop.getState() == Thread.State.RUNNABLE && server.stats().get(ServerStats.Counter.WRITES) == 1);
            loop.join(100); // what the last turn still has to do
            long selects = server.loops().get(0).selects();
            long switches = contextSwitches();
            loop.join(watched.toMillis());
            assertEquals(selects, server.loops().get(0).selects(), "selects");
            assertEquals(switches, contextSwitches(), "context switches");
            Figures.tell("CostTest idle for %s: no select, no context switch", watched);
        }
    }

    /** Of the loop, as Linux counts them; elsewhere none. */
    private static long contextSwitches() throws IOException {
        if (!Proc.isThere()) {
            return 0;
        }
        long sum = 0;
        int threads = 0;
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            for (Path task : (Iterable<Path>) tasks::iterator) {
                List<String> status = Files.readAllLines(task.resolve("status"));
                if (status.get(0).contains("sluice-reactor")) {
                    threads++;
                    for (String line : status) {
                        if (line.contains("ctxt_switches")) {
                            sum += Long.parseLong(line.replaceAll("\\D", ""));
                        }
                    }
                }
            }
        }
        assertEquals(1, threads);
        return sum;
    }

    @Test
    void portIsFreeAtOnceAfterTheEnd() throws Exception {
        InetSocketAddress address;
        try (ReactorServer server = echo();
                Peer peer = new Peer(server.address())) {
            peer.ask();
            address = server.address();
        }
        try (ReactorServer again =
                ReactorServer.start(address, ServerOptions.defaults(), Services.ECHO.open(Settings.none()).factory())) {
            assertEquals(address, again.address());
        }
    }
}
