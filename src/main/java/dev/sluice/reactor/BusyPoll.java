package dev.sluice.reactor;

import java.io.IOException;
import java.util.function.LongSupplier;

/**
 * Asks again and again before a loop blocks. Whoever comes meanwhile does not wait for a thread to wake up; the price is a core that
 * is kept busy while the loop would sleep.
 */
final class BusyPoll {

    /** Asks once, and does not wait. */
    interface Question {
        /** Whether there is something to do. */
        boolean ask() throws IOException;
    }

    private final Question question;
    private long longestNs;

    BusyPoll(Question question) {
        this.question = question;
    }

    /** Zero does not ask at all. */
    void longestNs(long nanos) {
        longestNs = nanos;
    }

    /** Asks until there is something to do, or the time is over; returns what is left of a wait, none if there is something. */
    long before(long waitNs, LongSupplier nanoClock) throws IOException {
        if (longestNs == 0) {
            return waitNs;
        }
        long fromNs = nanoClock.getAsLong();
        for (long spentNs = 0; spentNs < waitNs; spentNs = nanoClock.getAsLong() - fromNs) {
            if (spentNs >= longestNs) {
                return waitNs == Long.MAX_VALUE ? waitNs : waitNs - spentNs;
            }
            if (question.ask()) {
                return 0;
            }
            Thread.onSpinWait();
        }
        return 0;
    }
}
