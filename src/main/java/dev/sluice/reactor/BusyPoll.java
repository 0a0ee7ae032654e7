package dev.sluice.reactor;

import java.io.IOException;
import java.util.function.LongSupplier;

/**
 * Polls for a while before a loop blocks. Work that comes meanwhile does not wait for a thread to wake up. The price is a core that is
 * busy while the loop would sleep.
 */
final class BusyPoll {

    /** Looks once for work, and does not wait. */
    interface Question {
        /** Whether there is something to do. */
        boolean ask() throws IOException;
    }

    private final Question question;
    private long longestNs;

    BusyPoll(Question question) {
        this.question = question;
    }

    /** How long to poll at most; zero blocks at once. */
    void longestNs(long nanos) {
        longestNs = nanos;
    }

    /** Polls until there is something to do, or the time is over; returns the rest of the wait, zero if there is something to do. */
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
