package dev.sluice.program.cli;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** target/sluice as its users meet it: a process with arguments, streams, signals and an exit status. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ProgramIT {

    /** The capacity of a pipe of Linux. */
    private static final int PIPE = 65_536;

    @TempDir
    private Path directory;

    @Test
    void theLastLineOfTheBannerSaysReady() throws Exception {
        try (Launched server = Launched.serve(directory, "echo", "--max-connections", "1000")) {
            String expected = "ready: echo on 127.0.0.1:" + server.port() + ", engine reactor, 1 loop, at most 1000 connections";
            assertEquals(expected, lastLine(server.err()));
            assertTrue(server.err().contains("--bind"), "no word of the flag that opens it to the network");
            assertEquals("", server.out());
        }
    }

    @ParameterizedTest
    @CsvSource({"threads, 1 thread each, 1000", "pool, 12 threads, 5", "pool --pool-size 1, 1 thread, 5"})
    void theReadyLineNamesEngineAndThreads(String engine, String threads, int connections) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("-e"));
        arguments.addAll(List.of(engine.split(" ")));
        if (connections != 1000) {
            arguments.addAll(List.of("--max-connections", Integer.toString(connections)));
        }
        try (Launched server = Launched.serve(directory, arguments.toArray(new String[0]))) {
            String expected = "ready: upper on 127.0.0.1:" + server.port() + ", engine " + engine.split(" ")[0] + ", " + threads
                    + ", at most " + connections + " connections";
            assertEquals(expected, server.readyLine());
        }
    }

    @ParameterizedTest
    @CsvSource({"reactor, 1 loop", "threads, 1 thread", "pool, 12 threads", "pool --pool-size 1, 1 thread"})
    void theReadyLineOfDatagramsNamesEngineAndThreads(String engine, String threads) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("--udp", "-e"));
        arguments.addAll(List.of(engine.split(" ")));
        try (Launched server = Launched.serve(directory, arguments.toArray(new String[0]))) {
            assertEquals(
                    "ready: upper on udp 127.0.0.1:" + server.port() + ", engine " + engine.split(" ")[0] + ", " + threads,
                    server.readyLine());
        }
    }

    @Test
    @EnabledForJreRange(max = JRE.JAVA_20)
    void virtualThreadsAreNotThereBeforeJava21() throws Exception {
        try (Launched serve = Launched.sluice(directory, "serve", "-e", "virtual", "-p", "0")) {
            assertEquals(1, serve.status());
            String version = System.getProperty("java.version");
            assertEquals(
                    "sluice: --engine virtual: virtual threads need Java 21 or later, this is Java " + version + "\n", serve.err());
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void virtualThreadsAreThereSinceJava21() throws Exception {
        try (Launched server = Launched.serve(directory, "-e", "virtual", "--max-connections", "5")) {
            assertTrue(server.readyLine().endsWith(", engine virtual, 1 virtual thread each, at most 5 connections"));
        }
    }

    @Test
    void quietLeavesTheReadyLine() throws Exception {
        try (Launched server = Launched.serve(directory, "-q", "--sub-reactors", "2", "--max-connections", "7")) {
            String expected = "ready: upper on 127.0.0.1:" + server.port() + ", engine reactor, 3 loops, at most 7 connections\n";
            assertEquals(expected, server.err());
        }
    }

    @Test
    void thePortFileHoldsThePortUntilTheEnd() throws Exception {
        Path file = Files.createFile(directory.resolve("port")); // as mktemp leaves it
        try (Launched server = Launched.serve(directory, "--port-file", file.toString())) {
            await().until(() -> Files.exists(file) && Files.size(file) > 0);
            assertEquals(server.port() + "\n", Files.readString(file));
            Path ours = Files.createFile(directory.resolve("ours"));
            assertEquals(Files.getPosixFilePermissions(ours), Files.getPosixFilePermissions(file), "readable by those whom umask lets");
            try (var files = Files.list(directory)) {
                assertEquals(0, files.filter(each -> each.toString().endsWith(".tmp")).count());
            }
            server.terminate();
            assertEquals(0, server.status());
            assertFalse(Files.exists(file));
        }
    }

    @Test
    void thePortFileOfAnotherServerIsLeft() throws Exception {
        Path file = directory.resolve("port");
        try (Launched server = Launched.serve(directory, "--port-file", file.toString())) {
            await().until(() -> Files.exists(file));
            Files.move(Files.writeString(directory.resolve("other"), Files.readString(file)), file, StandardCopyOption.REPLACE_EXISTING);
            server.terminate();
            assertEquals(0, server.status());
            assertTrue(Files.exists(file));
        }
    }

    /** A script must not take the port of yesterday for that of a server that does not come up. */
    @ParameterizedTest
    @CsvSource({"12345, no.such.host.invalid", "'', no.such.host.invalid", "12345, 127.0.0.1", "12345, --udp"})
    void aStalePortFileIsGoneBeforeTheServerIsReady(String stale, String bind) throws Exception {
        Path file = Files.writeString(directory.resolve("port"), stale + "\n");
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                DatagramSocket takenToo = new DatagramSocket(taken.getLocalPort(), InetAddress.getByName("127.0.0.1"));
                Launched run = Launched.sluice(directory, "serve", "-p", Integer.toString(taken.getLocalPort()), "--port-file", file.toString(),
                        bind.startsWith("--") ? bind : "--bind=" + bind)) {
            assertEquals(1, run.status());
            assertFalse(run.err().contains("port-file"), run.err());
            assertTrue(Files.notExists(file));
        }
    }

    /** Of a port that nobody has; then of one that a server has, which runs and wrote it. */
    @ParameterizedTest
    @ValueSource(strings = {"", "--udp"})
    void aPortFileIsStaleUnlessItsServerRuns(String udp) throws Exception {
        Path file = directory.resolve("port");
        String port;
        String[] options = udp.isEmpty() ? new String[] {"--port-file", file.toString()} : new String[] {"--port-file", file.toString(), udp};
        try (Launched server = Launched.serve(directory, options)) {
            port = server.port();
            await().until(() -> Files.exists(file));
            List<String> again = new ArrayList<>(List.of("serve", "-p", port));
            again.addAll(List.of(options));
            try (Launched second = Launched.sluice(directory, again.toArray(new String[0]))) {
                assertEquals(1, second.status(), "the port is in use");
            }
            assertEquals(port + "\n", Files.readString(file));
        }
        await().until(() -> isFree(Integer.parseInt(port))); // it was killed, and has left its file
        try (Launched run = Launched.sluice(directory, "serve", "-p", port, "--port-file", file.toString(), "-b", "no.such.host.invalid")) {
            assertEquals(1, run.status());
            assertTrue(Files.notExists(file));
        }
    }

    private static boolean isFree(int port) {
        try (ServerSocket probe = new ServerSocket(port)) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void fileThatIsNoPortFileIsLeftAlone() throws Exception {
        Path victim = Files.writeString(directory.resolve("victim"), "7\n");
        Path link = Files.createSymbolicLink(directory.resolve("link"), victim);
        Path text = Files.writeString(directory.resolve("text"), "port 7\n");
        Path pipe = directory.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (Path each : List.of(directory, link, text, pipe)) {
            try (Launched run = Launched.sluice(directory, "serve", "-p", "0", "--port-file", each.toString())) {
                assertEquals(1, run.status(), each.toString());
                assertEquals(1, run.err().lines().count(), run.err());
                assertTrue(run.err().startsWith("sluice: cannot write --port-file " + each + ": "), run.err());
            }
        }
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("7\n", Files.readString(victim));
        assertEquals("port 7\n", Files.readString(text));
        assertTrue(Files.readAttributes(pipe, BasicFileAttributes.class).isOther());
    }

    /** The number of the server's process is no secret, and that of one to come is guessed. */
    @Test
    void thePortFilesDraftHasANameThatNobodyKnows() throws Exception {
        Path victim = Files.writeString(directory.resolve("victim"), "precious");
        Path file = directory.resolve("port");
        String trap = "ln -s " + victim + " " + file + ".$$.tmp; exec \"$@\"";
        try (Launched server = Launched.serveBehind(directory, List.of("sh", "-c", trap, "sh"), "--port-file", file.toString())) {
            await().until(() -> Files.exists(file));
            assertEquals("precious", Files.readString(victim));
            assertTrue(Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10000\n", "10000"})
    void aPortFileTakesThePlaceOfAnEarlierOne(String before) throws Exception {
        Path file = Files.writeString(directory.resolve("port"), before);
        try (Launched server = Launched.serve(directory, "--port-file", file.toString())) {
            assertEquals(server.port() + "\n", Files.readString(file));
        }
    }

    @Test
    void aPortFileTakesThePlaceOfNothingElse() throws Exception {
        Path notes = Files.writeString(directory.resolve("notes"), "7007 is the port of our server\n");
        Path pipe = directory.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (Path file : List.of(notes, pipe)) {
            try (Launched server = Launched.serve(directory, "--port-file", file.toString())) {
                assertEquals(1, server.status());
                assertTrue(lastLine(server.err()).startsWith("sluice: cannot write --port-file " + file + ": it "), server.err());
            }
        }
        assertEquals("7007 is the port of our server\n", Files.readString(notes));
        assertTrue(Files.readAttributes(pipe, BasicFileAttributes.class).isOther());
    }

    @Test
    void moreConnectionsThanDescriptorsIsAWarning() throws Exception {
        try (Launched server = Launched.serve(directory, "--max-connections", "9000000")) {
            assertTrue(server.err().contains("warning: --max-connections 9000000"), server.err());
            assertTrue(server.readyLine().endsWith("at most 9000000 connections"));
        }
    }

    @Test
    void variablesOfAClusterAreIgnoredByTheProgram() throws Exception {
        Map<String, String> cluster = Map.of("SLUICE_PORT", "tcp://10.0.0.1:10000", "SLUICE_SERVICE_HOST", "10.0.0.1", "SLUICE_BACKLOG", "7");
        try (Launched server = Launched.serve(directory, cluster, "--log-level", "debug")) {
            assertTrue(server.readyLine().startsWith("ready: upper on 127.0.0.1:"), server.err());
            await().until(() -> server.err().contains(" DEBUG SLUICE_SERVICE_HOST "));
            assertTrue(server.err().contains(" DEBUG SLUICE_PORT is ignored: "), server.err());
            assertFalse(server.err().contains("SLUICE_BACKLOG"), server.err());
        }
        try (Launched run = Launched.sluice(directory, cluster, null, "serve", "-b", "no.such.host.invalid")) { // and no -p
            assertEquals(1, run.status(), run.err());
            assertFalse(run.err().contains("SLUICE_"), run.err());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "serve -p 70000                         | 2 | --port",
        "serve rot13                            | 2 | upper, echo, discard",
        "serve --nope                           | 2 | --nope",
        "serve --high-water 1k --low-water 2k   | 2 | --low-water",
        "serve --idle-timeout 5                 | 2 | --idle-timeout",
        "serve -b no.such.host.invalid          | 1 | no.such.host.invalid",
        "serve -b 192.0.2.1                     | 1 | 192.0.2.1",
        "serve -p 0 --port-file /nowhere/port   | 1 | --port-file",
        "client 1 --send x                      | 1 | 127.0.0.1:1",
        "client no.such.host.invalid:1 --send x | 1 | no.such.host.invalid",
        "clint                                  | 2 | client",
        "bench -c \"1                            | 2 | --connections"
    })
    void wrongArgumentsAreToldInOneLine(String args, int status, String named) throws Exception {
        try (Launched run = Launched.sluice(directory, args.split(" "))) {
            assertEquals(status, run.status());
            String[] lines = run.err().split("\n");
            assertTrue(lines[0].startsWith("sluice: ") && lines[0].contains(named), run.err());
            assertEquals(status == 2 ? 2 : 1, lines.length, run.err());
            assertEquals("", run.out());
        }
    }

    @Test
    void aPortInUseIsOneLine() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                Launched run = Launched.sluice(directory, "serve", "-p", Integer.toString(taken.getLocalPort()))) {
            assertEquals(1, run.status());
            assertEquals(1, run.err().lines().count(), run.err());
            assertTrue(run.err().startsWith("sluice: cannot listen on 127.0.0.1:" + taken.getLocalPort() + ": Address already in use"), run.err());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT", "HUP"})
    void aSignalDrains(String name) throws Exception {
        try (Launched server = Launched.serve(directory, "echo");
                Socket client = talking(server)) {
            server.signal(name);
            assertEquals(-1, client.getInputStream().read());
            client.shutdownOutput(); // both sides have ended now
            assertEquals(0, server.status());
            assertEquals("drained: 1 connections, 1 flushed, 0 cut, 0 bytes lost", lastLine(server.err()));
        }
    }

    @Test
    void clientThatReadsNothingIsCutAtTheDeadline() throws Exception {
        try (Launched server = Launched.serve(directory, "echo", "--drain-timeout", "200ms", "--max-pending", "64MiB", "--high-water", "64MiB");
                Socket client = new Socket("127.0.0.1", Integer.parseInt(server.port()))) {
            client.getOutputStream().write(new byte[24 << 20]); // more than both kernels' buffers take
            server.terminate();
            assertEquals(4, server.status());
            assertTrue(lastLine(server.err()).matches("drained: 1 connections, 0 flushed, 1 cut, [1-9][0-9]* bytes lost"), server.err());
            String cut = "cut: /127.0.0.1:" + client.getLocalPort() + ", DRAIN_DEADLINE, ";
            assertTrue(server.err().contains(cut), server.err());
            assertTrue(server.err().contains("books: 1 opened = 1 closed + 0 open; "), server.err());
            assertTrue(server.err().contains(" + 0 pending + "), server.err());
        }
    }

    /** A relay holds its clients for as long as their target says nothing. */
    @Test
    void ofACrowdThatIsCutTheFirstHundredAreNamed() throws Exception {
        int clients = 70;
        List<Socket> sockets = new ArrayList<>();
        try (ServerSocket silent = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
                Launched server = Launched.serve(directory, "proxy", "--to", "127.0.0.1:" + silent.getLocalPort(), "--drain-timeout", "200ms")) {
            for (int i = 0; i < clients; i++) {
                sockets.add(new Socket("127.0.0.1", Integer.parseInt(server.port())));
                sockets.add(silent.accept());
            }
            server.terminate();
            assertEquals(4, server.status());
            assertTrue(lastLine(server.err()).startsWith("drained: 140 connections, 0 flushed, 140 cut, "), server.err());
            List<String> cuts = server.err().lines().filter(line -> line.startsWith("cut: ")).toList();
            assertEquals(101, cuts.size());
            assertEquals("cut: 40 more", cuts.get(100));
        } finally {
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void clientsOwedAnAnswerAtTheDeadlineAreCounted(String engine) throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                Launched server = Launched.serve(
                        directory, "proxy", "-e", engine, "--to", "127.0.0.1:" + silent.getLocalPort(), "--drain-timeout", "300ms");
                Socket client = new Socket("127.0.0.1", Integer.parseInt(server.port()));
                Socket target = silent.accept()) {
            client.getOutputStream().write("question".getBytes(StandardCharsets.US_ASCII));
            assertEquals(8, target.getInputStream().readNBytes(8).length);
            server.terminate();
            assertEquals(4, server.status());
            assertEquals("drained: 2 connections, 0 flushed, 2 cut, 0 bytes lost", lastLine(server.err()));
            assertTrue(server.err().contains("unserved: 1 connections owed an answer, 0 bytes of input unread\n"), server.err());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void inputThatNobodyReadIsCounted(String engine) throws Exception {
        try (Launched server = Launched.serve(directory, "echo", "-e", engine, "--drain-timeout", "300ms", "--receive-buffer", "64KiB");
                SocketChannel client = SocketChannel.open(new InetSocketAddress("127.0.0.1", Integer.parseInt(server.port())))) {
            client.configureBlocking(false);
            long[] sent = new long[1];
            await().atMost(Duration.ofSeconds(20)).during(Duration.ofMillis(300)).until(() -> {
                long before = sent[0];
                sent[0] += client.write(ByteBuffer.allocate(1 << 20));
                return sent[0] == before; // nothing is read any more, as the answers are not taken
            });
            server.terminate();
            assertEquals(4, server.status());
            assertTrue(Pattern.compile("unserved: 0 connections owed an answer, [1-9][0-9]{3,} bytes of input unread\n").matcher(server.err()).find(), server.err());
        }
    }

    @ParameterizedTest
    @CsvSource({"TERM, TERM, 143", "TERM, INT, 130", "INT, TERM, 143", "HUP, TERM, 143", "HUP, INT, 130"})
    void aSecondSignalEndsAtOnce(String first, String second, int status) throws Exception {
        try (Launched server = Launched.serve(directory, "echo", "--drain-timeout", "1h", "--linger-timeout", "1h");
                Socket client = talking(server)) {
            server.signal(first);
            await().until(() -> server.err().contains("stopping"));
            assertTrue(server.process.isAlive());
            server.signal(second);
            assertEquals(status, server.status());
        }
    }

    /** A terminal that closes sends one by its shell and one by the kernel, and systemd one right behind SIGTERM: nobody is impatient. */
    @ParameterizedTest
    @ValueSource(strings = {"HUP", "TERM", "INT"})
    void aHangUpDoesNotEndADrain(String first) throws Exception {
        try (Launched server = Launched.serve(directory, "echo", "--drain-timeout", "1h", "--linger-timeout", "1h");
                Socket client = talking(server)) {
            server.signal(first);
            await().until(() -> server.err().contains("stopping"));
            server.signal("HUP");
            client.shutdownOutput();
            assertEquals(0, server.status());
            assertEquals("drained: 1 connections, 1 flushed, 0 cut, 0 bytes lost", lastLine(server.err()));
        }
    }

    @Test
    void underNohupAHangUpIsPassedOver() throws Exception {
        try (Launched server = Launched.serveBehind(directory, List.of("nohup"), "echo");
                Socket client = talking(server)) {
            assertTrue(Launched.ignored(server.process.pid(), 1), "nohup has ignored it");
            server.signal("HUP");
            server.terminate(); // the first signal, not the second
            await().until(() -> server.err().contains("stopping"));
            client.shutdownOutput();
            assertEquals(0, server.status());
            assertEquals("drained: 1 connections, 1 flushed, 0 cut, 0 bytes lost", lastLine(server.err()));
        }
    }

    /** Told to leave signals to the system, it does. */
    @ParameterizedTest
    @CsvSource({"HUP, 129", "TERM, 143"})
    void aJvmThatLeavesSignalsAloneEndsByThem(String name, int status) throws Exception {
        try (Launched server = Launched.serve(directory, Map.of("SLUICE_JAVA_OPTS", "-Xrs"), "echo")) {
            server.signal(name);
            assertEquals(status, server.status());
        }
    }

    /** With a client to whom it has answered. */
    private static Socket talking(Launched server) throws IOException {
        Socket client = new Socket("127.0.0.1", Integer.parseInt(server.port()));
        client.getOutputStream().write("x".getBytes(StandardCharsets.US_ASCII));
        assertEquals('x', client.getInputStream().read());
        return client;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5_000_000})
    void aPipeLosesNothing(int size) throws Exception {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        Path input = Files.write(directory.resolve("input"), bytes);
        try (Launched server = Launched.serve(directory, "echo");
                Launched client = Launched.sluice(directory, input, "client", server.port())) {
            assertEquals(0, client.status(), client.err());
            assertEquals(-1, Files.mismatch(input, client.outFile()));
            assertEquals("", client.err());
        }
    }

    @Test
    void sendPrintsEachAnswer() throws Exception {
        try (Launched server = Launched.serve(directory);
                Launched client = Launched.sluice(
                        directory, "client", "localhost:" + server.port(), "--send", "one", "--send", "two", "--wait", "200ms")) {
            assertEquals(0, client.status(), client.err());
            assertEquals("ONE\nTWO\n", client.out());
        }
    }

    @Test
    void aLoadThatNobodyAnswersIsAFailure() throws Exception {
        try (Launched server = Launched.serve(directory, "discard");
                Launched load = Launched.sluice(directory, "load", server.port(), "-c", "1", "-w", "100ms", "-d", "300ms")) {
            assertEquals(1, load.status(), load.err());
            assertTrue(load.out().contains("errors       no answer came"), load.out());
        }
    }

    @Test
    void linesLeftUnsentToAClosedPeerAreAFailure() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                Launched client = Launched.sluice(
                        directory, "client", Integer.toString(server.getLocalPort()), "--send", "a", "--send", "b", "--wait", "30s")) {
            try (Socket peer = server.accept()) {
                assertEquals("a\n", new String(peer.getInputStream().readNBytes(2), StandardCharsets.US_ASCII));
                peer.getOutputStream().write("A\n".getBytes(StandardCharsets.US_ASCII));
            }
            assertEquals(1, client.status());
            assertEquals("A\n", client.out());
            assertEquals("sluice: the peer closed the connection before the end of our input\n", client.err());
        }
    }

    @ParameterizedTest
    @CsvSource({"A, 0, ''", "'', 1, 'sluice: the peer closed without an answer'"})
    void aPeerThatClosesAfterTheLastLineIsAFailureIfItAnsweredNothing(String answer, int status, String complaint) throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                Launched client = Launched.sluice(
                        directory, "client", Integer.toString(server.getLocalPort()), "--send", "a", "--wait", "30s")) {
            try (Socket peer = server.accept()) {
                assertEquals("a\n", new String(peer.getInputStream().readNBytes(2), StandardCharsets.US_ASCII));
                peer.getOutputStream().write(answer.getBytes(StandardCharsets.US_ASCII));
            }
            assertEquals(status, client.status(), client.err());
            assertEquals(answer, client.out());
            assertEquals(complaint, client.err().strip());
        }
    }

    @Test
    void aStandardInputThatFailsIsOneLineAndResetsTheConnection() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            Process client = clientThatReadsADirectory(server.getLocalPort());
            try (Socket peer = server.accept()) {
                peer.setSoTimeout(20_000);
                assertThrows(SocketException.class, () -> peer.getInputStream().read(), "an end would make a part look like the whole");
                assertBlamesItsInput(client);
            } finally {
                client.destroyForcibly();
            }
        }
    }

    @Test
    void aStandardInputThatFailsIsNoFailureOfDatagrams() throws Exception {
        try (DatagramSocket server = new DatagramSocket(0, InetAddress.getByName("127.0.0.1"))) {
            Process client = clientThatReadsADirectory(server.getLocalPort(), "--udp", "--wait", "1ms");
            try {
                assertBlamesItsInput(client);
            } finally {
                client.destroyForcibly();
            }
        }
    }

    /** ProcessBuilder refuses to open one. */
    private static Process clientThatReadsADirectory(int port, String... options) throws IOException {
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", "exec \"$0\" client \"$@\" < /", Launched.PROGRAM.toString(), Integer.toString(port))
                .redirectErrorStream(true);
        builder.command().addAll(List.of(options));
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        return builder.start();
    }

    private static void assertBlamesItsInput(Process client) throws Exception {
        assertTrue(client.waitFor(30, TimeUnit.SECONDS), "it ends");
        assertEquals(1, client.exitValue());
        assertEquals("sluice: standard input: Is a directory\n", new String(client.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    }

    @Test
    void theClientDoesNotWaitForAnInputThatNobodyEnds() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                Launched client = Launched.sluice(directory, "client", Integer.toString(server.getLocalPort()))) {
            server.accept().close(); // and the client's standard input stays open
            assertEquals(1, client.status());
            assertTrue(client.err().startsWith("sluice: the peer closed the connection"), client.err());
        }
    }

    @Test
    void retryWaitsForTheServer() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        try (Launched client = Launched.sluice(directory, "client", Integer.toString(port), "--retry", "30s", "--send", "x");
                Launched server = Launched.sluice(directory, "serve", "-p", Integer.toString(port))) {
            assertEquals(0, client.status(), client.err() + server.err());
            assertEquals("X\n", client.out());
        }
    }

    @Test
    void aReaderOfStandardErrorThatStopsNeitherStopsTheServerNorKeepsItFromEnding() throws Exception {
        Path pipe = directory.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        try (RandomAccessFile reader = new RandomAccessFile(pipe.toFile(), "rw")) {
            Process server = new ProcessBuilder(Launched.PROGRAM.toString(), "serve", "echo", "-p", "0", "-q")
                    .redirectError(pipe.toFile())
                    .start();
            try {
                String ready = reader.readLine();
                int port = Integer.parseInt(ready.substring(ready.indexOf("127.0.0.1:") + 10, ready.indexOf(", engine")));
                reader.write(new byte[PIPE]); // full, from now on
                for (int i = 0; i < 100; i++) {
                    try (Socket client = new Socket("127.0.0.1", port)) {
                        client.getOutputStream().write(i);
                        assertEquals(i, client.getInputStream().read());
                    }
                }
                server.destroy();
                assertTrue(server.waitFor(30, TimeUnit.SECONDS));
                assertEquals(0, server.exitValue());
            } finally {
                server.destroyForcibly();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh"})
    void completionIsAScriptThatBashAccepts(String shell) throws Exception {
        try (Launched run = Launched.sluice(directory, "completion", shell)) {
            assertEquals(0, run.status(), run.err());
            Process bash = new ProcessBuilder("bash", "-n", run.outFile().toString()).redirectErrorStream(true).start();
            assertEquals("", new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            assertEquals(0, bash.waitFor());
        }
    }

    @Test
    void aMissingJavaIsOneLine() throws Exception {
        String said = said(1, program("--version"), Map.of("JAVA_HOME", "C:\\new"));
        assertTrue(said.startsWith("sluice: no java at C:\\new/bin/java ") && said.lines().count() == 1, said);
    }

    @Test
    void theProgramsOptionsReachTheJvm() throws Exception {
        String said = said(0, program("--version"), Map.of("SLUICE_JAVA_OPTS", "-showversion -Xmx64m"));
        assertFalse(said.startsWith("sluice "), said);
    }

    @Test
    void theJvmsOptionsAreNoNamesOfFiles() throws Exception {
        Files.createFile(directory.resolve("-Dstar=a file"));
        ProcessBuilder run = program("--version").directory(directory.toFile());
        String said = said(0, run, Map.of("SLUICE_JAVA_OPTS", "-XshowSettings:properties -Dstar=*"));
        assertTrue(said.contains(" star = *\n"), said);
    }

    @Test
    void theProgramRunsByALinkAndWithSpacesInEveryPath() throws Exception {
        Path java = Files.createSymbolicLink(directory.resolve("java  home*"), Path.of(System.getProperty("java.home")));
        Path link = Files.createSymbolicLink(directory.resolve("a  link*"), Launched.PROGRAM);
        String said = said(0, new ProcessBuilder(link.toString(), "--version"), Map.of("JAVA_HOME", java.toString()));
        assertTrue(said.startsWith("sluice "), said);
        Files.delete(java); // JUnit warns of links that lead out of its directory
        Files.delete(link);
    }

    /** Java takes the colon for the end of a path. */
    @Test
    void aColonInTheProgramsPathIsOneLine() throws Exception {
        Path link = Files.createSymbolicLink(directory.resolve("a:link"), Launched.PROGRAM);
        String said = said(1, new ProcessBuilder(link.toString(), "--version"), Map.of());
        assertTrue(said.startsWith("sluice: ") && said.contains("a:link") && said.lines().count() == 1, said);
        Files.delete(link); // JUnit warns of links that lead out of its directory
    }

    private static ProcessBuilder program(String... arguments) {
        ProcessBuilder builder = new ProcessBuilder(Launched.PROGRAM.toString());
        builder.command().addAll(List.of(arguments));
        return builder;
    }

    /** On either stream, by a run that ends with this status. */
    private static String said(int status, ProcessBuilder run, Map<String, String> variables) throws Exception {
        run.environment().putAll(variables);
        Process process = run.redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(status, process.waitFor(), said);
        return said;
    }

    @Test
    void jvmWarningsAboutThreadsStayOutOfTheData() throws Exception {
        try (Launched server = Launched.serve(directory)) {
            server.signal("QUIT");
            await().until(() -> server.err().contains("Full thread dump"));
            assertEquals("", server.out());
        }
    }

    private static String lastLine(String text) {
        return text.lines().reduce((first, second) -> second).orElse("");
    }
}
