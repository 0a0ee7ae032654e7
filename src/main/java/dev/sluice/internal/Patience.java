package dev.sluice.internal;

/**
 * How long a connection may go without what is expected of it. Times are nanoseconds of one clock, compared by
 * subtraction.
 *
 * @param idleNs   without a byte read, or taken by the kernel; 0: for ever
 * @param writeNs  with output waiting and none of it taken; 0: for ever
 * @param lingerNs after our end was sent, without the peer's
 */
public record Patience(long idleNs, long writeNs, long lingerNs) {

    /** No deadline: a time that no clock which starts near zero, as those of virtual machines do, will tell. */
    public static final long NEVER = Long.MIN_VALUE;

    /** How often a connection that is not read, with no idle limit, is asked whether its peer still lives: 30 seconds. */
    public static final long LIVENESS_NS = 30_000_000_000L;

    /**
     * When a connection is to be looked at.
     *
     * @param output    its output
     * @param lingering whether only the peer's end is awaited
     * @param blind     whether its handler has stopped reading
     * @param activeNs  when a byte was last read, or taken by the kernel
     * @param nowNs     the time
     * @return the earliest deadline, or {@link #NEVER}
     */
    public long deadline(OutboundQueue output, boolean lingering, boolean blind, long activeNs, long nowNs) {
        if (lingering) {
            return output.sinceNs() + lingerNs;
        }
        long deadline = NEVER;
        if (idleNs > 0) {
            deadline = activeNs + idleNs;
        } else if (blind) {
            deadline = nowNs + LIVENESS_NS;
        }
        if (output.fellShort() && writeNs > 0) {
            long stall = output.sinceNs() + writeNs;
            deadline = deadline == NEVER || stall - deadline < 0 ? stall : deadline;
        }
        return deadline;
    }

    /**
     * Whether output has waited too long.
     *
     * @param output a connection's
     * @param nowNs  the time
     * @return true if the kernel took nothing of it for {@code writeNs}
     */
    public boolean isStalled(OutboundQueue output, long nowNs) {
        return output.fellShort() && writeNs > 0 && nowNs - output.sinceNs() >= writeNs;
    }

    /**
     * Whether a connection has done nothing for too long.
     *
     * @param activeNs when it last did
     * @param nowNs    the time
     * @return true after {@code idleNs}
     */
    public boolean isIdle(long activeNs, long nowNs) {
        return idleNs > 0 && nowNs - activeNs >= idleNs;
    }
}
