package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Proc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/** The real program as a process that serves, and what it says on stderr. */
final class Served implements AutoCloseable {

    static final String PROGRAM = System.getProperty("sluice.program", "target/sluice");

    final Process process;
    final int port;
    private final Path directory;

    Served(String javaOptions, String... arguments) throws IOException {
        this(List.of(), javaOptions, arguments);
    }

    /** A server in a process that may hold so many descriptors. */
    static Served withDescriptors(int limit, String... arguments) throws IOException {
        return new Served(List.of("sh", "-c", "ulimit -n " + limit + "; exec \"$@\"", "sh"), "", arguments);
    }

    /** A server whose files may have so many bytes, until somebody with {@code prlimit} says otherwise. */
    static Served withFileSize(int kilobytes, String... arguments) throws IOException {
        return new Served(List.of("bash", "-c", "ulimit -S -f " + kilobytes + "; exec \"$@\"", "bash"), "", arguments);
    }

    /** A server with so much room for the stacks of threads and all else, heap and such small, that two dozen fit at most. */
    static Served withFewThreads(String... arguments) throws IOException {
        return new Served(List.of("bash", "-c", "ulimit -v 24000000; exec \"$@\"", "bash"), "-Xss1g -Xmx64m", arguments);
    }

    /** A server that is process 1, as in a container: {@link #process} is its parent, and ends as it does. */
    static Served asProcess1(String... arguments) throws IOException {
        return new Served(
                List.of("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "env", "--default-signal=HUP,INT"), "", arguments);
    }

    private Served(List<String> wrapper, String javaOptions, String... arguments) throws IOException {
        directory = Files.createTempDirectory("sluice");
        List<String> command = new ArrayList<>(wrapper);
        command.addAll(List.of(PROGRAM, "serve"));
        command.addAll(List.of(arguments));
        if (!command.contains("-p")) {
            command.addAll(List.of("-p", "0"));
        }
        Path portFile = directory.resolve("port");
        command.addAll(List.of("--port-file", portFile.toString()));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectError(directory.resolve("stderr").toFile())
                .redirectOutput(directory.resolve("stdout").toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("SLUICE_JAVA_OPTS", javaOptions);
        process = builder.start();
        Awaitility.await()
                .atMost(Duration.ofSeconds(30))
                .pollInterval(Duration.ofMillis(10))
                .until(() -> Files.exists(portFile) || !process.isAlive());
        assertTrue(process.isAlive(), stderr());
        port = Integer.parseInt(Files.readString(portFile).strip());
    }

    Socket connect() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(60_000);
        socket.setTcpNoDelay(true);
        return socket;
    }

    String stderr() {
        try {
            return Files.readString(directory.resolve("stderr"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    String lastLine() {
        List<String> lines = stderr().lines().toList();
        return lines.get(lines.size() - 1);
    }

    /** SIGTERM; the exit status. */
    int terminate() throws InterruptedException {
        process.destroy();
        assertTrue(process.waitFor(30, TimeUnit.SECONDS), "ends within its drain time-out");
        return process.exitValue();
    }

    /** Of the process, in KiB, as Linux tells it; elsewhere none. */
    long memory(String field) throws IOException {
        if (!Proc.isThere()) {
            return 0;
        }
        for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
            if (line.startsWith(field + ":")) {
                return Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        throw new IOException("no " + field);
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        for (String name : List.of("port", "stderr", "stdout")) {
            Files.deleteIfExists(directory.resolve(name));
        }
        Files.deleteIfExists(directory);
    }
}
