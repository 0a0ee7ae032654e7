package dev.sluice.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Each example is run as its reader would run it, and stands in the README as it stands here. */
class ExamplesTest {

    private static final Path SOURCES = Path.of("src/test/java/dev/sluice/examples");

    @Test
    void selectorStyleEchoAnswers() throws Exception {
        echoes(SelectorStyleEcho.class);
    }

    @Test
    void echoServerAnswers() throws Exception {
        echoes(EchoServer.class);
    }

    @Test
    void blockingUpperAnswers() throws Exception {
        answers(BlockingUpper.class, "a message in one line\n", "A MESSAGE IN ONE LINE\n");
    }

    @Test
    void simulatedEchoIsTheSameForTheSameSeed() throws Exception {
        assertEquals(output("7"), output("7"));
        assertTrue(output("7").matches("(\\d+ bytes at \\d+ ms\\R)+"), output("7"));
    }

    private static String output(String seed) throws IOException {
        PrintStream before = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said));
        try {
            SimulatedEcho.main(new String[] {seed});
        } finally {
            System.setOut(before);
        }
        return said.toString();
    }

    @Test
    void selectorStyleEchoHasAtMostThirtyLines() throws IOException {
        long lines = Files.readAllLines(SOURCES.resolve("SelectorStyleEcho.java")).stream()
                .filter(line -> !line.isBlank())
                .count();
        assertTrue(lines <= 30, lines + " lines");
    }

    @Test
    void everyExampleStandsInTheReadme() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        for (String example : List.of("EchoServer.java", "SelectorStyleEcho.java", "BlockingUpper.java", "SimulatedEcho.java")) {
            String source = Files.readString(SOURCES.resolve(example));
            String code = source.substring(source.indexOf("public final class"));
            assertTrue(readme.contains(code), example + " stands in the README as it is in the tests");
        }
    }

    private static void echoes(Class<?> example) throws Exception {
        answers(example, "a message in one piece", "a message in one piece");
    }

    /** Runs a main class with a free port, in a process of its own: these servers run until they are killed. */
    private static void answers(Class<?> example, String question, String answer) throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Process server = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        example.getName(),
                        Integer.toString(port))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (Socket client = Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(20))
                .ignoreException(ConnectException.class)
                .until(() -> new Socket(InetAddress.getLoopbackAddress(), port), Socket::isConnected)) {
            client.setSoTimeout(10_000);
            client.getOutputStream().write(question.getBytes(StandardCharsets.US_ASCII));
            byte[] received = client.getInputStream().readNBytes(answer.length());
            assertEquals(answer, new String(received, StandardCharsets.US_ASCII));
            client.shutdownOutput();
            assertEquals(-1, client.getInputStream().read());
        } finally {
            server.destroyForcibly().waitFor();
        }
    }
}
