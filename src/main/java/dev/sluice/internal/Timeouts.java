package dev.sluice.internal;

import dev.sluice.ServerOptions;

/**
 * The timeouts of a connection: idle, write stall, linger. Times are nanoseconds of one clock, compared by subtraction.
 *
 * @param idleNs   without a byte read, or taken by the kernel, and without a hold; 0: for ever
 * @param writeNs  with output waiting and none of it taken; 0: for ever
 * @param lingerNs after our end was sent, without the peer's
 */
public record Timeouts(long idleNs, long writeNs, long lingerNs) {

    /** No deadline: a time that no clock which starts near zero, as those of virtual machines do, will tell. */
    public static final long NEVER = Long.MIN_VALUE;

    /** How often a connection whose interest is empty, so that no event would tell of its end, is looked at: 30 seconds. */
    public static final long LIVENESS_NS = 30_000_000_000L;

    /**
     * Takes them from options.
     *
     * @param options a server's
     */
    public Timeouts(ServerOptions options) {
        this(options.idleTimeout().toNanos(), options.writeTimeout().toNanos(), options.lingerTimeout().toNanos());
    }

    /**
     * When a connection is to be looked at.
     *
     * @param output    its output
     * @param lingering whether only the peer's end is awaited
     * @param isHeld    whether there is a hold or an offloaded task: then it is not idle
     * @param activeNs  when a byte was last read, or taken by the kernel, or when its last hold was released
     * @param lookNs    when it is to be asked whether its peer still lives, or {@link #NEVER}: an event would tell
     * @return the earliest deadline, or {@link #NEVER}
     */
    public long deadline(OutboundQueue output, boolean lingering, boolean isHeld, long activeNs, long lookNs) {
        if (lingering) {
            return output.sinceNs() + lingerNs;
        }
        long deadline = lookNs;
        if (idleNs > 0 && !isHeld) {
            deadline = earlier(deadline, activeNs + idleNs);
        }
        if (output.fellShort() && writeNs > 0) {
            deadline = earlier(deadline, output.sinceNs() + writeNs);
        }
        return deadline;
    }

    /**
     * The earlier of two times.
     *
     * @param deadline a time, or {@link #NEVER}
     * @param other    a time, or {@link #NEVER}
     * @return {@link #NEVER} only if both are
     */
    public static long earlier(long deadline, long other) {
        return deadline == NEVER || other != NEVER && other - deadline < 0 ? other : deadline;
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
     * Whether a connection without a hold has done nothing for too long.
     *
     * @param activeNs when it last did, or was held
     * @param nowNs    the time
     * @return true after {@code idleNs}
     */
    public boolean isIdle(long activeNs, long nowNs) {
        return idleNs > 0 && nowNs - activeNs >= idleNs;
    }
}
