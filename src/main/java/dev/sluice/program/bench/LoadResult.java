package dev.sluice.program.bench;

import java.util.Map;

/**
 * The measurements of a load.
 *
 * @param plan        the plan that was carried out
 * @param connections those that were open
 * @param answered    answers within the measured time, each right in every byte
 * @param seconds     the measured time
 * @param errors      by kind; kinds without one are left out
 * @param firstCause  the system's message for the first connection that failed, or null
 * @param latency     of the requests planned within the measured time, from the planned time to the answer
 * @param uncorrected the same from the time of sending, which hides how long a request waited to be sent; null for a closed loop, where
 *                    both times are one
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

    /** An open loop that achieves less than this share of its rate measures its own queue, not the server. */
    private static final double ACHIEVED = 0.99;

    /**
     * The rate that was achieved.
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
     * Whether an open loop asked for more than the server, or the generator, could carry.
     *
     * @return true below 99 % of the rate that was asked for
     */
    public boolean isSaturated() {
        return plan.isOpenLoop() && rate() < ACHIEVED * plan.rate();
    }

    /**
     * Whether the measured time brought nothing, neither an answer nor an error.
     *
     * @return false if no time was measured, as a signal came before
     */
    public boolean isUnanswered() {
        return seconds > 0 && answered == 0 && latency.count() == 0 && errors.isEmpty();
    }

    /**
     * The number of failures.
     *
     * @return errors of all kinds
     */
    public long errorCount() {
        return errors.values().stream().mapToLong(Long::longValue).sum();
    }
}
