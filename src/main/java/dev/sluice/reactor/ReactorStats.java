package dev.sluice.reactor;

import dev.sluice.internal.Counters;

/**
 * A loop's counters since its start.
 *
 * @param selects          turns' calls that waited or looked for ready channels, those of a {@linkplain ReactorOptions#spin spin} not counted
 * @param fruitlessSelects those that returned early with nothing to do; a stray wake-up makes one, a spin thousands
 * @param wakeups          times that another thread had to wake the selector
 * @param callbacks        ready channels whose callback was called
 * @param timers           timers that came due
 * @param tasks            tasks run
 * @param stalls           times that the watchdog found the loop kept for longer than {@link ReactorOptions#stallThreshold}
 * @param failures         callbacks, timers, tasks and selects that threw
 * @param busyNs           nanoseconds spent in turns, waiting not included
 */
public record ReactorStats(
        long selects,
        long fruitlessSelects,
        long wakeups,
        long callbacks,
        long timers,
        long tasks,
        long stalls,
        long failures,
        long busyNs) {

    /** The counters that the loop itself writes. */
    enum Count {
        SELECTS,
        FRUITLESS,
        CALLBACKS,
        TIMERS,
        TASKS,
        STALLS,
        FAILURES,
        BUSY_NS
    }

    static ReactorStats of(Counters counters, long wakeups) {
        long fruitless = counters.get(Count.FRUITLESS); // first, lest there be more of them than selects
        return new ReactorStats(
                counters.get(Count.SELECTS),
                fruitless,
                wakeups,
                counters.get(Count.CALLBACKS),
                counters.get(Count.TIMERS),
                counters.get(Count.TASKS),
                counters.get(Count.STALLS),
                counters.get(Count.FAILURES),
                counters.get(Count.BUSY_NS));
    }
}
