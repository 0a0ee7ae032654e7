package dev.sluice.cli;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
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

    /** What a pipe of Linux holds. */
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
    void thePortFileHoldsThePort() throws Exception {
        Path file = directory.resolve("port");
        try (Launched server = Launched.serve(directory, "--port-file", file.toString())) {
            assertEquals(server.port(), Files.readString(file).strip());
            try (var files = Files.list(directory)) {
                assertEquals(0, files.filter(each -> each.toString().endsWith(".tmp")).count());
            }
        }
    }

    @Test
    void moreConnectionsThanDescriptorsIsAWarning() throws Exception {
        try (Launched server = Launched.serve(directory, "--max-connections", "9000000")) {
            assertTrue(server.err().contains("warning: --max-connections 9000000"), server.err());
            assertTrue(server.readyLine().endsWith("at most 9000000 connections"));
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
        "clint                                  | 2 | client"
    })
    void whatIsWrongIsOneLine(String args, int status, String named) throws Exception {
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
            assertTrue(run.err().startsWith("sluice: cannot listen on 127.0.0.1:" + taken.getLocalPort()), run.err());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT"})
    void aSignalDrains(String name) throws Exception {
        try (Launched server = Launched.serve(directory, "echo");
                Socket client = new Socket("127.0.0.1", Integer.parseInt(server.port()))) {
            client.getOutputStream().write("x".getBytes(StandardCharsets.US_ASCII));
            assertEquals('x', client.getInputStream().read());
            server.signal(name);
            assertEquals(-1, client.getInputStream().read());
            client.shutdownOutput(); // both sides have ended now
            assertEquals(0, server.status());
            assertEquals("drained: 1 connections, 1 flushed, 0 cut, 0 bytes lost", lastLine(server.err()));
        }
    }

    @Test
    void whoeverReadsNothingIsCutAtTheDeadline() throws Exception {
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

    @ParameterizedTest
    @CsvSource({"TERM, 143", "INT, 130"})
    void aSecondSignalEndsAtOnce(String name, int status) throws Exception {
        try (Launched server = Launched.serve(directory, "echo", "--drain-timeout", "1h", "--linger-timeout", "1h");
                Socket client = new Socket("127.0.0.1", Integer.parseInt(server.port()))) {
            client.getOutputStream().write("x".getBytes(StandardCharsets.US_ASCII));
            assertEquals('x', client.getInputStream().read());
            server.signal("TERM");
            await().until(() -> server.err().contains("stopping"));
            assertTrue(server.process.isAlive());
            server.signal(name);
            assertEquals(status, server.status());
        }
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
    void whatIsNotSentBecauseThePeerHasClosedIsAFailure() throws Exception {
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

    @Test
    void aPeerThatClosesAfterTheLastAnswerIsNoFailure() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
                Launched client = Launched.sluice(
                        directory, "client", Integer.toString(server.getLocalPort()), "--send", "a", "--wait", "30s")) {
            try (Socket peer = server.accept()) {
                assertEquals("a\n", new String(peer.getInputStream().readNBytes(2), StandardCharsets.US_ASCII));
            }
            assertEquals(0, client.status(), client.err());
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
        ProcessBuilder builder = new ProcessBuilder(Launched.PROGRAM.toString(), "--version").redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", directory.toString());
        Process run = builder.start();
        String said = new String(run.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(1, run.waitFor());
        assertTrue(said.startsWith("sluice: ") && said.lines().count() == 1, said);
    }

    @Test
    void theProgramsOptionsReachTheJvm() throws Exception {
        ProcessBuilder builder = new ProcessBuilder(Launched.PROGRAM.toString(), "--version").redirectErrorStream(true);
        builder.environment().put("SLUICE_JAVA_OPTS", "-showversion -Xmx64m");
        Process run = builder.start();
        String said = new String(run.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, run.waitFor());
        assertFalse(said.startsWith("sluice "), said);
    }

    private static String lastLine(String text) {
        return text.lines().reduce((first, second) -> second).orElse("");
    }
}
