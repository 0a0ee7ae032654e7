package dev.sluice.program.cli;

import dev.sluice.program.client.Terminals;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A progress bar with the time left, if standard error is a terminal; nothing elsewhere. */
final class Progress implements AutoCloseable {

    private static final int WIDTH = 80;
    private static final int INTERVAL_MS = 250;

    private final ProgressBar bar;
    private final ScheduledExecutorService clock;

    private Progress(ProgressBar bar, ScheduledExecutorService clock) {
        this.bar = bar;
        this.clock = clock;
    }

    /** The progress of a run of a fixed length. */
    static Progress of(String task, Duration length) {
        if (!Terminals.hasErrorTerminal()) {
            return new Progress(null, null);
        }
        ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(work -> {
            Thread thread = new Thread(work, "sluice-progress");
            thread.setDaemon(true);
            return thread;
        });
        ProgressBar bar = bar(task, length.toMillis());
        clock.scheduleAtFixedRate(() -> bar.stepBy(INTERVAL_MS), INTERVAL_MS, INTERVAL_MS, TimeUnit.MILLISECONDS);
        return new Progress(bar, clock);
    }

    /** A bar of milliseconds on standard error. */
    static ProgressBar bar(String task, long lengthMs) {
        return new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(lengthMs)
                .setStyle(ProgressBarStyle.ASCII)
                .setUpdateIntervalMillis(INTERVAL_MS)
                .setConsumer(new ConsoleProgressBarConsumer(System.err, WIDTH))
                .setUnit(" s", 1000)
                .build();
    }

    @Override
    public void close() {
        if (bar != null) {
            clock.shutdown();
            bar.close();
        }
    }
}
