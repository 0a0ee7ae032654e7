package dev.sluice.internal;

/** What is counted for the connections of one thread. */
public enum Count {
    /** Connections admitted. */
    OPENED,
    /** Connections that ended. */
    CLOSED,
    /** Callbacks and tasks that threw. */
    HANDLER_FAILURES,
    /** Tasks still queued when their connection closed. */
    DROPPED_TASKS,
    /** Bytes read. */
    READ,
    /** Bytes accepted from handlers. */
    ENQUEUED,
    /** Bytes taken by the kernel. */
    WRITTEN,
    /** Bytes accepted that never left. */
    DISCARDED,
    /** Read calls. */
    READS,
    /** Write calls. */
    WRITES,
    /** Write calls that took less than was offered. */
    SHORT_WRITES,
    /** Changes of what a key waits for. */
    INTEREST_CHANGES,
    /** Times that reading stopped for the connection's own output. */
    READ_PAUSES
}
