package dev.sluice.program.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A process of the benchmark that cannot be started. */
@Timeout(60)
class ForkedTest {

    @TempDir
    private Path directory;

    /** In a process whose temporary files are its own. */
    static final class Cannot {
        public static void main(String[] args) {
            try {
                Forked.start("/nonexistent/java", List.of(), ServerProcess.class, "reactor").close();
                System.exit(1);
            } catch (IOException e) {
                System.exit(0);
            }
        }
    }

    @Test
    void processThatCannotBeStartedLeavesNoFile() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Djava.io.tmpdir=" + directory,
                        "-cp", System.getProperty("java.class.path"), Cannot.class.getName())
                .inheritIO()
                .start();
        assertTrue(process.waitFor(50, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue());
        assertArrayEquals(new String[0], directory.toFile().list());
    }
}
