package dev.sluice;

import dev.sluice.internal.Count;
import dev.sluice.internal.Workers;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A server's counters in one snapshot, summed over its threads since its start. Two books are kept: {@code opened = closed
 * + open} and {@code enqueued = written + pending + discarded}; once a server has ended, nothing is open and nothing pending. A
 * snapshot of a busy server may be late, and never shows an effect without its cause: nothing in it is negative.
 *
 * @param connections what became of connections
 * @param bytes       what became of bytes
 * @param calls       what it cost in calls
 * @param work        what was handed to other threads
 * @param loops       one entry for each reactor, the acceptor's first; on threads there is that one alone
 */
public record ServerStats(Connections connections, Bytes bytes, Calls calls, Work work, List<ReactorStats> loops) {

    /**
     * Counters of connections.
     *
     * @param opened          connections admitted
     * @param closed          connections that ended
     * @param closedBy        the same, by reason; every kind has an entry
     * @param waiting         connections admitted for which no thread of a pool is free yet; 0 on every other engine
     * @param refused         newcomers closed at once for {@link ServerOptions#maxConnections}, or because there was no thread
     *                        to be had, and outbound connections not attempted for that reason
     * @param failedAccepts   calls of accept, and first steps with an accepted socket, that failed
     * @param acceptPauses    times that accepting stopped for a while because of it
     * @param handlerFailures callbacks and tasks that threw
     * @param droppedTasks    tasks still queued when their connection closed
     */
    public record Connections(
            long opened,
            long closed,
            Map<CloseReason.Kind, Long> closedBy,
            long waiting,
            long refused,
            long failedAccepts,
            long acceptPauses,
            long handlerFailures,
            long droppedTasks) {

        /**
         * Connections admitted and not ended.
         *
         * @return how many
         */
        public long open() {
            return opened - closed;
        }
    }

    /**
     * Counters of bytes.
     *
     * @param read      bytes read from peers, those discarded while closing included
     * @param enqueued  bytes accepted from handlers, whatever became of them
     * @param written   bytes taken by the kernel
     * @param discarded bytes that never left because their connection ended first
     */
    public record Bytes(long read, long enqueued, long written, long discarded) {

        /**
         * Bytes that wait.
         *
         * @return how many
         */
        public long pending() {
            return enqueued - written - discarded;
        }
    }

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

    /**
     * Counters of tasks that were {@linkplain Connection#offload offloaded}.
     *
     * @param taken tasks that workers were given
     * @param done  those that have ended
     * @param full  times that a task found {@link ServerOptions#offloadQueue} others before it, and its connection was not read
     */
    public record Work(long taken, long done, long full) {

        static Work of(Workers.Books books) {
            return new Work(books.taken(), books.done(), books.full());
        }
    }

    /** The counters of all groups of a server, on all its reactors, and what was counted before a connection has a group. */
    static ServerStats of(
            ConnectionGroup[] groups, Reactor[] reactors, Workers workers, long refused, long failedAccepts, long acceptPauses) {
        Map<Count, Long> sums = new EnumMap<>(Count.class);
        Map<CloseReason.Kind, Long> closedBy = new EnumMap<>(CloseReason.Kind.class);
        long refusedElsewhere = 0;
        long notConnected = 0;
        for (ConnectionGroup group : groups) {
            group.closedBy.addTo(closedBy, CloseReason.Kind.class); // before those that were opened
            group.counters.addTo(sums, Count.class);
            refusedElsewhere += group.refusedElsewhere.sum();
            notConnected += group.refused.sum();
        }
        return new ServerStats(
                new Connections(
                        sums.get(Count.ADMITTED) - sums.get(Count.UNSERVED),
                        closedBy.values().stream().mapToLong(closed -> closed).sum(),
                        Map.copyOf(closedBy),
                        0,
                        refused + notConnected,
                        failedAccepts,
                        acceptPauses,
                        sums.get(Count.HANDLER_FAILURES),
                        sums.get(Count.DROPPED_TASKS)),
                new Bytes(
                        sums.get(Count.READ),
                        sums.get(Count.ENQUEUED) + refusedElsewhere,
                        sums.get(Count.WRITTEN),
                        sums.get(Count.DISCARDED) + refusedElsewhere),
                new Calls(
                        sums.get(Count.READS),
                        sums.get(Count.WRITES),
                        sums.get(Count.SHORT_WRITES),
                        sums.get(Count.INTEREST_CHANGES),
                        sums.get(Count.READ_PAUSES)),
                Work.of(workers.books()),
                Stream.of(reactors).map(Reactor::stats).toList());
    }
}
