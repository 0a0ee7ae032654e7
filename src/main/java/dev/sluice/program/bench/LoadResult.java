package dev.sluice.program.bench;

import java.util.Map;

/**
 * What a load has measured.
 *
 * @param plan        what was asked for
 * @param connections those that were open
 * @param answered    answers within the measured time, each right in every byte
 * @param seconds     the measured time
 * @param errors      by kind; kinds without one are left out
 * @param firstCause  what the system said of the first connection that failed, or null
 * @param latency     of the requests planned within the measured time, from the planned time to the answer
 * @param uncorrected the same from the time of sending, which hides how long a request had waited for that; null of a closed loop, where
 *                    both are one
 * @param usage       processor time within the measured time
 * @param threads     of the server at its end, or -1
 */
public record LoadResult(
        LoadPlan plan,
        int connections,
        long answered,
        double seconds,
        Map<LoadError, Long> errors,
        String firstCause,
        Latency latency,
        Latency uncorrected,
        Usage usage,
        int threads) {

    /** An open loop of which less than this part was achieved tells how long the queue was, not how quick the server is. */
    private static final double ACHIEVED = 0.99;

    /**
     * The rate that was carried.
     *
     * @return answers a second
     */
    public double rate() {
        return seconds > 0 ? answered / seconds : 0;
    }

    /**
     * The server's processor time.
     *
     * @return nanoseconds for an answer, or NaN where it is not known
     */
    public double serverCpuNs() {
        return answered == 0 || usage.serverNs() < 0 ? Double.NaN : (double) usage.serverNs() / answered;
    }

    /**
     * Whether an open loop was more than the server, or the generator, could carry.
     *
     * @return true below 99 % of the rate that was asked for
     */
    public boolean isSaturated() {
        return plan.isOpenLoop() && rate() < ACHIEVED * plan.rate();
    }

    /**
     * Whether anything went wrong.
     *
     * @return errors of all kinds
     */
    public long errorCount() {
        return errors.values().stream().mapToLong(Long::longValue).sum();
    }
}
