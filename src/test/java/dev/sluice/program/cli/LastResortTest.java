package dev.sluice.program.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** A process whose heap is full to the last object ends all the same. Each test has a JVM of its own. */
class LastResortTest {

    /** What such a JVM runs. */
    static final class Child {
        private static Object full;
        private static int lacks = 2;

        private Child() {}

        public static void main(String[] args) throws ClassNotFoundException {
            LastResort.rehearse();
            Class.forName(Main.class.getName()); // the program begins there
            CompletableFuture<Void> never = new CompletableFuture<>();
            Duration within = Duration.ofMillis(100);
            switch (args[0]) {
                case "no memory" -> {
                    fill();
                    LastResort.outOfMemory();
                }
                case "no end" -> {
                    fill();
                    LastResort.unlessEnded(never, within);
                }
                default -> {
                    StopSignals.onFirst(Child::stop, Main::halt);
                    System.out.println("ready");
                    while (true) {
                        LockSupport.park();
                    }
                }
            }
        }

        private static void stop() {
            if (lacks-- > 0) {
                throw new OutOfMemoryError("by the test");
            }
            System.out.println("stopped");
            Main.halt(0);
        }

        private static void fill() {
            for (int size = 1 << 20; size >= 0; ) {
                try {
                    full = new Object[] {full, new byte[size]};
                } catch (OutOfMemoryError e) {
                    size = size == 0 ? -1 : size / 2;
                }
            }
        }
    }

    private static Process start(String what) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx16m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                        "-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Child.class.getName(), what)
                .redirectErrorStream(true)
                .start();
    }

    private static void endsWith(String line, String what) throws Exception {
        Process child = start(what);
        child.onExit().orTimeout(60, TimeUnit.SECONDS).whenComplete((ended, late) -> child.destroyForcibly());
        try {
            String said = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertEquals(line, said.strip());
            assertTrue(child.waitFor(20, TimeUnit.SECONDS));
            assertEquals(1, child.exitValue());
        } finally {
            child.destroyForcibly();
        }
    }

    @Test
    void processWithoutMemoryEndsWithOneLine() throws Exception {
        endsWith("sluice: out of memory", "no memory");
    }

    @Test
    void serverThatDoesNotEndInTimeIsEnded() throws Exception {
        endsWith("sluice: the server did not end in time", "no end");
    }

    @Test
    void signalThatFindsNoMemoryIsNotForgotten() throws Exception {
        Process child = start("signal");
        try (BufferedReader said = new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            assertEquals("ready", said.readLine());
            child.toHandle().destroy(); // SIGTERM, and the stream stays open
            assertEquals(List.of("stopped"), said.lines().toList());
            assertEquals(0, child.waitFor());
        } finally {
            child.destroyForcibly();
        }
    }
}
