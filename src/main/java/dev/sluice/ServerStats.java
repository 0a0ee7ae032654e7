package dev.sluice;

import java.util.List;
import java.util.Map;

/**
 * A server's counters in one snapshot, summed over its loops since its start. Two books must balance once the server is
 * quiet: {@code opened = closed + open} and {@code enqueued = written + pending + discarded}.
 *
 * @param connections what became of connections
 * @param bytes       what became of bytes
 * @param calls       what it cost in calls
 * @param loops       one entry for each reactor, the acceptor's first
 */
public record ServerStats(Connections connections, Bytes bytes, Calls calls, List<ReactorStats> loops) {

    /**
     * Counters of connections.
     *
     * @param opened          connections admitted
     * @param closed          connections that ended
     * @param closedBy        the same, by reason; every kind has an entry
     * @param open            connections admitted and not ended
     * @param refused         newcomers closed at once for {@link ServerOptions#maxConnections}
     * @param failedAccepts   calls of accept, and first steps with an accepted socket, that failed
     * @param acceptPauses    times that accepting stopped for a while because of it
     * @param handlerFailures callbacks and tasks that threw
     * @param droppedTasks    tasks still queued when their connection closed
     */
    public record Connections(
            long opened,
            long closed,
            Map<CloseReason.Kind, Long> closedBy,
            long open,
            long refused,
            long failedAccepts,
            long acceptPauses,
            long handlerFailures,
            long droppedTasks) {}

    /**
     * Counters of bytes.
     *
     * @param read      bytes read from peers, those discarded while closing included
     * @param enqueued  bytes accepted from handlers, whatever became of them
     * @param written   bytes taken by the kernel
     * @param pending   bytes that wait
     * @param discarded bytes that never left because their connection ended first
     */
    public record Bytes(long read, long enqueued, long written, long pending, long discarded) {}

    /**
     * Counters of calls.
     *
     * @param reads           read calls
     * @param writes          write calls
     * @param shortWrites     write calls that took less than was offered
     * @param interestChanges changes of what a connection's key waits for
     * @param readPauses      times that reading stopped because the connection's own output waited
     */
    public record Calls(long reads, long writes, long shortWrites, long interestChanges, long readPauses) {}
}
