package dev.sluice.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Counters that one thread writes and any thread reads: opaque stores, so that counting costs an addition and a reader
 * sees whole and ever newer values, though not all of one moment.
 */
public final class Counters {

    private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);

    private final long[] cells;

    /**
     * Makes counters at zero.
     *
     * @param count how many
     */
    public Counters(int count) {
        cells = new long[count];
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
        CELL.setOpaque(cells, index, cells[index] + amount);
    }

    /**
     * Any thread.
     *
     * @param counter which
     * @return its value
     */
    public long get(Enum<?> counter) {
        return (long) CELL.getOpaque(cells, counter.ordinal());
    }
}
