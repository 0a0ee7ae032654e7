package dev.sluice.internal;

/**
 * The limit of the memory that all outbound queues of a server hold together, and what it does to each of them.
 *
 * @param highWater queue length above which a connection is not read while there is room
 * @param limit     bytes of all queues, in chunks
 */
public record MemoryBudget(int highWater, long limit) {

    /**
     * The queue length above which a connection is not read: the high water mark, and while the queues of all hold more
     * than three quarters of what they may, ever less of it, so that the longest queues stop first.
     *
     * @param held bytes that the queues hold
     * @return bytes
     */
    public long readMark(long held) {
        long quarter = limit / 4;
        long room = limit - held;
        return room >= quarter ? highWater : Math.max(0, (long) (highWater * ((double) room / quarter))); // the product may be no long
    }

    /**
     * Whether the longest queues are to be given up.
     *
     * @param held bytes that the queues hold
     * @return true above the limit
     */
    public boolean isOver(long held) {
        return held > limit;
    }
}
