package dev.sluice.internal;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.ObjLongConsumer;

/**
 * Counters that one thread writes and any thread reads. They are stored with release, so that counting costs an addition, and a reader
 * sees whole and ever newer values, though not all of one moment. A reader that reads an effect first, and its cause then, sees no
 * effect without its cause. Counters made by {@link #shared} are written by every thread.
 */
public class Counters {

    private final AtomicLongArray cells;

    /**
     * Makes counters at zero.
     *
     * @param kinds the enum whose constants are counted
     */
    public Counters(Class<? extends Enum<?>> kinds) {
        this(kinds.getEnumConstants().length);
    }

    private Counters(int cells) {
        this.cells = new AtomicLongArray(cells);
    }

    /**
     * Makes counters that any thread may write, at the price of a compare-and-set.
     *
     * @param kinds the enum whose constants are counted
     * @return counters at zero
     */
    public static Counters shared(Class<? extends Enum<?>> kinds) {
        return new Shared(kinds);
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
        cells.setRelease(index, cells.getPlain(index) + amount);
    }

    /**
     * Any thread.
     *
     * @param counter which
     * @return its value
     */
    public long get(Enum<?> counter) {
        return cells.getAcquire(counter.ordinal());
    }

    /**
     * Any thread. Tells every counter, the first first: where effects stand before their causes, no effect is told without its cause, and
     * no difference of the two is negative.
     *
     * @param <E>   what is counted
     * @param kinds the enum that these counters were made for
     * @param to    is told each counter and its value
     */
    public final <E extends Enum<E>> void forEach(Class<E> kinds, ObjLongConsumer<E> to) {
        for (E kind : kinds.getEnumConstants()) {
            to.accept(kind, get(kind));
        }
    }

    private static final class Shared extends Counters {
        private final LongAdder[] adders;

        /** What was counted while there was no memory for a cell, which an adder makes when two threads meet. */
        private final AtomicLongArray besides;

        Shared(Class<? extends Enum<?>> kinds) {
            super(0);
            besides = new AtomicLongArray(kinds.getEnumConstants().length);
            adders = new LongAdder[kinds.getEnumConstants().length];
            for (int i = 0; i < adders.length; i++) {
                adders[i] = new LongAdder();
            }
        }

        @Override
        public void add(Enum<?> counter, long amount) {
            if (amount != 0) { // as many are told of what seldom happens
                try {
                    adders[counter.ordinal()].add(amount);
                } catch (Error e) { // then it has not counted
                    besides.addAndGet(counter.ordinal(), amount);
                }
            }
        }

        @Override
        public long get(Enum<?> counter) {
            return adders[counter.ordinal()].sum() + besides.get(counter.ordinal());
        }
    }
}
