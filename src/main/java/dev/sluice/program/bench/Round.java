package dev.sluice.program.bench;

/**
 * One measurement of one engine.
 *
 * @param cell      the load
 * @param engine    as it is written
 * @param control   whether it is the first engine once more
 * @param round     from 0
 * @param place     in the order of its round, from 0
 * @param attempt   from 0; more where it was disturbed
 * @param disturbed whether other processes' user time was more than {@link Bench#OTHERS} of the machine, in the last attempt too
 * @param others    the share of the machine that they took, or -1
 * @param result    the measurements, or null
 * @param peakRssKb the server's largest resident set, in KiB, or -1
 * @param failure   the reason why there is no result, or null
 */
public record Round(
        Cell cell,
        String engine,
        boolean control,
        int round,
        int place,
        int attempt,
        boolean disturbed,
        double others,
        LoadResult result,
        long peakRssKb,
        String failure) {

    /**
     * Whether its figures may be compared: every answer came, and was right.
     *
     * @return false with errors of any kind
     */
    public boolean isGood() {
        return result != null && result.answered() > 0 && result.errorCount() == 0;
    }

    /**
     * Whether its latencies are the server's: those of a saturated open loop are the queue's.
     *
     * @return false also where its figures may not be compared
     */
    public boolean tellsLatency() {
        return isGood() && !result.isSaturated();
    }

    /**
     * Processor time of the server.
     *
     * @return nanoseconds for a request, or NaN
     */
    public double serverCpuNs() {
        return isGood() ? result.serverCpuNs() : Double.NaN;
    }

    /**
     * Processor time of the server and of the generator: on one machine the sender does some of the receiver's work.
     *
     * @return nanoseconds for a request, or NaN
     */
    public double bothCpuNs() {
        Usage usage = isGood() ? result.usage() : Usage.NONE;
        return usage.serverNs() < 0 || usage.clientNs() < 0 ? Double.NaN : (double) (usage.serverNs() + usage.clientNs()) / result.answered();
    }

    /**
     * Requests that were carried.
     *
     * @return a second, or NaN
     */
    public double rate() {
        return isGood() ? result.rate() : Double.NaN;
    }
}
