package dev.sluice.cli;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How long {@code serve} takes from process start to its ready line, beside a main that does nothing else. */
class StartUpIT {

    private static final int RUNS = 9;
    private static final double MOST_MS = 700;
    private static final double MOST_TIMES_BARE = 7;
    /** A noisy machine may spoil one measurement; it does not spoil four. */
    private static final int ATTEMPTS = 4;

    @Test
    void serveIsReadyQuickly(@TempDir Path directory) throws Exception {
        Path source = Files.writeString(directory.resolve("Bare.java"), "public class Bare { public static void main(String[] a) { System.out.println(\"ready\"); } }");
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        Process javac = new ProcessBuilder(java.resolveSibling("javac").toString(), "-d", directory.toString(), source.toString()).inheritIO().start();
        assertTrue(javac.waitFor() == 0, "javac");
        List<String> bareMain = List.of(java.toString(), "-cp", directory.toString(), "Bare");
        List<String> serve = List.of(Launched.PROGRAM.toString(), "serve", "-p", "0");

        String figures = "";
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            double[] bare = new double[RUNS];
            double[] ours = new double[RUNS];
            for (int run = 0; run < RUNS; run++) {
                bare[run] = millisToReady(bareMain); // in turns, so that both see the same machine
                ours[run] = millisToReady(serve);
            }
            Arrays.sort(bare);
            Arrays.sort(ours);
            System.out.println("start-up, medians of " + RUNS + ": " + told(ours[RUNS / 2], bare[RUNS / 2]));
            // the bound holds for the best of each: ours loads classes on two cores, and other work takes one of them away
            double times = ours[0] / bare[0];
            figures = told(ours[0], bare[0]);
            boolean bounded = Runtime.version().feature() == 17; // the budget is for 17; on 25 the ratio is only told
            if (ours[0] <= MOST_MS && (!bounded || times <= MOST_TIMES_BARE)) {
                return;
            }
        }
        throw new AssertionError("too slow: " + figures);
    }

    private static String told(double ours, double bare) {
        return String.format("serve %.0f ms, a bare main %.0f ms, %.1f times", ours, bare, ours / bare);
    }

    private static double millisToReady(List<String> command) throws IOException, InterruptedException {
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
            return (System.nanoTime() - start) / 1e6;
        } finally {
            process.destroyForcibly().waitFor();
        }
    }
}
