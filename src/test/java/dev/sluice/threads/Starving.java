package dev.sluice.threads;

import dev.sluice.threads.stepping.Finding;
import dev.sluice.threads.stepping.Schedule;
import dev.sluice.threads.stepping.Stepper;
import java.io.IOException;

/** Runs schedules in which memory is short for a moment; loaded by {@link StarvingLoader}. Belongs to one thread. */
public final class Starving {

    /** More than any of these plays allocates. */
    private static final int MOST = 100_000;

    private Stepping stepping = new Stepping();
    private int runs;

    /** Makes one. */
    public Starving() {}

    /** An interleaving whose allocations fail at the n-th. */
    private record Starved(Stage stage, Interleaving play, int before, int fails) implements Stepper.Play {

        @Override
        public void begin() throws IOException {
            play.begin();
            Shortage.after(before, fails);
        }

        @Override
        public Stepper.Next quiet(boolean mayWait) {
            return play.quiet(mayWait);
        }

        @Override
        public void check() {
            Shortage.over();
            play.check();
        }

        @Override
        public boolean mayHurry() {
            return play.mayHurry();
        }

        @Override
        public int mostSteps() {
            return 2 * play.mostSteps();
        }

        @Override
        public String toString() {
            return play.toString();
        }
    }

    /** Lets each allocation of a schedule fail, so many in a row; returns what that has shown, or null. */
    public String run(long seed, int from, int fails) {
        for (int n = from; n < MOST; n++) {
            Finding finding = once(seed, n, fails, null);
            runs++;
            if (finding != null) {
                StringBuilder told = new StringBuilder();
                String where = Shortage.where();
                once(seed, n, fails, told);
                String[] lines = told.toString().split("\n");
                StringBuilder last = new StringBuilder();
                for (int i = Math.max(0, lines.length - 120); i < lines.length; i++) {
                    last.append(lines[i]).append('\n');
                }
                return "seed " + seed + ", allocation " + n + " at " + where + ": " + finding.getMessage() + "\n" + trace(finding.getCause()) + last;
            }
            if (Shortage.where() == null) {
                return null;
            }
        }
        throw new AssertionError("it allocates without an end");
    }

    private static String trace(Throwable cause) {
        if (cause == null) {
            return "";
        }
        StringBuilder text = new StringBuilder(cause + "\n");
        for (StackTraceElement each : cause.getStackTrace()) {
            text.append("    at ").append(each).append('\n');
        }
        return text.toString();
    }

    private Finding once(long seed, int before, int fails, StringBuilder told) {
        Finding finding = stepping.run(stage -> new Starved(stage, new Interleaving(stage, seed, true), before, fails), new Schedule(seed), told);
        Shortage.over();
        return finding;
    }

    /** Schedules so far. */
    public int runs() {
        return runs;
    }
}
