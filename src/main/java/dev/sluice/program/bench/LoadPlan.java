package dev.sluice.program.bench;

/**
 * What a load consists of.
 *
 * @param host        the server's
 * @param port        the server's
 * @param connections how many at once
 * @param size        bytes of a request, and of its answer
 * @param pipeline    requests in flight on a connection, at most
 * @param warmUpMs    milliseconds of the same load before anything is measured
 * @param durationMs  milliseconds that are measured
 * @param rate        requests a second over all connections, sent at planned times (open loop); 0: each connection sends the next
 *                    request when an answer has come (closed loop)
 * @param expect      what the answers are
 * @param serverPid   process whose processor time is measured, or 0
 */
public record LoadPlan(
        String host,
        int port,
        int connections,
        int size,
        int pipeline,
        long warmUpMs,
        long durationMs,
        double rate,
        Expect expect,
        long serverPid) {

    /** Bytes in flight on one connection, at most: 64 MiB. */
    public static final long MOST_IN_FLIGHT = 64 << 20;

    private static final long LONGEST_MS = 86_400_000;

    /**
     * Checks every value.
     *
     * @throws IllegalArgumentException saying which is out of its range
     */
    public LoadPlan {
        within("connections", connections, 1, 60_000);
        within("size", size, 1, MOST_IN_FLIGHT);
        within("pipeline", pipeline, 1, 1_000_000);
        within("size times pipeline", (long) size * pipeline, 1, MOST_IN_FLIGHT);
        within("warmUpMs", warmUpMs, 0, LONGEST_MS);
        within("durationMs", durationMs, 1, LONGEST_MS);
        if (rate < 0 || rate > 1e9) {
            throw new IllegalArgumentException("rate must be between 0 and 1000000000, was " + rate);
        }
    }

    private static void within(String what, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(what + " must be between " + least + " and " + most + ", was " + value);
        }
    }

    /**
     * Whether requests have planned times.
     *
     * @return true with a rate
     */
    public boolean isOpenLoop() {
        return rate > 0;
    }
}
