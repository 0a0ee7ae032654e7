package dev.sluice.cli;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

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
            screen = Files.createTempFile(directory, "screen", "");
            script = builder.redirectErrorStream(true).redirectOutput(screen.toFile()).start();
        }

        void type(String text) throws IOException {
            OutputStream keyboard = script.getOutputStream();
            keyboard.write(text.getBytes(StandardCharsets.UTF_8));
            keyboard.flush();
        }

        /** What was printed, in ISO-8859-1, so that each character is a byte. */
        String screen() throws IOException {
            return Files.readString(screen, StandardCharsets.ISO_8859_1);
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
}
