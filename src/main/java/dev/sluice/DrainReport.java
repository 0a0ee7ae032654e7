package dev.sluice;

import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * What became of the connections that were open when a server was drained.
 *
 * @param connections how many there were, those from the backlog included
 * @param cuts        one entry for each that ended with output unsent, or that still had something to do at the deadline
 */
public record DrainReport(int connections, List<Cut> cuts) {

    /**
     * A connection that was cut.
     *
     * @param remote its peer
     * @param reason why, and how many bytes never left
     */
    public record Cut(SocketAddress remote, CloseReason reason) {}

    /**
     * Whether a connection that ended while a server drained was cut.
     *
     * @param reason why it ended
     * @return true if output was left, or it had not come to its end: it owed something, or had not read all
     */
    public static boolean isCut(CloseReason reason) {
        return reason.unsent() > 0 || reason.kind() == CloseReason.Kind.DRAIN_DEADLINE;
    }

    /** Of groups whose drains have ended. */
    static DrainReport of(ConnectionGroup... groups) {
        int connections = 0;
        List<Cut> cuts = new ArrayList<>();
        for (ConnectionGroup group : groups) {
            connections += group.drain.connections();
            cuts.addAll(group.drain.cuts());
        }
        return new DrainReport(connections, List.copyOf(cuts));
    }

    /**
     * Those that ended well, with their output taken by the kernel.
     *
     * @return how many
     */
    public int flushed() {
        return connections - cuts.size();
    }

    /**
     * Those that did not.
     *
     * @return how many
     */
    public int cut() {
        return cuts.size();
    }

    /**
     * The output that never left.
     *
     * @return bytes
     */
    public long bytesLost() {
        return cuts.stream().mapToLong(cut -> cut.reason().unsent()).sum();
    }
}
