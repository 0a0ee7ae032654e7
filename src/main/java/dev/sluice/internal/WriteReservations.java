package dev.sluice.internal;

import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * The side of an outbound queue that other threads see: bytes on their way, which count against its limit from the
 * moment they are announced. A class to extend and not an object to hold, to save each idle connection a header. Every
 * method may be called by any thread.
 */
public abstract class WriteReservations {

    /** Added when the queue closes, so that the count is negative from then on. */
    private static final int CLOSED = Integer.MIN_VALUE;

    private static final AtomicIntegerFieldUpdater<WriteReservations> ANNOUNCED =
            AtomicIntegerFieldUpdater.newUpdater(WriteReservations.class, "announced");

    private volatile int announced;

    /** Makes an open one. */
    protected WriteReservations() {}

    /**
     * What is in the queue already.
     *
     * @return bytes that wait
     */
    public abstract int length();

    /**
     * Announces bytes that will arrive later, unless they would be too many.
     *
     * @param bytes how many
     * @param most  bytes that may be pending, these included
     * @return bytes pending with these; above {@code most} or negative where they were not announced, the latter because
     *     the queue has closed
     */
    public long announce(int bytes, int most) {
        while (true) {
            int before = announced;
            if (before < 0) {
                return before;
            }
            long pending = (long) before + bytes + length();
            if (pending > most || ANNOUNCED.compareAndSet(this, before, before + bytes)) {
                return pending;
            }
        }
    }

    /**
     * Announced bytes are here, or will not come.
     *
     * @param bytes how many
     * @return false if the queue closed before, and so has accounted for them
     */
    public boolean arrived(int bytes) {
        return ANNOUNCED.getAndAdd(this, -bytes) >= 0;
    }

    /**
     * What is on its way.
     *
     * @return bytes that were announced and are not here
     */
    public int announced() {
        return Math.max(0, announced);
    }

    /**
     * Accepts no more announcements.
     *
     * @return bytes announced that will never leave
     */
    public int close() {
        return ANNOUNCED.getAndAdd(this, CLOSED);
    }
}
