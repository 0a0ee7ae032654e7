package dev.sluice.internal;

/**
 * How long a peer may take for what its connection's handler waits for. Only time in which the connection is read counts. Confined as the
 * connection's state is. Times are nanoseconds of one clock, compared by subtraction.
 */
final class InputDeadline {

    /** 0: the handler waits for nothing. */
    private long limitNs;

    /** When the time began, later by as much as does not count. */
    private long beganNs;

    /** Since when the connection is not read, if it is not. */
    private long stoppedNs;

    private boolean isStopped;

    void begin(long limit, boolean isReading, long nowNs) {
        limitNs = limit;
        beganNs = nowNs;
        stoppedNs = nowNs;
        isStopped = !isReading;
    }

    boolean isSet() {
        return limitNs > 0;
    }

    /** The time begins anew. */
    void restart(long nowNs) {
        begin(limitNs, !isStopped, nowNs);
    }

    /** The connection is read from now on, or is not. */
    void reads(boolean isReading, long nowNs) {
        if (isReading && isStopped) {
            beganNs += nowNs - stoppedNs;
        } else if (!isReading && !isStopped) {
            stoppedNs = nowNs;
        }
        isStopped = !isReading;
    }

    /** When it is due, or {@link Timeouts#NEVER}: it is not set, or cannot come due before the connection is read again. */
    long dueNs() {
        return isSet() && !isStopped ? beganNs + limitNs : Timeouts.NEVER;
    }
}
