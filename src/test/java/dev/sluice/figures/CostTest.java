package dev.sluice.figures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.sluice.ReactorServer;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.service.Services;
import dev.sluice.service.Settings;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What a request costs, and what an idle server does not. */
class CostTest {

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

    @Test
    void echoedRequestAllocatesNothing() throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (ReactorServer server = echo();
                Peer peer = new Peer(server.address())) {
            long loop = loopOf(server).getId();
            for (int i = 0; i < 50_000; i++) {
                peer.ask();
            }
            long before = threads.getThreadAllocatedBytes(loop);
            for (int i = 0; i < 100_000; i++) {
                peer.ask();
            }
            double bytes = (threads.getThreadAllocatedBytes(loop) - before) / 100_000.0;
            System.out.println("CostTest bytes allocated for a request: " + bytes);
            assertTrue(bytes < 1, bytes + " bytes for a request");
        }
    }

    @Test
    void thousandPingPongsAreAReadAndAWriteEachAndNoChangeOfInterest() throws Exception {
        try (ReactorServer server = echo();
                Peer peer = new Peer(server.address())) {
            for (int i = 0; i < 1_000; i++) {
                peer.ask();
            }
            ServerStats.Calls calls = server.stats().calls();
            System.out.println("CostTest 1000 ping-pongs: " + calls);
            assertTrue(calls.interestChanges() <= 1);
            assertTrue(calls.reads() <= 1_001 && calls.writes() <= 1_001, calls.toString());
        }
    }

    @Test
    void idleServerSleeps() throws Exception {
        Duration watched = Duration.ofSeconds(Long.getLong("sluice.idleSeconds", 3));
        try (ReactorServer server = echo();
                Peer peer = new Peer(server.address())) {
            peer.ask();
            Thread loop = loopOf(server);
            org.awaitility.Awaitility.await().until(() -> loop.getState() == Thread.State.RUNNABLE && server.stats().calls().writes() == 1);
            loop.join(100); // what the last turn still has to do
            long selects = server.stats().loops().get(0).selects();
            long switches = contextSwitches();
            loop.join(watched.toMillis());
            assertEquals(selects, server.stats().loops().get(0).selects(), "selects");
            assertEquals(switches, contextSwitches(), "context switches");
            System.out.println("CostTest idle for " + watched + ": no select, no context switch");
        }
    }

    /** Of all threads of ours, as Linux counts them. */
    private static long contextSwitches() throws IOException {
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
