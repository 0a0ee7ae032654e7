package dev.sluice.program.cli;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** target/sluice at several places, and its clients there. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class PlacesIT {

    @TempDir
    private Path directory;

    private String door() {
        return "unix:" + directory.resolve("door");
    }

    private Launched serve(Map<String, String> variables, String... args) throws Exception {
        List<String> all = new ArrayList<>(List.of("serve"));
        all.addAll(List.of(args));
        Launched server = Launched.sluice(directory, variables, null, all.toArray(new String[0]));
        await().atMost(Duration.ofSeconds(30)).until(() -> server.err().contains("ready: ") || !server.process.isAlive());
        return server;
    }

    private String answer(String... args) throws Exception {
        try (Launched client = Launched.sluice(directory, args)) {
            assertEquals(0, client.status(), client.err());
            return client.out();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "threads", "pool"})
    void oneProcessServesPortsDatagramsAndAFile(String engine) throws Exception {
        Path portFile = directory.resolve("port");
        Path door = directory.resolve("door");
        try (Launched server = serve(
                Map.of(), "upper", "-e", engine, "--max-connections", "9", "--port-file", portFile.toString(),
                "--listen", "udp://127.0.0.1:0", "--listen", door() + "?mode=0600", "--listen", "tcp://127.0.0.1:0")) {
            String ready = server.readyLine();
            String[] places = ready.substring("ready: upper on ".length(), ready.indexOf(", engine")).split(", ");
            assertEquals(List.of("udp 127.0.0.1", door(), "127.0.0.1"), List.of(withoutPort(places[0]), places[1], withoutPort(places[2])));
            assertTrue(ready.endsWith(", at most 9 connections"), ready);
            assertTrue(server.err().contains("only this machine can connect: --listen tcp://0.0.0.0:PORT opens it to the network\n"), server.err());
            await().until(() -> Files.exists(portFile));
            assertEquals(port(places[0]) + "\n", Files.readString(portFile));
            assertEquals(0600, (Integer) Files.getAttribute(door, "unix:mode") & 0777);
            assertEquals("A\n", answer("client", "udp://127.0.0.1:" + port(places[0]), "--send", "a"));
            assertEquals("B\nC\n", answer("client", door(), "--send", "b", "--send", "c", "--wait", "300ms"));
            assertEquals("D\n", answer("client", "tcp://127.0.0.1:" + port(places[2]), "--send", "d", "--wait", "300ms"));
            server.terminate();
            assertEquals(0, server.status());
            assertTrue(server.err().contains("\ndrained: 1 datagrams received, 0 truncated, 1 sent, 0 dropped, 0 failed\n"), server.err());
            assertTrue(server.err().contains("books: 2 opened = 2 closed + 0 open; "), server.err());
            assertTrue(server.err().endsWith("\ndrained: 0 connections, 0 flushed, 0 cut, 0 bytes lost\n"), server.err());
            assertFalse(Files.exists(door));
        }
    }

    private static String withoutPort(String place) {
        return place.substring(0, place.lastIndexOf(':'));
    }

    private static String port(String place) {
        return place.substring(place.lastIndexOf(':') + 1);
    }

    @Test
    void fileAloneHasNoPort() throws Exception {
        Path portFile = directory.resolve("port");
        try (Launched server = serve(Map.of("SLUICE_LISTEN", " " + door() + "  " + door() + "2 "), "echo", "--port-file", portFile.toString())) {
            assertTrue(server.readyLine().startsWith("ready: echo on " + door() + ", " + door() + "2, engine reactor, 1 loop, at most "));
            await().until(() -> Files.exists(portFile));
            assertEquals("\n", Files.readString(portFile));
            Path input = Files.writeString(directory.resolve("input"), "hello");
            try (Launched client = Launched.sluice(directory, input, "client", door())) {
                assertEquals(0, client.status(), client.err());
                assertEquals("hello", client.out());
            }
            String load = answer("load", door() + "2", "-c", "4", "-d", "200ms", "-w", "0s");
            assertFalse(load.isEmpty());
        }
        try (Launched server = serve(Map.of("SLUICE_LISTEN", door()), "-p", "0")) { // a stale file is in the way of nobody
            assertTrue(server.readyLine().startsWith("ready: upper on 127.0.0.1:"), "a flag goes before the environment");
        }
    }

    /** The relay in front tells the next one of its clients, and that one the room. */
    @Test
    void relaysTellWhoTheClientIs() throws Exception {
        try (Launched room = serve(Map.of(), "chat", "--listen", door() + "?proxy-from=unix");
                Launched second = serve(
                        Map.of(), "proxy", "--to", door(), "--send-proxy", "v2", "-p", "0", "--proxy-from", "127.0.0.0/8", "--proxy-timeout", "3s");
                Launched first = serve(
                        Map.of(), "proxy", "--to", "127.0.0.1:" + port(second), "--send-proxy", "v1", "--listen", "tcp://127.0.0.1:0");
                Socket client = new Socket("127.0.0.1", port(first))) {
            assertTrue(room.process.isAlive() && second.process.isAlive(), room.err() + second.err());
            assertEquals("* you are", line(client).substring(0, 9));
            try (Socket check = new Socket("127.0.0.1", port(second))) { // trusted, and says nothing of a client
                check.getOutputStream().write("PROXY UNKNOWN\r\n".getBytes(StandardCharsets.US_ASCII));
                assertEquals("* you are", line(check).substring(0, 9));
            }
            try (Socket stranger = new Socket("127.0.0.1", port(second))) { // trusted, and sends no header
                stranger.getOutputStream().write("hello, who is there?\n".getBytes(StandardCharsets.US_ASCII));
                assertEquals(-1, read(stranger));
            }
            try (SocketChannel healthCheck = SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve("door")))) {
                healthCheck.write(ByteBuffer.wrap(new byte[] {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n', 0x20, 0, 0, 0}));
                assertEquals(-1, healthCheck.read(ByteBuffer.allocate(1)), "it is no guest");
            }
            client.getOutputStream().write("/who\n".getBytes(StandardCharsets.US_ASCII));
            assertEquals("* guest-2 joined", line(client), "the one of which the proxy knew nothing");
            second.terminate();
            assertEquals(0, second.status());
            assertTrue(second.err().contains("PROXY header"), second.err());
        }
    }

    private static int port(Launched server) throws IOException {
        return Integer.parseInt(server.port());
    }

    private static int read(Socket socket) throws IOException {
        try {
            return socket.getInputStream().read();
        } catch (SocketException e) {
            return -1; // reset: its bytes were not read
        }
    }

    private static String line(Socket socket) throws IOException {
        return new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII)).readLine();
    }

    @Test
    void relayGoesFromFileToFile() throws Exception {
        try (Launched target = serve(Map.of(), "upper", "--listen", door());
                Launched relay = serve(Map.of(), "proxy", "--to", door(), "--listen", door() + "2")) {
            assertTrue(target.process.isAlive() && relay.process.isAlive(), relay.err());
            Path input = directory.resolve("input");
            Files.writeString(input, "hello ".repeat(500_000));
            try (Launched client = Launched.sluice(directory, input, "client", door() + "2")) {
                assertEquals(0, client.status(), client.err());
                assertEquals("HELLO ".repeat(500_000), client.out());
            }
        }
    }

    @Test
    void fileIsTakenOverOnlyIfThatIsAskedFor() throws Exception {
        try (Launched first = serve(Map.of(), "echo", "--listen", door())) {
            try (Launched second = serve(Map.of(), "upper", "--listen", door())) {
                assertEquals(1, second.status());
                assertEquals("sluice: cannot listen on " + door() + ": a server listens there (see --listen)\n", second.err());
            }
            assertEquals("a\n", answer("client", door(), "--send", "a", "--wait", "300ms"));
            try (Launched third = serve(Map.of(), "upper", "--replace", "--listen", door())) {
                assertEquals("A\n", answer("client", door(), "--send", "a", "--wait", "300ms"));
                first.terminate();
                assertEquals(0, first.status());
                assertEquals("A\n", answer("client", door(), "--send", "a", "--wait", "300ms"), "the loser has left the file alone");
                third.process.destroyForcibly().waitFor();
            }
        }
        try (Launched next = serve(Map.of(), "echo", "--listen", door())) { // the file of one that was killed
            assertEquals("a\n", answer("client", door(), "--send", "a", "--wait", "300ms"));
            next.terminate();
            assertEquals(0, next.status());
        }
    }

    @Test
    void placeThatCannotBeHadEndsAllInOneLine() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Launched server = serve(
                        Map.of(), "--listen", "udp://127.0.0.1:0", "--listen", door(), "--listen", "tcp://127.0.0.1:" + taken.getLocalPort())) {
            assertEquals(1, server.status());
            assertEquals(
                    "sluice: cannot listen on 127.0.0.1:" + taken.getLocalPort() + ": Address already in use (see --listen)\n", server.err());
            assertFalse(Files.exists(directory.resolve("door")));
        }
        Files.writeString(directory.resolve("door"), "precious");
        try (Launched server = serve(Map.of(), "--replace", "--listen", door())) {
            assertEquals(1, server.status());
            assertEquals("sluice: cannot listen on " + door() + ": what is there is not a socket (see --listen)\n", server.err());
            assertEquals("precious", Files.readString(directory.resolve("door")));
        }
        try (Launched server = serve(Map.of(), "--listen", "unix:" + directory.resolve("no/door"))) {
            assertEquals(1, server.status());
            assertEquals("sluice: cannot listen on unix:" + directory.resolve("no/door") + ": no such directory (see --listen)\n", server.err());
        }
        try (Launched client = Launched.sluice(directory, "client", "unix:" + directory.resolve("nobody"), "--send", "x")) {
            assertEquals(1, client.status());
            assertEquals("sluice: cannot connect to unix:" + directory.resolve("nobody") + ": No such file or directory\n", client.err());
        }
    }
}
