package dev.sluice;

import dev.sluice.CloseReason.Kind;
import dev.sluice.internal.LivenessProbe;
import dev.sluice.internal.Patience;
import java.io.IOException;

/**
 * The deadlines of the connections of one group: idle, stalled, lingering, and, where nothing is awaited of the kernel, whether the peer
 * still lives. A connection is its own timer, set lazily: activity only notes the time, and the timer, when it comes due, looks at it. One
 * object for the group, as {@link ReactorInput} is.
 */
final class ReactorWatch {

    private final Reactor reactor;
    private final Patience patience;
    private final LivenessProbe probe = new LivenessProbe();

    ReactorWatch(Reactor reactor, Patience patience) {
        this.reactor = reactor;
        this.patience = patience;
    }

    /** Sets the timer to what can come due first, unless it is set to something earlier already. */
    void set(ReactorConnection connection) {
        if (connection.isClosed()) {
            return;
        }
        long lookNs = Patience.NEVER;
        if (connection.isBlind()) {
            probe.prepare(connection.channel().provider());
            lookNs = reactor.nowNs() + Patience.LIVENESS_NS;
        }
        boolean owes = connection.group.work.isHeld(connection);
        long atNs = patience.deadline(connection.output, connection.isLingering(), owes, connection.activeNs, lookNs);
        if (atNs != Patience.NEVER && (!connection.isSet() || atNs - connection.deadlineNs() < 0)) {
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
        } else if (patience.isIdle(connection.activeNs, nowNs) && !connection.group.work.isHeld(connection)) {
            connection.end(Kind.IDLE, null);
        }
        set(connection); // first: a look that fails must not be the last
        if (connection.isBlind() && probe.isLost(connection.channel())) {
            connection.end(Kind.RESET, new IOException("lost while nothing was awaited of it"));
        }
    }

    /** The last of the group has closed, or the reactor ends. */
    void close() {
        probe.close();
    }
}
