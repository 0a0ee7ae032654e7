package dev.sluice.program.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * The main class of a load's own process. It reads a plan, a line of JSON, and answers {@code RESULT} and the measurements. To a plan for
 * an {@link IdleHold} it answers {@code OPEN} and the number of connections, which stay open until standard input ends.
 */
public final class LoadProcess {

    private LoadProcess() {}

    /**
     * Runs one load.
     *
     * @param args {@code load}, or {@code hold}
     * @throws IOException if standard input cannot be read, or there is no descriptor for a selector
     */
    public static void main(String[] args) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        LoadPlan plan = Json.read(in.readLine(), LoadPlan.class);
        if (args[0].equals("load")) {
            out.println("RESULT " + Json.line(Load.run(plan, stop -> {})));
            return;
        }
        try (IdleHold hold = IdleHold.open(plan)) {
            out.println("OPEN " + hold.connections());
            while (in.readLine() != null) {
                continue;
            }
        }
    }
}
