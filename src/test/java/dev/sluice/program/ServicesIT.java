package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Figures;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** chat, record, proxy and datagrams as programs. {@code -Dsluice.crowd} and {@code -Dsluice.datagrams} make them larger. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class ServicesIT {

    // ---- chat -----------------------------------------------------------------------------------------------------------

    @Test
    void chatKeepsEveryReaderAndClosesTheSilent() throws Exception {
        int crowd = Integer.getInteger("sluice.crowd", 600);
        int lines = 400;
        try (Served server = new Served("-Xmx256m", "chat", "--max-connections", "15000", "--max-pending", "64k", "--high-water", "32k",
                        "--low-water", "16k", "--send-buffer", "4k", "--max-memory", "128m");
                Crowd first = new Crowd(server.port, crowd / 2, lines);
                Crowd second = new Crowd(server.port, crowd / 2, lines)) {
            first.awaitLine("here");
            second.awaitLine("here");
            String text = " " + "x".repeat(500) + "\n";
            try (Socket speaker = server.connect()) {
                OutputStream out = speaker.getOutputStream();
                CompletableFuture<Void> listening = CompletableFuture.runAsync(() -> readAway(speaker), task -> new Thread(task).start());
                for (int said = 0, heard = 0; heard < lines; heard++) {
                    // nobody is further behind than his queue is long; and all have heard who joined before there is a second line
                    for (int most = heard == 0 ? 1 : Math.min(heard + 5, lines); said < most; said++) {
                        out.write((said + text).getBytes(StandardCharsets.US_ASCII));
                    }
                    first.awaitLine("all " + heard);
                    second.awaitLine("all " + heard);
                }
                speaker.shutdownOutput();
                listening.get(30, TimeUnit.SECONDS);
            }
            long rss = server.memory("VmHWM");
            assertEquals(0, server.terminate(), server.stderr());
            String ends = server.stderr().lines().filter(line -> line.startsWith("ends: ")).findFirst().orElseThrow();
            Figures.tell("ServicesIT chat, %d clients: peak memory %d MB", crowd, rss / 1024);
            int silent = 2 * ((crowd / 2 + 9) / 10);
            assertTrue(ends.contains(silent + " QUEUE_LIMIT"), ends);
            assertTrue(rss < 400 << 10, rss + " KiB");
        }
    }

    private static void readAway(Socket socket) {
        try {
            socket.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class Crowd implements AutoCloseable {
        private final Process process;
        private final BufferedReader said;

        Crowd(int port, int clients, int lines) throws IOException {
            process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                            "-cp", System.getProperty("java.class.path"), ChatCrowd.class.getName(),
                            "" + port, "" + clients, "" + lines)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            said = process.inputReader();
        }

        /** Each line is what is expected, in order, or the test fails. */
        void awaitLine(String expected) throws IOException {
            assertEquals(expected, said.readLine());
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    // ---- record ---------------------------------------------------------------------------------------------------------

    private static final int CLIENTS = 20;

    /** Each client sends numbered lines, many in flight, and notes how many were acknowledged. */
    private static List<Thread> recordersOf(Served server, AtomicIntegerArray acknowledged, List<Throwable> failures) throws IOException {
        List<Thread> threads = new ArrayList<>();
        for (int c = 0; c < CLIENTS; c++) {
            int client = c;
            Socket socket = server.connect();
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
            threads.add(new Thread(() -> {
                try {
                    StringBuilder some = new StringBuilder();
                    for (int i = 1; ; i++) {
                        some.append("client ").append(client).append(" line ").append(i).append(" .\n");
                        if (i % 100 == 0) {
                            socket.getOutputStream().write(some.toString().getBytes(StandardCharsets.US_ASCII));
                            some.setLength(0);
                        }
                    }
                } catch (IOException e) {
                    // the end of the server
                }
            }));
            threads.add(new Thread(() -> {
                try {
                    for (String line; (line = in.readLine()) != null; ) {
                        if (!line.equals("ok " + (acknowledged.get(client) + 1))) {
                            throw new AssertionError(line + " after " + acknowledged.get(client));
                        }
                        acknowledged.incrementAndGet(client);
                    }
                } catch (IOException e) {
                    // the end of the server
                } catch (Throwable t) {
                    failures.add(t);
                }
            }));
        }
        threads.forEach(Thread::start);
        return threads;
    }

    private static long sum(AtomicIntegerArray numbers) {
        long sum = 0;
        for (int i = 0; i < numbers.length(); i++) {
            sum += numbers.get(i);
        }
        return sum;
    }

    private static void checkFile(Path file, AtomicIntegerArray acknowledged) throws IOException {
        int[] next = new int[CLIENTS];
        byte[] bytes = Files.readAllBytes(file);
        String text = new String(bytes, StandardCharsets.US_ASCII);
        for (String line : text.substring(0, text.lastIndexOf('\n') + 1).split("\n")) {
            String[] words = line.split(" ");
            assertEquals("CLIENT", words[0], line);
            int client = Integer.parseInt(words[1]);
            assertEquals(++next[client], Integer.parseInt(words[3]), "once, and in order: " + line);
        }
        for (int i = 0; i < CLIENTS; i++) {
            assertTrue(next[i] >= acknowledged.get(i), "client " + i + " was told of " + acknowledged.get(i) + ", saved are " + next[i]);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads"})
    void nothingAcknowledgedIsLostByAKill(String engine, @TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        AtomicIntegerArray acknowledged = new AtomicIntegerArray(CLIENTS);
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        try (Served server = new Served("", "record", "--file", file.toString(), "-e", engine)) {
            List<Thread> threads = recordersOf(server, acknowledged, failures);
            while (sum(acknowledged) < 50_000) {
                Thread.onSpinWait();
            }
            server.process.destroyForcibly().waitFor();
            for (Thread thread : threads) {
                thread.join();
            }
        }
        assertEquals(List.of(), failures);
        try (Served server = new Served("", "record", "--file", file.toString(), "-e", engine)) {
            assertEquals(0, server.terminate(), server.stderr());
        }
        assertTrue(Files.readString(file).endsWith("\n"), "the next start cuts what was not finished");
        checkFile(file, acknowledged);
    }

    @Test
    void sigtermSavesAndAcknowledgesWhatIsQueued(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        AtomicIntegerArray acknowledged = new AtomicIntegerArray(CLIENTS);
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        try (Served server = new Served("", "record", "--file", file.toString())) {
            List<Thread> threads = recordersOf(server, acknowledged, failures);
            while (sum(acknowledged) < 20_000) {
                Thread.onSpinWait();
            }
            assertEquals(0, server.terminate(), server.stderr());
            for (Thread thread : threads) {
                thread.join();
            }
        }
        assertEquals(List.of(), failures);
        checkFile(file, acknowledged);
        long saved = Files.readAllLines(file).size();
        assertEquals(saved, sum(acknowledged), "a client that stayed until the end was told of each line");
    }

    /** A recording that does not begin; what it says. */
    private static String refusal(Path file) throws Exception {
        Path said = Files.createTempFile("sluice", "said");
        ProcessBuilder builder = new ProcessBuilder(Served.PROGRAM, "serve", "record", "--file", file.toString(), "-p", "0")
                .redirectErrorStream(true)
                .redirectOutput(said.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        boolean ended = process.waitFor(30, TimeUnit.SECONDS);
        process.destroyForcibly().waitFor();
        String text = Files.readString(said);
        Files.delete(said);
        assertTrue(ended, text);
        assertEquals(1, process.exitValue(), text);
        return text;
    }

    private static void assertUnfinished(Path file) throws Exception {
        byte[] before = Files.readAllBytes(file);
        assertEquals("sluice: cannot serve record: the last line of " + file + " does not end with a line feed, and record did not write it:"
                + " add a line feed, or remove the line\n", refusal(file));
        assertArrayEquals(before, Files.readAllBytes(file));
    }

    @Test
    void unfinishedLineThatRecordDidNotWriteIsRefusedAndKept(@TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("lines"), "whole\nNOTES WITHOUT AN END");
        assertUnfinished(file);
        Files.writeString(file, "\n", StandardOpenOption.APPEND);
        try (Served server = new Served("", "record", "--file", file.toString()); Socket client = server.connect()) {
            BufferedReader in = new BufferedReader(new InputStreamReader(client.getInputStream()));
            client.getOutputStream().write("one\n".getBytes(StandardCharsets.US_ASCII));
            assertEquals("ok 1", in.readLine());
            Files.writeString(file, "another's\n", StandardOpenOption.APPEND);
            client.getOutputStream().write("two\n".getBytes(StandardCharsets.US_ASCII));
            assertEquals("ok 2", in.readLine());
            assertEquals("whole\nNOTES WITHOUT AN END\nONE\nanother's\nTWO\n", Files.readString(file));
            server.process.destroyForcibly().waitFor();
        }
        Files.writeString(file, "a note after the kill", StandardOpenOption.APPEND);
        assertUnfinished(file);
    }

    @Test
    void fileThatCannotBeHadIsToldInALineWithTheReason(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        assertEquals("sluice: cannot serve record: " + directory + "/nowhere/lines: no such file\n", refusal(directory.resolve("nowhere/lines")));
        Files.createDirectory(directory.resolve("lines.recording"));
        assertEquals("sluice: cannot serve record: " + directory.toRealPath() + "/lines.recording is in the way: record keeps a note of that name,"
                + " and did not write this one\n", refusal(file));
    }

    @Test
    void fullDiskIsToldAndServiceGoesOnWhenThereIsRoom(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        try (Served server = Served.withFileSize(64, "record", "--file", file.toString()); Socket socket = server.connect()) {
            BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream()));
            byte[] line = ("x".repeat(9_999) + "\n").getBytes(StandardCharsets.US_ASCII);
            for (int i = 1; i <= 6; i++) {
                socket.getOutputStream().write(line);
                assertEquals("ok " + i, in.readLine());
            }
            socket.getOutputStream().write(line);
            String told = in.readLine();
            assertTrue(told.startsWith("error 7 "), told);
            assertEquals(60_000, Files.size(file), "cut back to what was forced");
            Process raised = new ProcessBuilder("prlimit", "--pid", "" + server.process.pid(), "--fsize=unlimited:").inheritIO().start();
            assertEquals(0, raised.waitFor());
            socket.getOutputStream().write(line);
            assertEquals("ok 8", in.readLine());
            assertEquals(70_000, Files.size(file));
            socket.close();
            assertEquals(0, server.terminate(), server.stderr());
        }
    }

    // ---- proxy ----------------------------------------------------------------------------------------------------------

    @Test
    void proxyIsBoundedBetweenAWriterAndASlowReader() throws Exception {
        byte[] up = new byte[5 << 20];
        byte[] down = new byte[5 << 20];
        new Random(1).nextBytes(up);
        new Random(2).nextBytes(down);
        try (ServerSocket target = new ServerSocket()) {
            target.setReceiveBufferSize(16 << 10);
            target.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            try (Served server = new Served("-Xmx32m", "proxy", "--to", "127.0.0.1:" + target.getLocalPort(), "--send-buffer", "32k",
                            "--receive-buffer", "32k");
                    Socket client = new Socket()) {
                client.setReceiveBufferSize(16 << 10);
                client.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port));
                Socket peer = target.accept();
                CompletableFuture<Void> sentUp = send(client, up);
                CompletableFuture<Void> sentDown = send(peer, down);
                CompletableFuture<byte[]> received = CompletableFuture.supplyAsync(() -> readSlowly(peer, up.length));
                assertArrayEquals(down, readSlowly(client, down.length));
                assertArrayEquals(up, received.get(60, TimeUnit.SECONDS));
                sentUp.get(60, TimeUnit.SECONDS);
                sentDown.get(60, TimeUnit.SECONDS);
                assertEquals(-1, client.getInputStream().read());
                peer.close();
                client.close();
                long rss = server.memory("VmHWM") / 1024;
                Figures.tell("ServicesIT proxy, 5 MB both ways: peak memory %d MB", rss);
                assertTrue(rss < 100, rss + " MB");
                assertEquals(0, server.terminate(), server.stderr());
                assertTrue(server.stderr().contains("ends: 2 PEER\n"), server.stderr());
            }
        }
    }

    private static CompletableFuture<Void> send(Socket socket, byte[] bytes) {
        return CompletableFuture.runAsync(() -> {
            try {
                socket.getOutputStream().write(bytes);
                socket.shutdownOutput();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }, task -> new Thread(task).start());
    }

    /** A little at a time, with a small buffer. */
    private static byte[] readSlowly(Socket socket, int length) {
        try {
            byte[] all = new byte[length];
            for (int at = 0; at < length; ) {
                int read = socket.getInputStream().read(all, at, Math.min(1_000, length - at));
                if (read < 0) {
                    throw new IOException("ended at " + at);
                }
                at += read;
            }
            return all;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--sub-reactors 2", "-e threads"})
    void targetsThatAreDownAreToldOnceASecondEach(String engine) throws Exception {
        int clients = 2_000;
        try (Socket nobody = new Socket(); Socket nobodyElse = new Socket()) { // their ports are taken, and do not listen
            nobody.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            nobodyElse.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            List<String> targets = List.of("127.0.0.1:" + nobody.getLocalPort(), "127.0.0.1:" + nobodyElse.getLocalPort());
            List<String> arguments = new ArrayList<>(List.of("proxy", "--to", targets.get(0), "--to", targets.get(1)));
            arguments.addAll(List.of(engine.split(" ")));
            long startNs = System.nanoTime();
            try (Served server = new Served("", arguments.toArray(new String[0]))) {
                for (int i = 0; i < clients; i++) {
                    try (Socket client = server.connect()) {
                        client.getInputStream().read();
                    } catch (IOException e) {
                        // reset, as it should be
                    }
                }
                assertEquals(0, server.terminate(), server.stderr());
                long seconds = (System.nanoTime() - startNs) / 1_000_000_000;
                for (String target : targets) {
                    long lines = server.stderr().lines().filter(line -> line.contains("cannot connect to /" + target)).count();
                    assertTrue(lines >= 1 && lines <= seconds + 1, lines + " lines in " + seconds + " s about " + target);
                }
                assertTrue(server.stderr().contains(2 * clients + " CONNECT_FAILURE"), server.stderr());
            }
        }
    }

    // ---- datagrams ------------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads", "pool"})
    void noDatagramIsLostByUs(String engine) throws Exception {
        int count = Integer.getInteger("sluice.datagrams", 50_000);
        int window = 64; // what the kernel's buffer surely holds
        try (Served server = new Served("", "upper", "--udp", "-e", engine); DatagramSocket client = new DatagramSocket()) {
            client.connect(InetAddress.getLoopbackAddress(), server.port);
            client.setSoTimeout(10_000);
            byte[] data = "abcdefgh".repeat(8).getBytes(StandardCharsets.US_ASCII);
            byte[] expected = "ABCDEFGH".repeat(8).getBytes(StandardCharsets.US_ASCII);
            DatagramPacket question = new DatagramPacket(data, data.length);
            DatagramPacket answer = new DatagramPacket(new byte[100], 100);
            for (int sent = 0, received = 0; received < count; ) {
                while (sent < count && sent - received < window) {
                    client.send(question);
                    sent++;
                }
                answer.setLength(100);
                client.receive(answer);
                received++;
                assertEquals(expected.length, answer.getLength());
                assertEquals('H', answer.getData()[63]);
            }
            assertEquals(0, server.terminate(), server.stderr());
            String end = server.lastLine();
            assertEquals("drained: " + count + " datagrams received, 0 truncated, " + count + " sent, 0 dropped, 0 failed", end);
            assertTrue(server.stderr().contains("books: " + count + " received = " + count + " handled + 0 truncated + 0 from itself + 0 failed; "
                    + count + " offered = " + count + " sent + 0 queued + 0 dropped + 0 failed\n"), server.stderr());
            assertTrue(server.stderr().contains("ready: upper on udp 127.0.0.1:" + server.port + ", engine " + engine), server.stderr());
        }
    }

    @Test
    void clientSpeaksDatagrams() throws Exception {
        try (Served server = new Served("", "upper", "--udp")) {
            assertEquals("HELLO\nWORLD\n", client("", "127.0.0.1:" + server.port, "--udp", "--send", "hello", "--send", "world"));
            assertEquals("ONE\nTWO\nTHREE", client("one\ntwo\nthree", "" + server.port, "--udp", "--wait", "300ms"));
            assertEquals(0, server.terminate());
        }
        int nobody;
        try (DatagramSocket gone = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
            nobody = gone.getLocalPort();
        }
        assertEquals("sluice: cannot reach 127.0.0.1:" + nobody + ": nobody listens there\n", client("", "" + nobody, "--udp", "--send", "x"));
    }

    /** Standard input without a line in it must not fill the memory. */
    @Test
    void clientTellsOfALineThatNoDatagramHolds() throws Exception {
        try (DatagramSocket peer = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
            ProcessBuilder builder = new ProcessBuilder("bash", "-c",
                            "head -c 200000000 /dev/zero | \"$1\" client --udp $2", "bash", Served.PROGRAM, "" + peer.getLocalPort())
                    .redirectErrorStream(true);
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            builder.environment().put("SLUICE_JAVA_OPTS", "-Xmx64m");
            Process process = builder.start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals("sluice: datagrams to 127.0.0.1:" + peer.getLocalPort() + ": no datagram holds a line of more than 65535 bytes\n", said);
            assertEquals(1, process.waitFor());
        }
    }

    private static String client(String input, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Served.PROGRAM, "client"));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        try (OutputStream out = process.getOutputStream()) {
            out.write(input.getBytes(StandardCharsets.US_ASCII));
        }
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        process.waitFor();
        return said;
    }
}
