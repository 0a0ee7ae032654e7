package dev.sluice.program.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.program.bench.report.LoadText;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A load tells what the server did: what it answered, how soon, and what it did wrong. */
class LoadTest {

    private ReactorServer server;

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private void serve(Handler.Factory factory) throws IOException {
        server = ReactorServer.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), ServerOptions.defaults(), factory);
    }

    private LoadPlan plan(int connections, int size, int pipeline, long durationMs, double rate) {
        return new LoadPlan(
                "127.0.0.1", server.address().getPort(), connections, size, pipeline, 50, durationMs, rate, Expect.ECHO,
                ProcessHandle.current().pid());
    }

    private static LoadResult run(LoadPlan plan) throws IOException {
        return Load.run(plan, stop -> {});
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "1, 64, 1", "16, 64, 7", "3, 100000, 2", "2, 3000000, 3"})
    void countsEveryAnswerOfAnHonestServer(int connections, int size, int pipeline) throws IOException {
        serve(connection -> (self, in) -> self.write(in));
        LoadResult result = run(plan(connections, size, pipeline, 300, 0));
        assertEquals(Map.of(), result.errors());
        assertEquals(connections, result.connections());
        assertTrue(result.answered() > 0);
        assertFalse(result.isUnanswered());
        assertEquals(0.3, result.seconds(), 1e-9);
        long inFlight = (long) connections * pipeline;
        assertTrue(Math.abs(result.latency().count() - result.answered()) <= inFlight, "but for those at the edges");
        assertTrue(result.latency().p50() > 0 && result.latency().p50() <= result.latency().max());
        assertEquals(result.latency().count(), result.latency().decode().getTotalCount());
        assertNull(result.uncorrected());
        assertTrue(server.stats().get(ServerStats.Counter.BYTES_READ) >= result.latency().count() * size, "no answer was made up");
    }

    @Test
    void openLoopSendsWhatWasPlannedAndNoMore() throws IOException {
        serve(connection -> (self, in) -> self.write(in));
        LoadResult result = run(plan(7, 64, 2, 1_000, 2_000));
        assertEquals(Map.of(), result.errors());
        assertEquals(2_000, result.latency().count(), 1);
        assertNotNull(result.uncorrected());
        assertEquals(result.latency().count(), result.uncorrected().count());
        assertTrue(result.latency().p50() >= result.uncorrected().p50());
    }

    @Test
    void wrongAnswersAreErrorsAndNotLatencies() throws IOException {
        serve(connection -> (self, in) -> {
            in.put(in.limit() - 1, (byte) '!');
            self.write(in);
        });
        LoadResult result = run(plan(5, 64, 1, 200, 0));
        assertEquals(5, result.errors().get(LoadError.WRONG));
        assertEquals(0, result.answered());
        assertEquals(0, result.latency().count());
        assertEquals(0, result.connections());
    }

    /** Its requests are from before the measured time, and so are no errors of that. */
    @Test
    void noAnswerAtAllIsToldWhereThereIsNoErrorEither() throws IOException {
        serve(connection -> (self, in) -> in.position(in.limit()));
        LoadResult result = run(plan(2, 64, 1, 200, 0));
        assertEquals(Map.of(), result.errors());
        assertTrue(result.isUnanswered());
        assertTrue(LoadText.of(result).contains("errors       no answer came"), LoadText.of(result));
    }

    @Test
    void answersThatWereNotAskedForAreWrong() throws IOException {
        serve(connection -> (self, in) -> {
            self.write(in.duplicate());
            self.write(in);
        });
        assertEquals(2, run(plan(2, 64, 1, 200, 0)).errors().get(LoadError.WRONG));
    }

    @Test
    void connectionsThatTheServerEndsAreErrors() throws IOException {
        serve(connection -> new Handler() {
            private int answers;

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                self.write(in);
                if (++answers == 1_000) {
                    self.close();
                }
            }
        });
        LoadResult result = run(plan(3, 64, 1, 60_000, 0));
        assertEquals(3, result.errors().get(LoadError.ENDED));
        assertEquals(0, result.connections());
    }

    @Test
    void resetsAreErrorsAndWhatWasInFlightWasNotAnswered() throws IOException {
        serve(connection -> (self, in) -> self.abort());
        LoadPlan warm = plan(3, 64, 4, 60_000, 0);
        LoadResult result = run(new LoadPlan(warm.host(), warm.port(), 3, 64, 4, 0, 60_000, 0, Expect.ECHO, 0));
        assertEquals(3, result.errors().get(LoadError.RESET));
        assertEquals(12, result.errors().get(LoadError.UNANSWERED));
        assertEquals(0, result.answered());
    }

    @Test
    void serverThatFallsSilentIsNotAQuickOne() throws IOException {
        serve(connection -> (self, in) -> in.position(in.limit()));
        LoadPlan plan = plan(2, 64, 1, 200, 100);
        LoadResult result = run(plan);
        assertEquals(0, result.answered());
        assertTrue(result.isSaturated());
        long lost = result.errors().getOrDefault(LoadError.UNANSWERED, 0L) + result.errors().getOrDefault(LoadError.UNSENT, 0L);
        assertEquals(20, lost, 1, "those of 200 ms at 100 a second");
    }

    @Test
    void nobodyThere() throws IOException {
        // the port is taken by a socket that does not listen, or another test's server might have it by then
        try (SocketChannel holder = SocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            int port = holder.socket().getLocalPort();
            LoadResult result = run(new LoadPlan("127.0.0.1", port, 200, 64, 1, 0, 100, 0, Expect.ECHO, 0));
            assertEquals(Map.of(LoadError.CONNECT, 200L), result.errors());
            assertEquals("Connection refused", result.firstCause());
            assertEquals(0, result.connections());
        }
    }

    @Test
    void canBeEndedEarly() throws IOException {
        serve(connection -> (self, in) -> self.write(in));
        LoadPlan plan = plan(2, 64, 1, 3_600_000, 0);
        LoadResult result = Load.run(plan, stop -> {
            Thread ending = new Thread(() -> {
                while (server.stats().get(ServerStats.Counter.BYTES_WRITTEN) < 1_000_000) {
                    Thread.onSpinWait();
                }
                stop.run();
            });
            ending.start();
        });
        assertTrue(result.seconds() < 60, result.seconds() + " s");
        assertEquals(Map.of(), result.errors());
        assertFalse(result.isSaturated());
    }

    /** In a process of its own, with less memory than such a load takes. */
    static final class TooLarge {

        private static long selectors() throws IOException {
            if (!Files.exists(Path.of("/proc/self/fd"))) {
                return 0; // only Linux tells
            }
            try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
                return open.filter(TooLarge::isSelector).count();
            }
        }

        private static boolean isSelector(Path descriptor) {
            try {
                return Files.readSymbolicLink(descriptor).toString().contains("eventpoll");
            } catch (IOException e) {
                return false; // of the listing itself
            }
        }

        public static void main(String[] args) throws IOException {
            try {
                LoadTest.run(new LoadPlan("127.0.0.1", 9, 60_000, 64, 1_000_000, 0, 1, 0, Expect.ECHO, 0));
                System.out.println("there was memory");
            } catch (OutOfMemoryError e) {
                System.out.println(selectors() + " selectors are open");
            }
        }
    }

    @Test
    void loadThatFindsNoMemoryLeavesNoSelector() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx32m",
                        "-cp", System.getProperty("java.class.path"), TooLarge.class.getName())
                .start();
        assertEquals("0 selectors are open\n", new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, process.waitFor());
    }
}
