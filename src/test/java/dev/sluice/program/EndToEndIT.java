package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Figures;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program against clients that are not ours. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class EndToEndIT {

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** The byte at a place of a client's stream: a gap, a repeat, or another client's byte shows. */
    private static byte byteAt(int client, long place) {
        return (byte) (place * 31 + place / 251 + client * 17L);
    }

    @Test
    void twoClientsSendAMessageInPartsInTurn() throws Exception {
        try (Served server = new Served("");
                Socket one = server.connect();
                Socket two = server.connect()) {
            String[] parts = {"This is ", "the message", ". ", "It will be sent ", "in parts."};
            for (String part : parts) {
                one.getOutputStream().write(ascii(part));
                two.getOutputStream().write(ascii(part + "?"));
                assertArrayEquals(ascii(part.toUpperCase()), one.getInputStream().readNBytes(part.length()));
                assertArrayEquals(ascii(part.toUpperCase() + "?"), two.getInputStream().readNBytes(part.length() + 1));
            }
        }
    }

    @Test
    void clientPipesFiveMegabytesWhole(@TempDir Path directory) throws Exception {
        byte[] sent = new byte[5_000_000];
        new Random(5).nextBytes(sent);
        File in = Files.write(directory.resolve("a"), sent).toFile();
        File out = directory.resolve("b").toFile();
        try (Served server = new Served("", "echo")) {
            ProcessBuilder builder = new ProcessBuilder(Served.PROGRAM, "client", String.valueOf(server.port))
                    .redirectInput(in)
                    .redirectOutput(out)
                    .redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            assertEquals(0, builder.start().waitFor());
        }
        assertArrayEquals(sent, Files.readAllBytes(out.toPath()));
    }

    @Test
    void thousandClientsAtOnceEachGetTheirOwnBytes() throws Exception {
        try (Served server = new Served("", "echo")) {
            List<Socket> clients = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                clients.add(server.connect());
            }
            byte[] data = new byte[1_000];
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < clients.size(); i++) {
                    for (int k = 0; k < data.length; k++) {
                        data[k] = byteAt(i, round * 1_000L + k);
                    }
                    clients.get(i).getOutputStream().write(data);
                }
                for (int i = 0; i < clients.size(); i++) {
                    byte[] answer = clients.get(i).getInputStream().readNBytes(data.length);
                    for (int k = 0; k < data.length; k++) {
                        assertEquals(byteAt(i, round * 1_000L + k), answer[k]);
                    }
                }
            }
            for (Socket client : clients) {
                client.close();
            }
            assertEquals(0, server.terminate());
        }
    }

    @Test
    void clientThatReadsOnlyOnceItsWriterHasStalledGetsEveryByte() throws Exception {
        long total = 100_000_000;
        try (Served server = new Served("-Xmx64m -XX:MaxDirectMemorySize=1m", "echo");
                Socket client = server.connect()) {
            AtomicLong sent = new AtomicLong();
            Thread writer = new Thread(() -> {
                byte[] data = new byte[100_000];
                try {
                    OutputStream out = client.getOutputStream();
                    for (long at = 0; at < total; at += data.length) {
                        for (int i = 0; i < data.length; i++) {
                            data[i] = byteAt(1, at + i);
                        }
                        out.write(data);
                        sent.addAndGet(data.length);
                    }
                    client.shutdownOutput();
                } catch (IOException e) {
                    sent.set(-1);
                }
            });
            writer.start();
            long[] seen = {-1, System.nanoTime()};
            Awaitility.await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(50)).until(() -> {
                if (sent.get() != seen[0]) {
                    seen[0] = sent.get();
                    seen[1] = System.nanoTime();
                }
                return System.nanoTime() - seen[1] > Duration.ofSeconds(3).toNanos();
            });
            assertTrue(seen[0] > 0 && seen[0] < total, "stalled after " + seen[0] + " bytes");
            long at = 0;
            byte[] buffer = new byte[1 << 16];
            InputStream in = client.getInputStream();
            for (int n; (n = in.read(buffer)) >= 0; at += n) {
                for (int i = 0; i < n; i++) {
                    if (buffer[i] != byteAt(1, at + i)) {
                        assertEquals(byteAt(1, at + i), buffer[i], "byte " + (at + i));
                    }
                }
            }
            assertEquals(total, at);
            Figures.tell("EndToEndIT 100 MB to a late reader: stalled at %d bytes, the server's peak memory %d KiB, with 1 MiB of direct memory",
                    seen[0], server.memory("VmHWM"));
            assertEquals(0, server.terminate());
            assertFalse(server.stderr().contains("WARN"), server.stderr());
        }
    }

    @Test
    void terminatedUnderLoadItAnswersWhatItTookAndResetsNobody() throws Exception {
        int clients = 64;
        try (Served server = new Served("", "echo")) {
            AtomicLong answered = new AtomicLong();
            List<String> wrong = java.util.Collections.synchronizedList(new ArrayList<>());
            List<Thread> threads = new ArrayList<>();
            for (int c = 0; c < clients; c++) {
                int client = c;
                Socket socket = server.connect();
                Thread writer = new Thread(() -> write(client, socket));
                writer.setDaemon(true);
                Thread reader = new Thread(() -> {
                    try (socket) {
                        read(client, socket, answered);
                    } catch (SocketException e) {
                        wrong.add("client " + client + ": " + e);
                    } catch (IOException | AssertionError e) {
                        wrong.add("client " + client + ": " + e);
                    }
                });
                threads.add(reader);
                writer.start();
                reader.start();
            }
            Awaitility.await().until(() -> answered.get() > 10_000_000);
            int status = server.terminate();
            for (Thread thread : threads) {
                thread.join(20_000);
            }
            assertEquals(List.of(), wrong, "each client read a prefix of what it sent, then the end");
            assertEquals("drained: 64 connections, 64 flushed, 0 cut, 0 bytes lost", server.lastLine());
            assertEquals(0, status);
        }
    }

    /** Sixteen small requests in flight or so, until the server ends. */
    private static void write(int client, Socket socket) {
        byte[] data = new byte[64];
        try {
            for (long at = 0; ; at += data.length) {
                for (int i = 0; i < data.length; i++) {
                    data[i] = byteAt(client, at + i);
                }
                socket.getOutputStream().write(data);
            }
        } catch (IOException e) {
            // the server has ended
        }
    }

    private static void read(int client, Socket socket, AtomicLong answered) throws IOException {
        byte[] buffer = new byte[1 << 14];
        long at = 0;
        for (int n; (n = socket.getInputStream().read(buffer)) >= 0; at += n) {
            for (int i = 0; i < n; i++) {
                assertEquals(byteAt(client, at + i), buffer[i]);
            }
            answered.addAndGet(n);
        }
    }

    @Test
    void killedItStartsOnTheSamePortAtOnce() throws Exception {
        try (Served first = new Served("");
                Socket client = first.connect()) {
            client.getOutputStream().write('x');
            assertEquals('X', client.getInputStream().read());
            first.process.destroyForcibly().waitFor();
            try (Served second = new Served("", "-p", String.valueOf(first.port));
                    Socket again = second.connect()) {
                again.getOutputStream().write('y');
                assertEquals('Y', again.getInputStream().read());
            }
        }
    }

    @Test
    void servesOverIpv6AndWithSubReactors() throws Exception {
        try (Served server = new Served("", "upper", "--bind", "::1", "--sub-reactors", "2");
                Socket client = new Socket("::1", server.port)) {
            String ready = "ready: upper on [::1]:" + server.port + ", engine reactor, 3 loops, at most ";
            Awaitility.await().until(() -> server.stderr().contains(ready));
            client.getOutputStream().write('z');
            assertEquals('Z', client.getInputStream().read());
            client.close();
            assertEquals(0, server.terminate());
        }
    }
}
