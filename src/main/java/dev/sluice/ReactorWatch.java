package dev.sluice;

import dev.sluice.CloseReason.Kind;
import dev.sluice.internal.Patience;

/**
 * The deadlines of the connections of one group: idle, stalled, lingering, and, where nothing else would tell, whether the peer still
 * lives. A connection is its own timer, set lazily: activity only notes the time, and the timer, when it comes due, looks at it. One
 * object for the group, as {@link ReactorInput} is.
 */
final class ReactorWatch {

    private final Reactor reactor;
    private final Patience patience;

    ReactorWatch(Reactor reactor, Patience patience) {
        this.reactor = reactor;
        this.patience = patience;
    }

    /** Sets the timer to what can come due first, unless it is set to something earlier already. */
    void set(ReactorConnection connection) {
        long atNs = patience.deadline(
                connection.output, connection.isLingering(), connection.paused, connection.activeNs, reactor.nowNs());
        if (!connection.isClosed() && atNs != Patience.NEVER && (!connection.isSet() || atNs - connection.deadlineNs() < 0)) {
            reactor.setDeadline(connection, atNs);
        }
    }

    void expired(ReactorConnection connection, long nowNs) {
        if (patience.isStalled(connection.output, nowNs)) {
            // a slow reader takes bytes for minutes without the kernel calling the socket writable
            connection.group.output.flush(connection, true);
        }
        if (patience.isStalled(connection.output, nowNs)) {
            connection.end(Kind.WRITE_STALL, null);
        } else if (connection.isLingering()) {
            if (nowNs - connection.output.sinceNs() >= patience.lingerNs()) {
                connection.end(Kind.LOCAL, null);
            }
        } else if (patience.isIdle(connection.activeNs, nowNs)) {
            connection.end(Kind.IDLE, null);
        } else if (connection.paused && connection.takesInput() && patience.idleNs() == 0) {
            connection.group.input.checkLiveness(connection);
        }
        set(connection);
    }
}
