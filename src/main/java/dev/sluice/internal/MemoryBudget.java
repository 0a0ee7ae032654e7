package dev.sluice.internal;

import dev.sluice.ServerOptions;

/**
 * The limit of the memory that all outbound queues of a server hold together, and what it does to each of them.
 *
 * @param highWater queue length above which a connection is not read while there is room
 * @param limit     bytes of all queues, in chunks
 */
public record MemoryBudget(int highWater, long limit) {

    /** So small a heap would leave no room for a queue. */
    private static final long LEAST = 64 << 10;

    /**
     * The budget of a server.
     *
     * @param options the server's; unless they set a limit, it is a quarter of the maximum heap
     */
    public MemoryBudget(ServerOptions options) {
        this(options.highWater(), options.maxPendingTotal() > 0 ? options.maxPendingTotal() : Math.max(LEAST, Runtime.getRuntime().maxMemory() / 4));
    }

    /**
     * The queue length above which a connection is not read: the high water mark, and while the queues of all hold more
     * than three quarters of what they may, ever less of it, so that the longest queues stop first.
     *
     * @param used bytes of the queues
     * @return bytes
     */
    public long readMark(long used) {
        long quarter = limit / 4;
        long room = limit - used;
        return room >= quarter ? highWater : Math.max(0, (long) (highWater * ((double) room / quarter))); // the product may be no long
    }

    /**
     * Whether the longest queues are to be given up.
     *
     * @param used bytes of the queues
     * @return true above the limit
     */
    public boolean isOver(long used) {
        return used > limit;
    }
}
