package dev.sluice.internal;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counters that one thread writes and any thread reads: opaque stores, so that counting costs an addition and a reader
 * sees whole and ever newer values, though not all of one moment.
 */
public final class Counters {

    private final AtomicLongArray cells;

    /**
     * Makes counters at zero.
     *
     * @param kinds the enum whose constants are counted
     */
    public Counters(Class<? extends Enum<?>> kinds) {
        cells = new AtomicLongArray(kinds.getEnumConstants().length);
    }

    /**
     * The owner. Adds one.
     *
     * @param counter which
     */
    public void increment(Enum<?> counter) {
        add(counter, 1);
    }

    /**
     * The owner.
     *
     * @param counter which
     * @param amount  to add
     */
    public void add(Enum<?> counter, long amount) {
        int index = counter.ordinal();
        cells.setOpaque(index, cells.getPlain(index) + amount);
    }

    /**
     * Any thread.
     *
     * @param counter which
     * @return its value
     */
    public long get(Enum<?> counter) {
        return cells.getOpaque(counter.ordinal());
    }
}
