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

    /**
     * Whether a failure is want of memory that may pass. Where a class could not be initialised for it, it never does.
     *
     * @param failure an {@link OutOfMemoryError}, or what the JDK makes of one while it links a lambda: an {@link InternalError}
     * @return true if it is worth while to try again
     */
    public static boolean helps(Throwable failure) {
        return failure instanceof OutOfMemoryError || failure instanceof InternalError && failure.getCause() instanceof OutOfMemoryError;
    }

    /** Waits a little. Throws nothing. */
    public static void pause() {
        pause(PAUSE_NS);
    }

    /** Waits hardly at all, so that what a pause takes is there. */
    public static void rehearse() {
        pause(1);
    }

    private static void pause(long pauseNs) {
        long beganNs = System.nanoTime();
        Thread.interrupted(); // with the flag set it would not wait
        try {
            LockSupport.parkNanos(pauseNs);
        } catch (VirtualMachineError e) { // a virtual thread needs memory to wait
            while (System.nanoTime() - beganNs < pauseNs) {
                Thread.onSpinWait();
            }
        }
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
            } catch (Throwable t) {
                if (!helps(t)) {
                    throw t;
                }
                pause();
            }
        }
    }
}
