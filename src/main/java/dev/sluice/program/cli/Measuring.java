package dev.sluice.program.cli;

import dev.sluice.program.bench.Bench;
import dev.sluice.program.bench.BenchPlan;
import dev.sluice.program.client.Terminals;
import me.tongfei.progressbar.ProgressBar;

/** The progress of a comparison: a bar with the time left if standard error is a terminal, a line for each measurement elsewhere. */
final class Measuring implements Bench.Observer, AutoCloseable {

    private final ProgressBar bar;
    private final long estimateMs;
    private long doneMs;

    private Measuring(ProgressBar bar, long estimateMs) {
        this.bar = bar;
        this.estimateMs = estimateMs;
    }

    static Measuring of(BenchPlan plan) {
        ProgressBar bar = Terminals.hasErrorTerminal() ? Progress.bar("bench", plan.estimateMs()) : null;
        return new Measuring(bar, plan.estimateMs());
    }

    @Override
    public void begins(String what) {
        if (bar == null) {
            Stderr.line(what + ", about " + time(Math.max(0, estimateMs - doneMs)) + " left");
        } else {
            bar.setExtraMessage(what.split(",")[0]); // the engine alone: a line has eighty columns
        }
    }

    @Override
    public void done(long tookMs) {
        doneMs += tookMs;
        if (bar != null) {
            bar.stepTo(Math.min(doneMs, estimateMs));
        }
    }

    static String time(long ms) {
        long seconds = (ms + 999) / 1000;
        return seconds < 100 ? seconds + " s" : seconds / 60 + " min " + seconds % 60 + " s";
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
