package dev.sluice.program.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Figure;
import dev.sluice.harness.Figures;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The time that {@code serve} takes from process start to its ready line, beside a main that does nothing else. */
@Figure
class StartUpIT {

    private static final int RUNS = 9;
    private static final double MOST_MS = 700;
    /** Of processor time, which a busy machine hardly changes; the time on the clock goes up with whatever else runs on the second core. */
    private static final double MOST_TIMES_BARE = Runtime.version().feature() == 17 ? 20 : 26;
    /** A noisy machine may spoil one measurement; it does not spoil four. */
    private static final int ATTEMPTS = 4;

    @Test
    void serveIsReadyQuickly(@TempDir Path directory) throws Exception {
        Path source = Files.writeString(directory.resolve("Bare.java"), "public class Bare { public static void main(String[] a) throws Exception { System.out.println(\"ready\"); System.in.read(); } }");
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        Process javac = new ProcessBuilder(java.resolveSibling("javac").toString(), "-d", directory.toString(), source.toString()).inheritIO().start();
        assertTrue(javac.waitFor() == 0, "javac");
        List<String> bareMain = List.of(java.toString(), "-cp", directory.toString(), "Bare");
        List<String> serve = List.of(Launched.PROGRAM.toString(), "serve", "-p", "0");

        String figures = "";
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            Start[] bare = new Start[RUNS];
            Start[] ours = new Start[RUNS];
            for (int run = 0; run < RUNS; run++) {
                bare[run] = start(bareMain); // in turns, so that both see the same machine
                ours[run] = start(serve);
            }
            double oursQuickest = quickest(ours);
            double bareQuickest = quickest(bare);
            double times = cpuMillis(ours) / cpuMillis(bare);
            figures = String.format(
                    "serve %.0f ms, a bare main %.0f ms, the quickest of %d; %.0f and %.0f ms of processor time, %.1f times",
                    oursQuickest, bareQuickest, RUNS, cpuMillis(ours), cpuMillis(bare), times);
            Figures.tell("start-up: %s", figures);
            // four suites at a time make a bare main four times as slow, and ours with it
            if (oursQuickest <= Math.max(MOST_MS, MOST_TIMES_BARE * bareQuickest) && times <= MOST_TIMES_BARE) {
                return;
            }
        }
        throw new AssertionError("too slow: " + figures);
    }

    /** From the start of a process until it is ready; its processor time is told in whole steps of 10 ms, which makes the bare one too short. */
    private record Start(double millis, double cpuMillis) {}

    private static double quickest(Start[] starts) {
        return Arrays.stream(starts).mapToDouble(Start::millis).min().orElseThrow();
    }

    private static double cpuMillis(Start[] starts) {
        return Arrays.stream(starts).mapToDouble(Start::cpuMillis).average().orElseThrow();
    }

    private static Start start(List<String> command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        long start = System.nanoTime();
        Process process = builder.start();
        try (BufferedReader reader = process.inputReader()) {
            String line = reader.readLine();
            while (line != null && !line.startsWith("ready")) {
                line = reader.readLine();
            }
            assertTrue(line != null, "never ready");
            double millis = (System.nanoTime() - start) / 1e6;
            return new Start(millis, process.info().totalCpuDuration().orElseThrow().toNanos() / 1e6);
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
