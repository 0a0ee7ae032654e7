package dev.sluice.program.cli;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A run of target/sluice: its streams are files, and it does not outlive the test. */
final class Launched implements AutoCloseable {

    static final Path PROGRAM = Path.of(System.getProperty("sluice.program", "target/sluice")).toAbsolutePath();
    private static final long PATIENCE_S = 30;

    final Process process;
    private final Path out;
    private final Path err;

    private Launched(ProcessBuilder builder, Map<String, String> variables, Path directory) throws IOException {
        out = Files.createTempFile(directory, "out", "");
        err = Files.createTempFile(directory, "err", "");
        builder.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
        builder.environment().putAll(variables);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    }

    static Launched sluice(Path directory, String... args) throws IOException {
        return sluice(directory, Map.of(), null, args);
    }

    /** With standard input from a file. */
    static Launched sluice(Path directory, Path input, String... args) throws IOException {
        return sluice(directory, Map.of(), input, args);
    }

    /** With variables in its environment, and standard input from a file or, for null, from nobody. */
    static Launched sluice(Path directory, Map<String, String> variables, Path input, String... args) throws IOException {
        return sluice(directory, variables, List.of(), input, args);
    }

    private static Launched sluice(Path directory, Map<String, String> variables, List<String> starter, Path input, String... args)
            throws IOException {
        List<String> command = new ArrayList<>(interruptible());
        command.addAll(starter);
        command.add(PROGRAM.toString());
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command);
        if (input != null) {
            builder.redirectInput(input.toFile());
        }
        return new Launched(builder, variables, directory);
    }

    /**
     * A shell starts what it puts in the background with SIGINT ignored, as nohup does with SIGHUP, which is inherited, and of which a JVM
     * makes nothing else: tests that run there give their programs the default back.
     */
    static List<String> interruptible() throws IOException {
        List<String> ignored = new ArrayList<>();
        if (ignored(ProcessHandle.current().pid(), 1)) {
            ignored.add("HUP");
        }
        if (ignored(ProcessHandle.current().pid(), 2)) {
            ignored.add("INT");
        }
        return ignored.isEmpty() ? List.of() : List.of("env", "--default-signal=" + String.join(",", ignored));
    }

    /** Whether a process ignores a signal, as Linux tells it. */
    static boolean ignored(long process, int signal) throws IOException {
        Path status = Path.of("/proc/" + process + "/status");
        if (!Files.exists(status)) {
            return false;
        }
        String mask = Files.readAllLines(status).stream().filter(line -> line.startsWith("SigIgn:")).findFirst().orElseThrow();
        return (Long.parseUnsignedLong(mask.substring(7).strip(), 16) & 1L << signal - 1) != 0;
    }

    /** Serves on a free port, and returns once it is ready. */
    static Launched serve(Path directory, String... args) throws IOException {
        return serve(directory, Map.of(), args);
    }

    /** With variables in its environment. */
    static Launched serve(Path directory, Map<String, String> variables, String... args) throws IOException {
        return serve(directory, variables, List.of(), args);
    }

    /** Started by another program. */
    static Launched serveBehind(Path directory, List<String> starter, String... args) throws IOException {
        return serve(directory, Map.of(), starter, args);
    }

    private static Launched serve(Path directory, Map<String, String> variables, List<String> starter, String... args) throws IOException {
        List<String> all = new ArrayList<>(List.of("serve", "-p", "0"));
        all.addAll(List.of(args));
        Launched server = sluice(directory, variables, starter, null, all.toArray(new String[0]));
        await().atMost(Duration.ofSeconds(PATIENCE_S))
                .pollInterval(Duration.ofMillis(5))
                .until(() -> server.err().contains("ready: ") || !server.process.isAlive());
        return server;
    }

    String readyLine() throws IOException {
        return err().lines().filter(line -> line.startsWith("ready: ")).findFirst().orElseThrow(() -> new AssertionError("not ready"));
    }

    String port() throws IOException {
        String upToPort = readyLine().substring(0, readyLine().indexOf(", engine"));
        return upToPort.substring(upToPort.lastIndexOf(':') + 1);
    }

    /** SIGTERM. */
    void terminate() {
        process.destroy();
    }

    void signal(String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).inheritIO().start().waitFor();
    }

    int status() throws InterruptedException {
        if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS)) {
            throw new AssertionError("still running");
        }
        return process.exitValue();
    }

    String err() throws IOException {
        return Files.readString(err, StandardCharsets.UTF_8);
    }

    String out() throws IOException {
        return Files.readString(out, StandardCharsets.UTF_8);
    }

    Path outFile() {
        return out;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
