package dev.sluice.internal;

import java.time.Duration;
import java.util.Arrays;

/**
 * Deadlines in nanoseconds, the earliest first: a binary heap whose entries know their place in it, so that moving or
 * removing one costs O(log n). Times are compared by subtraction and may wrap around. Belongs to one thread.
 */
public final class Deadlines {

    /**
     * Something with a deadline. A class to extend and not an object to hold, because each connection is its own: a
     * timer object beside it would cost twice the memory.
     */
    public abstract static class Entry {
        private int slot = -1;
        private long deadlineNs;

        /** Makes an entry that waits for nothing. */
        protected Entry() {}

        /**
         * The deadline has come; the entry is no longer among the deadlines, and may be set again.
         *
         * @param nowNs the time, at or after the deadline
         */
        public abstract void expired(long nowNs);

        /**
         * Whether it waits.
         *
         * @return true between set and expiry or removal
         */
        public final boolean isSet() {
            return slot >= 0;
        }

        /**
         * When it is due.
         *
         * @return nanoseconds; of no meaning unless it is set
         */
        public final long deadlineNs() {
            return deadlineNs;
        }
    }

    /** Half of what a comparison by subtraction can tell apart: 146 years. */
    private static final long LONGEST_NS = Long.MAX_VALUE / 2;

    private Entry[] heap = new Entry[16];
    private int size;

    /** Makes an empty set. */
    public Deadlines() {}

    /**
     * A wait that can be added to any time.
     *
     * @param duration of any length
     * @return its nanoseconds, at least 0 and at most 146 years
     */
    public static long nanos(Duration duration) {
        if (duration.isNegative()) {
            return 0;
        }
        return duration.getSeconds() >= LONGEST_NS / 1_000_000_000 ? LONGEST_NS : duration.toNanos();
    }

    /**
     * How many wait.
     *
     * @return entries
     */
    public int size() {
        return size;
    }

    /**
     * The earliest.
     *
     * @return an entry, or null
     */
    public Entry first() {
        return size == 0 ? null : heap[0];
    }

    /**
     * Sets an entry's deadline, whether it had one or not.
     *
     * @param entry      belongs to no other set
     * @param deadlineNs nanoseconds, within 146 years of all others
     */
    public void set(Entry entry, long deadlineNs) {
        entry.deadlineNs = deadlineNs;
        if (entry.slot < 0) {
            if (size == heap.length) {
                heap = Arrays.copyOf(heap, size + (size >> 1)); // by half: each idle connection has a place here
            }
            entry.slot = size++;
        }
        siftDown(entry, siftUp(entry, entry.slot));
    }

    /**
     * Forgets an entry's deadline, if it has one.
     *
     * @param entry of this set or of none
     */
    public void remove(Entry entry) {
        int slot = entry.slot;
        if (slot < 0) {
            return;
        }
        entry.slot = -1;
        Entry last = heap[--size];
        heap[size] = null;
        if (last != entry) {
            siftDown(last, siftUp(last, slot));
        }
    }

    /** Moves an entry that may be too early for {@code slot} towards the root; returns where it belongs. */
    private int siftUp(Entry entry, int slot) {
        while (slot > 0) {
            int parent = (slot - 1) >>> 1;
            if (entry.deadlineNs - heap[parent].deadlineNs >= 0) {
                break;
            }
            place(heap[parent], slot);
            slot = parent;
        }
        return slot;
    }

    /** Moves an entry that may be too late for {@code slot} towards the leaves, and puts it there. */
    private void siftDown(Entry entry, int slot) {
        for (int child; (child = 2 * slot + 1) < size; ) {
            if (child + 1 < size && heap[child + 1].deadlineNs - heap[child].deadlineNs < 0) {
                child++;
            }
            if (entry.deadlineNs - heap[child].deadlineNs <= 0) {
                break;
            }
            place(heap[child], slot);
            slot = child;
        }
        place(entry, slot);
    }

    private void place(Entry entry, int slot) {
        heap[slot] = entry;
        entry.slot = slot;
    }
}
