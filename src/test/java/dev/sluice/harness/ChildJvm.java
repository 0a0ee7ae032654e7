package dev.sluice.harness;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs a main class of the tests in a process of its own, for limits that a whole JVM has. */
public final class ChildJvm {

    private static final long PATIENCE_S = 50;

    private ChildJvm() {}

    /** Runs it with options of its JVM; returns all that it said. Fails unless it ends with status 0. */
    public static String run(List<String> options, Class<?> main, String... args) throws IOException, InterruptedException {
        return run(List.of(), options, main, args);
    }

    /** The same, where another program starts the JVM: its command line comes first. */
    public static String run(List<String> starter, List<String> options, Class<?> main, String... args)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(starter);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(args));
        Path said = Files.createTempFile("said", "");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(said.toFile()).start();
        try {
            assertTrue(process.waitFor(PATIENCE_S, TimeUnit.SECONDS), () -> "still running: " + read(said));
            assertEquals(0, process.exitValue(), () -> read(said));
            return read(said);
        } finally {
            process.destroyForcibly().waitFor();
            Files.delete(said);
        }
    }

    private static String read(Path said) {
        try {
            return Files.readString(said);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
