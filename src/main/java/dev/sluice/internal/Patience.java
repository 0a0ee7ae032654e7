package dev.sluice.internal;

import java.util.concurrent.locks.LockSupport;

/**
 * The pause of a thread that finds no memory for work that must be done: others give memory back meanwhile. The pause itself needs none.
 * Any thread that may wait.
 */
public final class Patience {

    /** Long enough for a collection to get on, and short beside any deadline: 5 ms. */
    private static final long PAUSE_NS = 5_000_000;

    private Patience() {}

    /** Waits a little. */
    public static void pause() {
        Thread.interrupted(); // with the flag set it would not wait
        LockSupport.parkNanos(PAUSE_NS);
    }

    /**
     * Does some work, again and again until there is memory for it.
     *
     * @param work may be done again after it has failed for want of memory
     */
    public static void untilDone(Runnable work) {
        for (boolean done = false; !done; ) {
            try {
                work.run();
                done = true;
            } catch (OutOfMemoryError e) {
                pause();
            }
        }
    }
}
