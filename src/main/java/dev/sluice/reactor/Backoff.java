package dev.sluice.reactor;

import java.time.Duration;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * How long to wait before one tries again: a delay that doubles with each failure, up to a limit, and of which a random half is left
 * out, so that a thousand clients of a server that comes back do not all come at once ("Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015; there "equal jitter").
 *
 * @param first   the delay after the first failure
 * @param longest the delay that is not doubled any more
 */
public record Backoff(Duration first, Duration longest) {

    /** Doublings after which any first delay has reached any limit. */
    private static final int MOST_DOUBLINGS = 62;

    /**
     * Checks both.
     *
     * @param first   more than zero
     * @param longest at least {@code first}, at most 365 days
     * @throws IllegalArgumentException naming what was given
     */
    public Backoff {
        Objects.requireNonNull(longest, "longest");
        if (first.isZero() || first.isNegative() || longest.compareTo(first) < 0 || longest.toDays() > 365) {
            throw new IllegalArgumentException("a back-off from " + first + " to " + longest);
        }
    }

    /**
     * The delay before the next try.
     *
     * @param failures how many tries have failed in a row, at least 1
     * @param random   where chance comes from
     * @return from half of the doubled delay to the whole
     */
    public Duration delay(int failures, RandomGenerator random) {
        long limit = longest.toNanos();
        long whole = first.toNanos();
        for (int i = 1; i < Math.min(failures, MOST_DOUBLINGS) && whole < limit; i++) {
            whole = Math.min(2 * whole, limit);
        }
        return Duration.ofNanos(whole - random.nextLong(whole / 2 + 1));
    }
}
