package dev.sluice.program.cli;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** target/sluice on a terminal, which {@code script} of util-linux makes: without that these tests are skipped, and have not passed. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class TerminalIT {

    @TempDir
    private Path directory;

    @BeforeAll
    static void needsATerminal() throws Exception {
        boolean there;
        try {
            there = new ProcessBuilder("script", "-qec", "true", "/dev/null").start().waitFor() == 0;
        } catch (IOException e) {
            there = false;
        }
        if (!there) {
            System.out.println("TerminalIT NOT RUN, as this machine lacks script");
        }
        assumeTrue(there, "not run: needs script");
    }

    /** A shell's command with a terminal of its own, which closes when this does. */
    private final class Terminal implements AutoCloseable {

        private final Process script;
        private final Path screen;

        Terminal(String command) throws IOException {
            List<String> all = new ArrayList<>(Launched.interruptible());
            all.addAll(List.of("script", "-qefc", command, "/dev/null"));
            ProcessBuilder builder = new ProcessBuilder(all);
            builder.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
            builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
            builder.environment().put("SHELL", "/bin/sh");
            builder.environment().put("HISTFILE", "/dev/null");
            builder.environment().put("LC_ALL", "C.UTF-8");
            screen = Files.createTempFile(directory, "screen", "");
            script = builder.redirectErrorStream(true).redirectOutput(screen.toFile()).start();
        }

        void type(String text) throws IOException {
            OutputStream keyboard = script.getOutputStream();
            keyboard.write(text.getBytes(StandardCharsets.UTF_8));
            keyboard.flush();
        }

        /** All that was printed, once the command has ended. */
        String screen() throws IOException, InterruptedException {
            assertTrue(script.waitFor(30, TimeUnit.SECONDS), "still running");
            return new String(Files.readAllBytes(screen), StandardCharsets.UTF_8);
        }

        @Override
        public void close() {
            script.destroyForcibly();
        }
    }

    private String serve(Path portFile) {
        return Launched.PROGRAM + " serve echo -p 0 --drain-timeout 30s --linger-timeout 30s --port-file " + portFile;
    }

    private static int port(Path file, Terminal terminal) throws IOException {
        await().atMost(Duration.ofSeconds(30)).until(() -> Files.exists(file) || !terminal.script.isAlive());
        return Integer.parseInt(Files.readString(file).strip());
    }

    /** As under {@code xterm -e} or {@code ssh -t}: the kernel tells the server, whose standard error is no more. */
    @Test
    void aServerDrainsWhenItsTerminalCloses() throws Exception {
        Path portFile = directory.resolve("port");
        try (Terminal terminal = new Terminal("exec " + serve(portFile))) {
            drainsWhenItCloses(terminal, portFile);
        }
    }

    /** A shell tells its job, and the kernel the foreground when the shell has ended. */
    @Test
    void aServerDrainsWhenTheTerminalOfItsShellCloses() throws Exception {
        Path portFile = directory.resolve("port");
        Path err = directory.resolve("err");
        try (Terminal terminal = new Terminal("exec bash --norc --noprofile -i")) {
            terminal.type(serve(portFile) + " 2>" + err + "\n");
            drainsWhenItCloses(terminal, portFile);
        }
        assertTrue(Files.readString(err).endsWith("\ndrained: 1 connections, 1 flushed, 0 cut, 0 bytes lost\n"), Files.readString(err));
    }

    /** The server is there as long as its client is; its port file goes when it has drained, and stays when it was ended. */
    private static void drainsWhenItCloses(Terminal terminal, Path portFile) throws Exception {
        int port = port(portFile, terminal);
        try (Socket client = new Socket("127.0.0.1", port)) {
            client.getOutputStream().write('x');
            assertEquals('x', client.getInputStream().read());
            terminal.close();
            assertEquals(-1, client.getInputStream().read());
            assertTrue(Files.exists(portFile));
            client.shutdownOutput();
            await().until(() -> Files.notExists(portFile));
        }
    }

    // ---- what a peer's bytes do to a terminal ----------------------------------------------------------------------------

    private static final String HARMLESS = "<tab\t> <\u00e9> <\u6f22> <\ud83d\udc69\u200d\ud83d\udc69>\n";

    /** Each in angle brackets: C0, DEL, C1, marks of a direction, separators of lines, embeddings and overrides, isolates. */
    private static String steering() {
        StringBuilder text = new StringBuilder();
        IntStream.of(0x061c, 0x200e, 0x200f, 0x2028, 0x2029).forEach(c -> bracket(c, text));
        IntStream.rangeClosed(0x00, 0x1f).filter(c -> c != '\t' && c != '\n').forEach(c -> bracket(c, text));
        IntStream.rangeClosed(0x7f, 0x9f).forEach(c -> bracket(c, text));
        IntStream.rangeClosed(0x202a, 0x202e).forEach(c -> bracket(c, text));
        IntStream.rangeClosed(0x2066, 0x2069).forEach(c -> bracket(c, text));
        return text.append('\n').toString();
    }

    private static void bracket(int c, StringBuilder text) {
        text.append('<').append((char) c).append('>');
    }

    /** With bytes that are no UTF-8, the last two the beginning of a character. */
    private static byte[] hostile() {
        byte[] text = (HARMLESS + steering() + "crlf\r\n").getBytes(StandardCharsets.UTF_8);
        byte[] malformed = {'<', (byte) 0xff, '>', '<', (byte) 0xc2, '>', '<', (byte) 0x9b, '>', '\n', '<', (byte) 0xe2, (byte) 0x80};
        byte[] all = Arrays.copyOf(text, text.length + malformed.length);
        System.arraycopy(malformed, 0, all, text.length, malformed.length);
        return all;
    }

    private static String tamed() {
        String text = HARMLESS + steering().replaceAll("<[^>]>", "<?>") + "crlf\n<\ufffd><\ufffd><\ufffd>\n<\ufffd";
        return text.replace("\n", "\r\n"); // the terminal's own
    }

    /** Writes all, in pieces that cut characters, to a client, which is told by its port; then ends. */
    private static void answer(ServerSocket server) throws IOException {
        try (Socket client = server.accept()) {
            client.setTcpNoDelay(true);
            byte[] all = hostile();
            for (int from = 0; from < all.length; from += 7) {
                client.getOutputStream().write(all, from, Math.min(7, all.length - from));
            }
            client.shutdownOutput();
            client.getInputStream().readAllBytes();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--send hello", "</dev/null"})
    void bytesOfAPeerDoNotSteerTheTerminal(String how) throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Terminal terminal = new Terminal("exec " + Launched.PROGRAM + " client " + server.getLocalPort() + " " + how)) {
            answer(server);
            assertEquals(tamed(), terminal.screen());
        }
    }

    @Test
    void bytesOfADatagramDoNotSteerTheTerminal() throws Exception {
        try (DatagramSocket server = new DatagramSocket(0, InetAddress.getLoopbackAddress());
                Terminal terminal = new Terminal("exec " + Launched.PROGRAM + " client " + server.getLocalPort() + " --udp --send a --send b --wait 30s")) {
            for (int i = 0; i < 2; i++) {
                DatagramPacket asked = new DatagramPacket(new byte[9], 9);
                server.receive(asked);
                server.send(new DatagramPacket(hostile(), hostile().length, asked.getSocketAddress()));
            }
            assertEquals(tamed() + tamed(), terminal.screen()); // the first one's last bytes do not wait for the second
        }
    }

    /** The prompt is drawn with escapes of its own. */
    @Test
    void bytesOfAPeerAboveThePromptDoNotSteerTheTerminal() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Terminal terminal = new Terminal("exec " + Launched.PROGRAM + " client " + server.getLocalPort())) {
            try (Socket client = server.accept()) {
                client.getOutputStream().write(hostile());
                client.shutdownOutput();
                client.getInputStream().readAllBytes();
            }
            String whole = tamed().substring(0, tamed().length() - 1); // what was the beginning of a character comes on a line of its own
            assertTrue(terminal.screen().contains(whole), terminal.screen());
            assertTrue(terminal.screen().contains("the peer closed the connection"), terminal.screen());
        }
    }

    /** Where one of the two is no terminal, the bytes are nobody's but the reader's. */
    @ParameterizedTest
    @ValueSource(strings = {"--send hello", "</dev/null", ""})
    void redirectedOutputIsExact(String how) throws Exception {
        Path out = directory.resolve("out");
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                Terminal terminal = new Terminal("exec " + Launched.PROGRAM + " client " + server.getLocalPort() + " " + how + " >" + out)) {
            terminal.type("\u0004"); // Ctrl-D
            answer(server);
            terminal.screen();
            assertArrayEquals(hostile(), Files.readAllBytes(out));
        }
    }
}
