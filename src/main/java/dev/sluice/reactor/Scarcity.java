package dev.sluice.reactor;

import dev.sluice.internal.Patience;
import java.util.concurrent.locks.LockSupport;

/**
 * Remembers that a step of a loop found no memory, and lets the loop wait a moment before it tries again: other threads may give some
 * back meanwhile. Needs no memory itself. Belongs to the loop's thread.
 */
final class Scarcity {

    private static final long PAUSE_NS = 10_000_000;

    private boolean found;

    Scarcity() {
        look(new OutOfMemoryError()); // the class is there before it is needed
        found = false;
    }

    /** Something was thrown. */
    void look(Throwable thrown) {
        found |= Patience.helps(thrown);
    }

    /** A step is to be tried again. */
    void found() {
        found = true;
    }

    boolean isFound() {
        return found;
    }

    /** Waits 10 ms, or less, if a step found no memory since the last call. */
    void pause(long mostNs) {
        if (found) {
            found = false;
            Thread.interrupted(); // an interrupted thread would not wait
            LockSupport.parkNanos(Math.min(mostNs, PAUSE_NS));
        }
    }
}
