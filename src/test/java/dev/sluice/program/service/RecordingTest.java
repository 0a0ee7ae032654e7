package dev.sluice.program.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RecordingTest {

    @TempDir
    private Path directory;

    /** A process of its own that can make no thread for a while; says what is wrong then, or nothing. */
    static final class Starved {

        public static void main(String[] args) throws Exception {
            Path file = Path.of(args[0]);
            CountDownLatch gate = new CountDownLatch(1);
            List<Thread> idle = new ArrayList<>();
            try {
                while (true) {
                    Thread next = new Thread(() -> {
                        try {
                            gate.await();
                        } catch (InterruptedException e) {
                            System.out.println(e);
                        }
                    });
                    next.start();
                    idle.add(next);
                }
            } catch (OutOfMemoryError e) {
                try {
                    new Recording(file, 100).close();
                    System.out.println("there was a thread");
                } catch (OutOfMemoryError none) {
                    gate.countDown();
                }
            }
            for (Thread each : idle) {
                each.join();
            }
            new Recording(file, 100).close(); // not in use
            System.exit(0);
        }
    }

    /** A thread's stack is so large that few fit into what the process may have. */
    @Test
    void fileIsFreeAgainIfThereIsNoThreadToWriteIt() throws Exception {
        Path said = directory.resolve("said");
        Process process = new ProcessBuilder(
                        "bash", "-c", "ulimit -v 32000000; exec \"$@\"", "bash",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx64m", "-Xss1g", "-Xlog:disable",
                        "-cp", System.getProperty("java.class.path"), Starved.class.getName(), directory.resolve("lines").toString())
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        try {
            assertTrue(process.waitFor(50, TimeUnit.SECONDS), "still running: " + Files.readString(said));
            assertEquals("", Files.readString(said));
            assertEquals(0, process.exitValue());
        } finally {
            process.destroyForcibly();
        }
    }
}
