package dev.sluice.internal;

import dev.sluice.Timer;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The loop that shared machinery runs on, as far as it needs to know it.
 *
 * @param schedule has a task run on it after a delay; the loop's thread
 * @param every    has a task run on it again and again, each time after a delay, whatever it throws; the loop's thread
 * @param execute  has a task run on it soon; any thread
 * @param clock    tells its time in nanoseconds
 */
public record Loop(Schedule schedule, Schedule every, Consumer<Runnable> execute, LongSupplier clock) {

    /** Timers of a loop. */
    @FunctionalInterface
    public interface Schedule {
        /**
         * Has a task run after a delay.
         *
         * @param delay how long
         * @param task  what to run
         * @return the timer itself: with one that is set, nothing else is wanted that may find no memory
         */
        Timer after(Duration delay, Runnable task);
    }

    long nowNs() {
        return clock.getAsLong();
    }
}
