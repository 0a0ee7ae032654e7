package dev.sluice;

import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;

/**
 * How the connections ended that were open when a server was drained.
 *
 * @param connections how many there were, those from the backlog included
 * @param cuts        one entry for each that ended with output unsent, or that still had something to do at the deadline
 * @param owed        how many were cut at the deadline while something was owed to the peer: work was
 *                    {@linkplain Connection#offload offloaded}, the connection was {@linkplain Connection#hold held}, or, on threads, its
 *                    handler was running
 * @param bytesUnread input that had arrived and that no handler took: what a handler had left unread when its connection was asked to
 *                    leave, an incomplete message for one; and, of a connection that was cut before it could be asked, what the
 *                    kernel held, too. Bytes that arrive later are read and discarded, and are not counted
 */
public record DrainReport(int connections, List<Cut> cuts, int owed, long bytesUnread) {

    /**
     * A drain after which nothing was owed and nothing unread.
     *
     * @param connections how many there were
     * @param cuts        those that were cut
     */
    public DrainReport(int connections, List<Cut> cuts) {
        this(connections, cuts, 0, 0);
    }

    /**
     * A connection that was cut.
     *
     * @param id     its {@linkplain Connection#id number}
     * @param remote its peer
     * @param reason why, and how many bytes never left
     */
    public record Cut(long id, SocketAddress remote, CloseReason reason) {}

    /**
     * Whether a connection that ended while a server drained was cut.
     *
     * @param reason why it ended
     * @return true if output was left, or it had not come to its end: it owed something, or had not read all
     */
    public static boolean isCut(CloseReason reason) {
        return reason.unsent() > 0 || reason.kind() == CloseReason.Kind.DRAIN_DEADLINE;
    }

    /**
     * Adds another report, of connections on another loop.
     *
     * @param other the other report
     * @return both together
     */
    public DrainReport plus(DrainReport other) {
        List<Cut> both = new ArrayList<>(cuts);
        both.addAll(other.cuts);
        return new DrainReport(
                connections + other.connections, List.copyOf(both), owed + other.owed, bytesUnread + other.bytesUnread);
    }

    /**
     * Counts the connections that ended well, with their output taken by the kernel.
     *
     * @return connections
     */
    public int flushed() {
        return connections - cuts.size();
    }

    /**
     * Counts the connections that were cut.
     *
     * @return connections
     */
    public int cut() {
        return cuts.size();
    }

    /**
     * Counts the output that never left.
     *
     * @return bytes
     */
    public long bytesLost() {
        return cuts.stream().mapToLong(cut -> cut.reason().unsent()).sum();
    }
}
