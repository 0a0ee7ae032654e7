package dev.sluice.simulation;

/**
 * The conditions of a simulated network: delays, pieces and faults. Within a range, and for a probability, the seed decides.
 *
 * @param segment       bytes arrive in segments of 1 to so many
 * @param shortestNs    nanoseconds that a segment travels, at least
 * @param longestNs     and at most; segments of one direction keep their order
 * @param buffer        bytes that a direction holds before the sender's write falls short, in flight or not yet read
 * @param reset         probability that a segment is lost together with its connection: both ends see a reset
 * @param acceptFailure probability that an accept fails, as for want of descriptors
 */
public record Conditions(int segment, long shortestNs, long longestNs, int buffer, double reset, double acceptFailure) {

    /** A good local network: whole segments of 64 KiB, 50 microseconds, no faults. */
    public static final Conditions GOOD = new Conditions(64 << 10, 50_000, 50_000, 256 << 10, 0, 0);

    /** A bad one: pieces of any size, up to 300 milliseconds, small buffers, resets and failing accepts now and then. */
    public static final Conditions BAD = new Conditions(2_000, 100_000, 300_000_000, 8 << 10, 0.0005, 0.02);

    /**
     * Checks every value.
     *
     * @param segment       1 or more
     * @param shortestNs    0 or more
     * @param longestNs     at least {@code shortestNs}
     * @param buffer        1 or more
     * @param reset         from 0 to 1
     * @param acceptFailure from 0 to 1
     * @throws IllegalArgumentException naming the value
     */
    public Conditions {
        check(segment > 0, "segment", segment);
        check(shortestNs >= 0, "shortestNs", shortestNs);
        check(longestNs >= shortestNs, "longestNs", longestNs);
        check(buffer > 0, "buffer", buffer);
        check(reset >= 0 && reset <= 1, "reset", reset);
        check(acceptFailure >= 0 && acceptFailure <= 1, "acceptFailure", acceptFailure);
    }

    private static void check(boolean holds, String name, Object value) {
        if (!holds) {
            throw new IllegalArgumentException(name + " is out of its range: " + value);
        }
    }
}
