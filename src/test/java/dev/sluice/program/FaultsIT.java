package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.fault.FaultProxy.Faults;
import dev.sluice.fault.FaultProxy;
import dev.sluice.harness.Figures;
import dev.sluice.harness.Proc;
import dev.sluice.harness.Seed;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The program on its worst day: slow and hostile clients, signals, stops. Each test ends with the check of the books. Clients race: the
 * seed repeats what each of them draws, not when.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class FaultsIT {


    /** The byte at a place of a client's stream: a gap, a repeat, or another client's byte shows. */
    private static byte byteAt(int client, long place) {
        return (byte) (place * 31 + place / 251 + client * 17L);
    }

    private static byte[] stream(int client, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = byteAt(client, i);
        }
        return bytes;
    }

    /** SIGTERM; all must balance, and nothing be lost but what the test says. */
    private static void endsWithItsBooksInOrder(Served server) throws Exception {
        assertEquals(0, server.terminate(), server.stderr());
        String books = server.stderr().lines().filter(line -> line.startsWith("books: ")).findFirst().orElseThrow();
        assertTrue(books.contains(" closed + 0 open; ") && books.contains(" written + 0 pending + "), books);
    }

    /** Sends all and reads all at once, as a client of a bounded server must. */
    private static void echoes(Socket socket, byte[] bytes, int pieces, Random random) throws Exception {
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
            try {
                for (int at = 0; at < bytes.length; ) {
                    int piece = Math.min(pieces == 0 ? bytes.length : 1 + random.nextInt(pieces), bytes.length - at);
                    socket.getOutputStream().write(bytes, at, piece);
                    at += piece;
                }
                socket.shutdownOutput();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        assertArrayEquals(bytes, socket.getInputStream().readAllBytes());
        sending.get();
    }

    /** Ten clients that ask and wait for the answer until told to stop; the median time of an answer, in microseconds. */
    private static Future<Long> pingers(ExecutorService threads, Served server, AtomicBoolean stop) {
        return threads.submit(() -> {
            List<Future<List<Long>>> all = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                all.add(threads.submit((Callable<List<Long>>) () -> {
                    List<Long> times = new ArrayList<>();
                    try (Socket socket = server.connect()) {
                        for (int n = 0; !stop.get(); n++) {
                            long start = System.nanoTime();
                            socket.getOutputStream().write(n);
                            assertEquals(n & 0xff, socket.getInputStream().read());
                            times.add(System.nanoTime() - start);
                        }
                    }
                    return times;
                }));
            }
            List<Long> times = new ArrayList<>();
            for (Future<List<Long>> each : all) {
                times.addAll(each.get());
            }
            times.sort(null);
            return times.get(times.size() / 2) / 1_000;
        });
    }

    private static InetSocketAddress address(Served server) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port);
    }

    // ---- F01, F02, F42: how bytes come ----------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void byteAtATimeBothWays(String engine) throws Exception {
        try (Served server = new Served("", "echo", "-e", engine);
                FaultProxy proxy = new FaultProxy(address(server), Seed.VALUE, Faults.chunks(1), Faults.chunks(1));
                Socket client = new Socket(proxy.address().getAddress(), proxy.address().getPort())) {
            client.setSoTimeout(60_000);
            echoes(client, stream(1, 100_000), 0, null);
            endsWithItsBooksInOrder(server);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "virtual or pool"})
    void thousandConnectionsInRandomPieces(String engine) throws Exception {
        String name = engine.equals("reactor") ? engine : Runtime.version().feature() >= 21 ? "virtual" : "pool";
        ExecutorService threads = Executors.newFixedThreadPool(100);
        try (Served server = new Served("-Xmx64m", "echo", "-e", name)) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                int client = i;
                all.add(threads.submit(() -> {
                    try (Socket socket = server.connect()) {
                        echoes(socket, stream(client, 20_000), 8_192, new Random(Seed.VALUE + client));
                    }
                    return null;
                }));
            }
            for (Future<?> each : all) {
                each.get(100, TimeUnit.SECONDS);
            }
            endsWithItsBooksInOrder(server);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void urgentByteNeitherSpinsNorHarms() throws Exception {
        try (Served server = new Served("", "echo"); Socket client = server.connect()) {
            client.getOutputStream().write("before".getBytes());
            client.sendUrgentData('!');
            client.getOutputStream().write("after".getBytes());
            assertArrayEquals("beforeafter".getBytes(), client.getInputStream().readNBytes(11));
            Duration before = server.process.info().totalCpuDuration().orElse(Duration.ZERO);
            server.process.waitFor(1, TimeUnit.SECONDS);
            Duration used = server.process.info().totalCpuDuration().orElse(Duration.ZERO).minus(before);
            Figures.check(used.toMillis() < 200, used + " of CPU in an idle second");
            client.close();
            endsWithItsBooksInOrder(server);
        }
    }

    // ---- F04, F05, F13, F14: who takes and gives nothing ------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void fiveHundredWhoNeverReadHarmNobody(String engine) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        List<SocketChannel> deaf = new ArrayList<>();
        try (Served server = new Served("-Xmx64m", "echo", "-e", engine, "--write-timeout", "2s", "--send-buffer", "16k", "--receive-buffer", "16k")) {
            AtomicBoolean stop = new AtomicBoolean();
            Future<Long> alone = pingers(threads, server, stop);
            server.process.waitFor(1, TimeUnit.SECONDS);
            stop.set(true);
            long aloneUs = alone.get();
            stop.set(false);
            ByteBuffer block = ByteBuffer.allocateDirect(64 << 10);
            for (int i = 0; i < 500; i++) {
                SocketChannel channel = SocketChannel.open();
                channel.setOption(StandardSocketOptions.SO_RCVBUF, 4 << 10);
                channel.setOption(StandardSocketOptions.SO_SNDBUF, 16 << 10);
                channel.connect(address(server));
                channel.configureBlocking(false);
                deaf.add(channel);
            }
            Future<Long> beside = pingers(threads, server, stop);
            long end = System.nanoTime() + 1_500_000_000L;
            while (System.nanoTime() < end) {
                for (SocketChannel channel : deaf) {
                    writeWhatGoes(channel, block.clear());
                }
                server.process.waitFor(10, TimeUnit.MILLISECONDS);
            }
            stop.set(true);
            long besideUs = beside.get();
            Figures.tell("FaultsIT %s: an answer takes %d us alone, %d us beside 500 that never read; peak memory %d MB",
                    engine, aloneUs, besideUs, server.memory("VmHWM") / 1024);
            Figures.check(besideUs < 10 * aloneUs + 5_000, besideUs + " us, " + aloneUs + " alone");
            assertTrue(server.memory("VmHWM") < 300 << 10, server.memory("VmHWM") + " KiB");
            List<SocketChannel> left = new ArrayList<>(deaf);
            Awaitility.await().atMost(Duration.ofSeconds(20)).until(() -> left.removeIf(FaultsIT::isLost) && left.isEmpty());
            endsWithItsBooksInOrder(server);
        } finally {
            threads.shutdownNow();
            for (SocketChannel channel : deaf) {
                channel.close();
            }
        }
    }

    private static void writeWhatGoes(SocketChannel channel, ByteBuffer block) {
        try {
            channel.write(block);
        } catch (IOException e) {
            // closed by the server: what it owed was too long in taking
        }
    }

    private static boolean isLost(SocketChannel channel) {
        try {
            while (channel.write(ByteBuffer.allocate(1)) > 0) {
                // until the buffers are full, or the server's reset is seen
            }
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void floodOfIdleClientsIsTurnedAwayAndForgotten() throws Exception {
        List<Socket> flood = new ArrayList<>();
        try (Served server = new Served("", "echo", "--max-connections", "200")) {
            for (int i = 0; i < 700; i++) {
                flood.add(server.connect());
            }
            int away = 0;
            for (Socket client : flood.subList(200, 700)) {
                client.setSoTimeout(1_000);
                try {
                    away += client.getInputStream().read() < 0 ? 1 : 0;
                } catch (IOException e) {
                    away++;
                }
            }
            assertEquals(500, away, "each is told within a second");
            for (Socket client : flood.subList(0, 200)) {
                client.getOutputStream().write('x');
                assertEquals('x', client.getInputStream().read());
                client.close();
            }
            Awaitility.await().ignoreExceptions().until(() -> {
                try (Socket next = server.connect()) {
                    next.getOutputStream().write('y');
                    return next.getInputStream().read() == 'y';
                }
            });
            endsWithItsBooksInOrder(server);
        } finally {
            for (Socket client : flood) {
                client.close();
            }
        }
    }

    @Test
    void firehoseBesideTenPingers() throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try (Served server = new Served("-Xmx64m", "echo"); Socket firehose = server.connect()) {
            AtomicBoolean stop = new AtomicBoolean();
            Future<Long> pings = pingers(threads, server, stop);
            byte[] block = stream(7, 251 << 10);
            Future<Long> reading = threads.submit(() -> {
                long at = 0;
                byte[] in = new byte[64 << 10];
                for (int read; (read = firehose.getInputStream().read(in)) > 0; at += read) {
                    for (int i = 0; i < read; i++) {
                        if (in[i] != block[(int) ((at + i) % block.length)]) {
                            throw new AssertionError("byte " + (at + i));
                        }
                    }
                }
                return at;
            });
            long sent = 0;
            for (long end = System.nanoTime() + 2_000_000_000L; System.nanoTime() < end; sent += block.length) {
                firehose.getOutputStream().write(block);
            }
            firehose.shutdownOutput();
            assertEquals(sent, reading.get(20, TimeUnit.SECONDS));
            stop.set(true);
            Figures.tell("FaultsIT an answer takes %d us beside a firehose of %d MB/s", pings.get(), sent / 2_000_000);
            endsWithItsBooksInOrder(server);
        } finally {
            threads.shutdownNow();
        }
    }

    /** The JVM has a word to say of each, too, beside ours. */
    @Test
    void threadsThatCannotBeHadAreToldOnceASecond() throws Exception {
        List<Socket> clients = new ArrayList<>();
        long startNs = System.nanoTime();
        try (Served server = Served.withFewThreads("echo", "-e", "threads")) {
            for (int i = 0; i < 300; i++) {
                clients.add(server.connect());
            }
            Socket last = clients.get(299);
            assertEquals(-1, last.getInputStream().read());
            for (Socket client : clients) {
                client.close();
            }
            assertEquals(0, server.terminate(), server.stderr());
            long seconds = (System.nanoTime() - startNs) / 1_000_000_000;
            long refusals = server.stderr().lines().filter(line -> line.contains("a connection was refused")).count();
            assertTrue(refusals >= 1 && refusals <= seconds + 1, refusals + " in " + seconds + " s");
            List<String> others = server.stderr().lines().filter(line -> line.contains("Failed to start")).toList();
            assertEquals(List.of(), others);
        }
    }

    // ---- F08, F09, F10: resets --------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void tenThousandWhoConnectAndReset(String engine) throws Exception {
        try (Served server = new Served("", "echo", "-e", engine, "--max-connections", "5000")) {
            for (int i = 0; i < 10_000; i++) {
                try (Socket client = new Socket(InetAddress.getLoopbackAddress(), server.port)) {
                    client.setSoLinger(true, 0);
                }
            }
            try (Socket client = server.connect()) {
                echoes(client, stream(1, 1_000), 0, null);
            }
            long lines = server.stderr().lines().count();
            assertTrue(lines < 60, lines + " lines of log\n" + server.stderr());
            endsWithItsBooksInOrder(server);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void resetAtAnyByteUnderLoad(String engine) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try (Served server = new Served("", "echo", "-e", engine)) {
            List<Future<?>> honest = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                int client = i;
                honest.add(threads.submit(() -> {
                    for (int round = 0; round < 20; round++) {
                        try (Socket socket = server.connect()) {
                            echoes(socket, stream(client, 50_000), 5_000, new Random(Seed.VALUE + client + round));
                        }
                    }
                    return null;
                }));
            }
            for (int t = 0; t < 4; t++) {
                Random random = new Random(Seed.VALUE - t);
                honest.add(threads.submit(() -> {
                    for (int i = 0; i < 250; i++) {
                        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port)) {
                            socket.getOutputStream().write(new byte[1 + random.nextInt(100_000)]);
                            socket.getInputStream().read(new byte[1 + random.nextInt(50_000)]);
                            socket.setSoLinger(true, 0);
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> each : honest) {
                each.get(60, TimeUnit.SECONDS);
            }
            endsWithItsBooksInOrder(server);
        } finally {
            threads.shutdownNow();
        }
    }

    private static void signal(Served server, String name) throws Exception {
        new ProcessBuilder("kill", "-" + name, Long.toString(server.process.pid())).inheritIO().start().waitFor();
    }

    @Test
    void resetInTheBacklogIsNoticedAndForgotten() throws Exception {
        try (Served server = new Served("", "echo")) {
            signal(server, "STOP");
            for (int i = 0; i < 200; i++) {
                try (Socket client = new Socket(InetAddress.getLoopbackAddress(), server.port)) {
                    client.getOutputStream().write(new byte[100]);
                    client.setSoLinger(true, 0);
                }
            }
            signal(server, "CONT");
            try (Socket client = server.connect()) {
                echoes(client, stream(1, 1_000), 0, null);
            }
            endsWithItsBooksInOrder(server);
        }
    }

    /** The sockets that a server has open, the port's among them; none where there is no {@code /proc}. */
    private static long connectionsOf(Served server) {
        if (!Proc.isThere()) {
            return 0;
        }
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + server.process.pid() + "/fd"))) {
            return descriptors.filter(each -> {
                try {
                    return Files.readSymbolicLink(each).toString().startsWith("socket:");
                } catch (IOException e) {
                    return false; // closed meanwhile
                }
            }).count();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Nothing is read from them any more, and a read would tell nothing. A relay holds two connections for each. */
    @Test
    void clientsThatEndTheirSideAndThenResetAreFoundOut() throws Exception {
        int clients = 50;
        List<Socket> accepted = new CopyOnWriteArrayList<>();
        try (ServerSocket target = new ServerSocket(0, 200, InetAddress.getLoopbackAddress());
                Served reactor = relayWithoutIdleLimit(target, "reactor");
                Served threads = relayWithoutIdleLimit(target, "threads");
                Served pool = relayWithoutIdleLimit(target, "pool", "--pool-size", "60")) {
            List<Served> servers = List.of(reactor, threads, pool);
            List<Long> before = servers.stream().map(FaultsIT::connectionsOf).toList();
            List<Socket> gone = new ArrayList<>();
            for (Served server : servers) {
                for (int i = 0; i < clients; i++) {
                    Socket client = server.connect();
                    client.shutdownOutput();
                    gone.add(client);
                    Socket end = target.accept();
                    accepted.add(end);
                    assertEquals(-1, end.getInputStream().read(), "the end is carried across");
                }
                assertTrue(!Proc.isThere() || connectionsOf(server) >= 2 * clients, connectionsOf(server) + " sockets");
            }
            for (Socket client : gone) {
                client.setSoLinger(true, 0);
                client.close();
            }
            for (int i = 0; i < servers.size(); i++) {
                Served server = servers.get(i);
                long most = before.get(i);
                Awaitility.await("sockets of " + server.process).atMost(Duration.ofSeconds(45)).until(() -> connectionsOf(server) <= most);
                endsWithItsBooksInOrder(server);
            }
        } finally {
            for (Socket each : accepted) {
                each.close();
            }
        }
    }

    private static Served relayWithoutIdleLimit(ServerSocket target, String... engine) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("proxy", "--to", "127.0.0.1:" + target.getLocalPort(), "--idle-timeout", "0s", "-e"));
        arguments.addAll(List.of(engine));
        return new Served("", arguments.toArray(new String[0]));
    }

    // ---- F17, F20, F23: signals --------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void clientsInTheBacklogAtTheEndAreStillServed(String engine) throws Exception {
        List<Socket> clients = new ArrayList<>();
        try (Served server = new Served("", "echo", "-e", engine)) {
            signal(server, "STOP");
            for (int i = 0; i < 100; i++) {
                Socket client = server.connect();
                client.getOutputStream().write(stream(i, 50));
                clients.add(client);
            }
            signal(server, "TERM");
            signal(server, "CONT");
            for (int i = 0; i < 100; i++) {
                assertArrayEquals(stream(i, 50), clients.get(i).getInputStream().readAllBytes(), "then the end, not a reset");
                clients.get(i).close();
            }
            assertTrue(server.process.waitFor(20, TimeUnit.SECONDS));
            assertEquals(0, server.process.exitValue());
            assertEquals("drained: 100 connections, 100 flushed, 0 cut, 0 bytes lost", server.lastLine());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void connectionsWhoseBytesAreThereSurviveAPauseOfTheServer(String engine) throws Exception {
        try (Served server = new Served("", "echo", "-e", engine, "--idle-timeout", "1s")) {
            List<Socket> clients = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                clients.add(server.connect());
                clients.get(i).getOutputStream().write(1);
                assertEquals(1, clients.get(i).getInputStream().read());
            }
            signal(server, "STOP");
            for (Socket client : clients) {
                client.getOutputStream().write(2);
            }
            server.process.waitFor(1_500, TimeUnit.MILLISECONDS); // longer than may be idle
            signal(server, "CONT");
            for (Socket client : clients) {
                assertEquals(2, client.getInputStream().read());
                client.close();
            }
            endsWithItsBooksInOrder(server);
        }
    }

    private static void isServed(Served server) throws IOException {
        try (Socket client = server.connect()) {
            client.getOutputStream().write(stream(1, 1_000));
            assertArrayEquals(stream(1, 1_000), client.getInputStream().readNBytes(1_000));
        }
    }

    @Test
    void smallHeapIsGuardedByTheLimitsAndNotByLuck() throws Exception {
        List<SocketChannel> deaf = new ArrayList<>();
        try (Served server = new Served("-Xmx32m -XX:MaxDirectMemorySize=16m", "echo", "--high-water", "1m", "--low-water", "64k")) {
            ByteBuffer block = ByteBuffer.allocateDirect(64 << 10);
            for (int i = 0; i < 100; i++) {
                SocketChannel channel = SocketChannel.open();
                channel.setOption(StandardSocketOptions.SO_RCVBUF, 4 << 10);
                channel.connect(address(server));
                channel.configureBlocking(false);
                deaf.add(channel);
            }
            for (long end = System.nanoTime() + 2_000_000_000L; System.nanoTime() < end; ) {
                for (SocketChannel channel : deaf) {
                    writeWhatGoes(channel, block.clear());
                }
            }
            isServed(server);
            assertTrue(server.stderr().lines().noneMatch(line -> line.contains("OutOfMemory")), server.stderr());
            for (SocketChannel channel : deaf) {
                channel.close();
            }
            isServed(server); // the loop has seen their resets: in a drain they would count as cut
            endsWithItsBooksInOrder(server);
        } finally {
            for (SocketChannel channel : deaf) {
                channel.close();
            }
        }
    }

    // ---- F06, F16, F22, F28 -------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void fiftyMegabytesThroughASlowLineAfterTheHalfClose(String engine) throws Exception {
        try (Served server = new Served("-Xmx64m", "echo", "-e", engine);
                FaultProxy proxy = new FaultProxy(address(server), Seed.VALUE, Faults.NONE, Faults.rate(25_000_000));
                Socket client = new Socket(proxy.address().getAddress(), proxy.address().getPort())) {
            client.setSoTimeout(60_000);
            echoes(client, stream(3, 50_000_000), 0, null);
            endsWithItsBooksInOrder(server);
        }
    }

    @Test
    void stormOfConnectsIsServedWhole() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(32);
        try (Served server = new Served("", "echo")) {
            long start = System.nanoTime();
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 5_000; i++) {
                int client = i;
                all.add(threads.submit(() -> {
                    try (Socket socket = server.connect()) {
                        socket.getOutputStream().write(client);
                        assertEquals(client & 0xff, socket.getInputStream().read());
                    }
                    return null;
                }));
            }
            for (Future<?> each : all) {
                each.get(60, TimeUnit.SECONDS);
            }
            Figures.tell("FaultsIT 5000 connects, each with an answer, in %d ms", (System.nanoTime() - start) / 1_000_000);
            endsWithItsBooksInOrder(server);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void clientThatWasStoppedGoesOnWhereItWas(@TempDir Path directory) throws Exception {
        byte[] sent = stream(5, 30_000_000);
        Path in = Files.write(directory.resolve("a"), sent);
        Path out = directory.resolve("b");
        try (Served server = new Served("", "echo")) {
            ProcessBuilder builder = new ProcessBuilder(Served.PROGRAM, "client", Integer.toString(server.port))
                    .redirectInput(in.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            Process client = builder.start();
            Awaitility.await().atMost(Duration.ofSeconds(20)).pollInterval(Duration.ofMillis(1)).until(() -> Files.size(out) > 0);
            String pid = Long.toString(client.pid());
            new ProcessBuilder("kill", "-STOP", pid).start().waitFor();
            assertTrue(!client.waitFor(2, TimeUnit.SECONDS), "it is stopped");
            new ProcessBuilder("kill", "-CONT", pid).start().waitFor();
            assertTrue(client.waitFor(60, TimeUnit.SECONDS));
            assertEquals(0, client.exitValue());
            assertEquals(-1, Files.mismatch(in, out));
            endsWithItsBooksInOrder(server);
        }
    }

    @Test
    void thousandsOfConnectionsInEightMegabytesOfDirectMemory() throws Exception {
        List<Socket> clients = new ArrayList<>();
        try (Served server = new Served("-Xmx64m -XX:MaxDirectMemorySize=8m", "echo")) {
            for (int i = 0; i < 4_500; i++) { // of the 4,608 for which three quarters of 6 MiB have room
                clients.add(server.connect());
            }
            for (int round = 0; round < 2; round++) {
                for (Socket client : clients) {
                    client.getOutputStream().write(stream(round, 2_000));
                }
                for (Socket client : clients) {
                    assertArrayEquals(stream(round, 2_000), client.getInputStream().readNBytes(2_000));
                }
            }
            for (Socket client : clients) {
                client.close();
            }
            endsWithItsBooksInOrder(server);
        } finally {
            for (Socket client : clients) {
                client.close();
            }
        }
    }
}
