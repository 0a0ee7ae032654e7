package dev.sluice.threads;

import dev.sluice.internal.ChunkPool;
import dev.sluice.threads.stepping.Finding;
import dev.sluice.threads.stepping.Schedule;
import dev.sluice.threads.stepping.Stepper;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Runs plays one after another, on the same threads and memory until there is a finding. Belongs to one thread. */
final class Stepping {

    /** Schedules that are tried to make one that shows something simpler. */
    private static final int TRIES = 200;

    /** The last steps of a finding that are shown. */
    private static final int LINES = 150;

    private Stepper stepper = new Stepper();
    private List<ChunkPool> pools = new ArrayList<>();
    private long steps;
    private long switches;

    /** Runs one; returns what it has shown, or null. Each step is told, too, unless that is null. */
    Finding run(Function<Stage, Stepper.Play> making, Schedule schedule, StringBuilder told) {
        try {
            stepper.run(making.apply(new Stage(stepper, pools)), schedule.again(), told);
            steps += stepper.steps();
            switches += stepper.switches();
            return null;
        } catch (Finding finding) {
            stepper = new Stepper(); // the threads and the memory of the other are lost
            pools = new ArrayList<>();
            return finding;
        }
    }

    /** The sum of the steps of the last one. */
    long trace() {
        return stepper.trace();
    }

    /** Steps of all that have shown nothing. */
    long steps() {
        return steps;
    }

    /** How often their threads handed over. */
    long switches() {
        return switches;
    }

    /** Looks for a simpler schedule that shows the same, and tells its steps. */
    String explain(Function<Stage, Stepper.Play> making, Schedule schedule, Finding shown) {
        Schedule simplest = schedule;
        Finding finding = shown;
        int tries = 0;
        for (boolean isSimpler = true; isSimpler && tries < TRIES; ) {
            isSimpler = false;
            for (Schedule simpler : simplest.simpler(finding.steps())) {
                Finding same = run(making, simpler, null);
                tries++;
                if (same != null && same.kind().equals(finding.kind())) {
                    simplest = simpler;
                    finding = same;
                    isSimpler = true;
                    break;
                }
            }
        }
        StringBuilder told = new StringBuilder();
        run(making, simplest, told);
        List<String> lines = told.toString().lines().toList();
        return simplest + "\n" + String.join("\n", lines.subList(Math.max(0, lines.size() - LINES), lines.size()));
    }
}
