package dev.sluice.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.BindException;
import java.net.ConnectException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;
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
    void blockingUpperAnswersOnVirtualThreads() throws Exception {
        Assumptions.assumeTrue(Runtime.version().feature() >= 21, "virtual threads");
        run(BlockingUpper.class, port -> answers(port, "a message in one line\n", "A MESSAGE IN ONE LINE\n"), "virtual");
    }

    @Test
    void selectStyleUpperAnswers() throws Exception {
        answers(SelectStyleUpper.class, "a message in one piece", "A MESSAGE IN ONE PIECE");
    }

    @Test
    void linesComeBackInPieces() throws Exception {
        String lines = IntStream.range(0, 1_050).mapToObj(i -> i + "\n").collect(Collectors.joining());
        answers(LinesInPieces.class, lines, lines);
    }

    @Test
    void producersAreAnsweredByConsumers() throws Exception {
        run(ProducerConsumer.class, port -> {
            answers(port, "10\n", "10 11\n");
            answers(port, "ten\n", "ten is no number\n");
        });
    }

    @Test
    void lineChatTellsTheOthers() throws Exception {
        run(LineChat.class, port -> {
            try (Socket first = connect(port); Socket second = connect(port)) {
                // the second is in the room when the first hears of it
                BufferedReader in = new BufferedReader(new InputStreamReader(first.getInputStream()));
                second.getOutputStream().write("hello\n".getBytes(StandardCharsets.US_ASCII));
                assertEquals("hello", in.readLine());
                first.getOutputStream().write("how are you\n".getBytes(StandardCharsets.US_ASCII));
                assertEquals("how are you", new BufferedReader(new InputStreamReader(second.getInputStream())).readLine());
            }
        });
    }

    @Test
    void datagramUpperAnswers() throws Exception {
        run(DatagramUpper.class, port -> {
            try (DatagramSocket client = new DatagramSocket()) {
                client.connect(InetAddress.getLoopbackAddress(), port);
                client.setSoTimeout(200);
                DatagramPacket answer = new DatagramPacket(new byte[100], 100);
                Awaitility.await().atMost(Duration.ofSeconds(20)).ignoreExceptions().until(() -> {
                    client.send(new DatagramPacket("hello".getBytes(StandardCharsets.US_ASCII), 5)); // until it listens
                    client.receive(answer);
                    return true;
                });
                assertEquals("HELLO", new String(answer.getData(), 0, answer.getLength(), StandardCharsets.US_ASCII));
            }
        });
    }

    @Test
    void fetchManyHandlesEachAnswer() throws Exception {
        run(EchoServer.class, port -> {
            connect(port).close();
            try (Socket holder = new Socket()) { // of a port on which nobody listens
                holder.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                int nobody = holder.getLocalPort();
                List<String> said = output(() -> FetchMany.main(new String[] {"" + port, "" + nobody, "" + port})).lines().sorted().toList();
                String answer = "/127.0.0.1:" + port + " hello";
                assertEquals(Stream.of(answer, answer, "/127.0.0.1:" + nobody + " CONNECT_FAILURE").sorted().toList(), said);
            }
        });
    }

    @Test
    void simulatedEchoIsTheSameForTheSameSeed() throws Exception {
        String first = output(() -> SimulatedEcho.main(new String[] {"7"}));
        assertEquals(first, output(() -> SimulatedEcho.main(new String[] {"7"})));
        assertTrue(first.matches("(\\d+ bytes at \\d+ ms\\R)+"), first);
    }

    private interface Program {
        void run() throws Exception;
    }

    private static String output(Program program) throws Exception {
        PrintStream before = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said));
        try {
            program.run();
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
    void everyExampleHasLessThanSixtyLines() throws IOException {
        try (Stream<Path> files = Files.list(SOURCES)) {
            for (Path file : files.filter(file -> !file.toString().endsWith("Test.java")).toList()) {
                long lines = Files.readString(file).lines().count();
                assertTrue(lines < 60, file + " has " + lines + " lines");
            }
        }
    }

    @Test
    void everyExampleStandsInTheReadme() throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        for (String example : List.of("EchoServer.java", "SelectorStyleEcho.java", "BlockingUpper.java", "LineChat.java", "LinesInPieces.java", "SimulatedEcho.java")) {
            String source = Files.readString(SOURCES.resolve(example));
            String code = source.substring(source.indexOf("public final class"));
            assertTrue(readme.contains(code), example + " stands in the README as it is in the tests");
        }
    }

    private static void echoes(Class<?> example) throws Exception {
        answers(example, "a message in one piece", "a message in one piece");
    }

    private static void answers(Class<?> example, String question, String answer) throws Exception {
        run(example, port -> answers(port, question, answer));
    }

    private interface Visit {
        void pay(int port) throws Exception;
    }

    /** Below those that a system gives to who does not ask for one, or somebody else would have it before the example does. */
    private static int freePort() throws IOException {
        while (true) {
            int port = ThreadLocalRandom.current().nextInt(15_000, 30_000);
            try (ServerSocket free = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return free.getLocalPort();
            } catch (BindException e) {
                // the next, then
            }
        }
    }

    private static Socket connect(int port) throws IOException {
        Socket client = Awaitility.await()
                .atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(20))
                .ignoreException(ConnectException.class)
                .until(() -> new Socket(InetAddress.getLoopbackAddress(), port), Socket::isConnected);
        client.setSoTimeout(10_000);
        return client;
    }

    /** Runs a main class with a free port, in a process of its own: these servers run until they are killed. */
    private static void run(Class<?> example, Visit visit, String... more) throws Exception {
        int port = freePort();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                example.getName(),
                Integer.toString(port)));
        command.addAll(List.of(more));
        Process server = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            visit.pay(port);
        } finally {
            server.destroyForcibly().waitFor();
        }
    }

    private static void answers(int port, String question, String answer) throws IOException {
        try (Socket client = connect(port)) {
            client.getOutputStream().write(question.getBytes(StandardCharsets.US_ASCII));
            byte[] received = client.getInputStream().readNBytes(answer.length());
            assertEquals(answer, new String(received, StandardCharsets.US_ASCII));
            client.shutdownOutput();
            assertEquals(-1, client.getInputStream().read());
        }
    }
}
