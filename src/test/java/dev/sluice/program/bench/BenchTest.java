package dev.sluice.program.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A comparison that is ended early. */
class BenchTest {

    @TempDir
    private Path directory;

    /** A server's Java that runs as the real one until there is the file; then it says nothing, as a JVM that is still starting. */
    private JavaHome javaThatHangsOnceThereIs(Path file) throws IOException {
        JavaHome real = JavaHome.here();
        String script = "#!/bin/sh\nif [ -e '" + file + "' ]; then exec cat; fi\nexec '" + real.java() + "' \"$@\"\n";
        Path java = Files.writeString(directory.resolve("java"), script);
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwx------"));
        return new JavaHome(java.toString(), real.version(), real.feature());
    }

    @ParameterizedTest
    @ValueSource(strings = {"checking", "round", "idle"})
    @Timeout(25) // less than a server has to start
    void stopEndsAProcessThatIsStillStarting(String step) throws Exception {
        Path hang = directory.resolve("hang");
        boolean idle = step.equals("idle");
        BenchPlan plan = new BenchPlan(
                List.of("threads"), idle ? List.of() : List.of(1), List.of(64), List.of(1), 1, 1, 1, 0, idle ? List.of(0, 1) : List.of(), 0, false, 1);
        Bench[] bench = new Bench[1];
        bench[0] = new Bench(plan, javaThatHangsOnceThereIs(hang), new Bench.Observer() {
            @Override
            public void begins(String what) {
                if (what.contains(step)) {
                    try {
                        Files.createFile(hang);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                    bench[0].stop(); // no process is there yet
                }
            }

            @Override
            public void done(long tookMs) {}
        });
        BenchResult result = bench[0].run("today", "sluice bench");
        assertTrue(result.interrupted());
        assertEquals(Map.of(), result.leftOut(), "it was not the engine's fault");
        assertEquals(List.of(), result.rounds());
        assertEquals(List.of(), result.idle());
    }
}
