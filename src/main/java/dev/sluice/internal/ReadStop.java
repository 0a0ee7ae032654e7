package dev.sluice.internal;

/**
 * The reasons why an open connection is not read. A connection keeps the set of those that hold as bits of one byte; it is read while
 * it is open and the set is empty. {@link dev.sluice.Connection#isReading} leaves OFFER_DUE out: it ends by itself.
 *
 * <pre>
 *   reason           set by                                      cleared by
 *   PAUSED           pauseReading                                resumeReading
 *   OUTPUT_WAITS     a write that passes the high water mark     a flush that reaches the low water mark
 *   MEMORY_SHORT     a read that finds the budget short          a flush that reaches the read mark of the moment, or, with
 *                                                                unread input, MemoryWait
 *   WORKERS_FULL     an offload that finds the queue full, or    the workers, once half of their queue is free, or the
 *                    too many tasks before it in its order       callback after which half of those tasks are left
 *   OFFER_DUE        the end of any reason above, or             the offer
 *                    resumeReading
 *   INPUT_ENDED      the peer's end                              nothing
 * </pre>
 */
public enum ReadStop {
    /** The handler has paused reading. */
    PAUSED,
    /** The connection's own output is above the high water mark. */
    OUTPUT_WAITS,
    /** The server's memory is short, and this connection holds a part of it: see {@link MemoryWait}. */
    MEMORY_SHORT,
    /** The workers' queue is full, and this connection has offloaded a task to it; or too many of its callbacks wait for one another. */
    WORKERS_FULL,
    /** Unread bytes are to be offered to the handler before anything more is read. */
    OFFER_DUE,
    /** The peer has ended its side. */
    INPUT_ENDED;

    /** Its place in a set. */
    public final byte bit = (byte) (1 << ordinal());
}
