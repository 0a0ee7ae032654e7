package dev.sluice.internal;

/** What is counted for the connections of one thread; causes before their effects, for the sake of {@link Counters#addTo}. */
public enum Count {
    /** Connections admitted, those included for which there was no thread. */
    ADMITTED,
    /** Connections admitted for which there was no thread. */
    UNSERVED,
    /** Callbacks and tasks that threw. */
    HANDLER_FAILURES,
    /** Tasks still queued when their connection closed. */
    DROPPED_TASKS,
    /** Read calls. */
    READS,
    /** Bytes read. */
    READ,
    /** Bytes accepted from handlers. */
    ENQUEUED,
    /** Write calls. */
    WRITES,
    /** Write calls that took less than was offered. */
    SHORT_WRITES,
    /** Bytes taken by the kernel. */
    WRITTEN,
    /** Bytes accepted that never left. */
    DISCARDED,
    /** Changes of what a key waits for. */
    INTEREST_CHANGES,
    /** Times that reading stopped for the connection's own output. */
    READ_PAUSES
}
