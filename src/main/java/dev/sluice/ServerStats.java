package dev.sluice;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/**
 * A server's counters in one snapshot, summed over its threads since its start. Two sums hold: {@code opened = closed + open} and
 * {@code enqueued = written + pending + discarded}; once a server has ended, nothing is open and nothing pending. A snapshot of a busy
 * server may be late, and never shows an effect without its cause: nothing in it is negative. An immutable value.
 */
public final class ServerStats {

    /** The counters of a server. Of two, the one that cannot be larger stands first: a snapshot reads them in this order. */
    public enum Counter {
        /** Connections that ended. */
        CLOSED,
        /** Connections admitted. */
        OPENED,
        /** Connections admitted for which no thread of a pool is free yet; 0 on every other engine. */
        WAITING,
        /** Of the newcomers refused, those whose address had {@link ServerOptions#maxConnectionsPerAddress} connections. */
        REFUSED_OF_ADDRESS,
        /**
         * Newcomers closed at once for {@link ServerOptions#maxConnections}, {@link ServerOptions#maxConnectionsPerAddress} or
         * {@link ServerOptions#maxMemory}, or because there was no thread to be had, and outbound connections not attempted for that reason.
         */
        REFUSED,
        /** Newcomers closed for their PROXY header; they do not count as refused, nor as opened. */
        HEADERS_REJECTED,
        /** Times that accepting stopped for a while because of a failure. */
        ACCEPT_PAUSES,
        /** Calls of accept, and first steps with an accepted socket, that failed. */
        FAILED_ACCEPTS,
        /** Callbacks and tasks that threw. */
        HANDLER_FAILURES,
        /** Tasks still queued when their connection closed. */
        DROPPED_TASKS,
        /** Bytes read from peers, those discarded while closing included. */
        BYTES_READ,
        /** Bytes taken by the kernel. */
        BYTES_WRITTEN,
        /** Bytes that never left because their connection ended first. */
        BYTES_DISCARDED,
        /** Bytes accepted from handlers, whatever became of them. */
        BYTES_ENQUEUED,
        /** Read calls. */
        READS,
        /** Write calls that took less than was offered. */
        SHORT_WRITES,
        /** Write calls. */
        WRITES,
        /** Changes of what a connection's key waits for; on a reactor. */
        INTEREST_CHANGES,
        /** Times that reading stopped because the connection's own output waited. */
        READ_PAUSES,
        /** {@linkplain Connection#offload Offloaded} tasks that have ended. */
        TASKS_DONE,
        /** Offloaded tasks that workers were given. */
        TASKS_TAKEN,
        /**
         * Times that a task found {@link ServerOptions#offloadQueue} others before it, in the workers' queue or in the order of its connection,
         * which was then not read.
         */
        WORKERS_FULL
    }

    private final EnumMap<Counter, Long> counters;
    private final EnumMap<CloseReason.Kind, Long> closedBy;
    private final EnumMap<ProxyHeader.Fault, Long> rejectedFor;

    private ServerStats(Builder builder) {
        counters = new EnumMap<>(builder.counters);
        closedBy = new EnumMap<>(builder.closedBy);
        rejectedFor = new EnumMap<>(builder.rejectedFor);
    }

    /**
     * One counter.
     *
     * @param counter which
     * @return its value
     */
    public long get(Counter counter) {
        return counters.getOrDefault(counter, 0L);
    }

    /**
     * Connections that ended for one reason. All reasons together are {@link Counter#CLOSED}.
     *
     * @param kind the reason
     * @return how many
     */
    public long closedBy(CloseReason.Kind kind) {
        return closedBy.getOrDefault(kind, 0L);
    }

    /**
     * Newcomers closed for their PROXY header, for one reason. All reasons together are {@link Counter#HEADERS_REJECTED}.
     *
     * @param fault the reason
     * @return how many
     */
    public long rejectedFor(ProxyHeader.Fault fault) {
        return rejectedFor.getOrDefault(fault, 0L);
    }

    /**
     * Connections admitted and not ended.
     *
     * @return how many
     */
    public long open() {
        return get(Counter.OPENED) - get(Counter.CLOSED);
    }

    /**
     * Bytes that wait in outbound queues.
     *
     * @return how many
     */
    public long pending() {
        return get(Counter.BYTES_ENQUEUED) - get(Counter.BYTES_WRITTEN) - get(Counter.BYTES_DISCARDED);
    }

    /**
     * Starts from nothing counted.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Starts from this snapshot.
     *
     * @return a new builder
     */
    public Builder toBuilder() {
        Builder builder = new Builder();
        builder.counters.putAll(counters);
        builder.closedBy.putAll(closedBy);
        builder.rejectedFor.putAll(rejectedFor);
        return builder;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ServerStats stats && counters.equals(stats.counters) && closedBy.equals(stats.closedBy)
                && rejectedFor.equals(stats.rejectedFor);
    }

    @Override
    public int hashCode() {
        return Objects.hash(counters, closedBy, rejectedFor);
    }

    @Override
    public String toString() {
        return counters + ", closed by " + closedBy + (rejectedFor.isEmpty() ? "" : ", headers rejected for " + rejectedFor);
    }

    /** Adds counters up. Not thread-safe. */
    public static final class Builder {
        private final Map<Counter, Long> counters = new EnumMap<>(Counter.class);
        private final Map<CloseReason.Kind, Long> closedBy = new EnumMap<>(CloseReason.Kind.class);
        private final Map<ProxyHeader.Fault, Long> rejectedFor = new EnumMap<>(ProxyHeader.Fault.class);

        private Builder() {}

        /**
         * Adds to a counter.
         *
         * @param counter which
         * @param amount  how much
         * @return this
         */
        public Builder add(Counter counter, long amount) {
            counters.merge(counter, amount, Long::sum);
            return this;
        }

        /**
         * Adds connections that ended for one reason, to {@link Counter#CLOSED}, too.
         *
         * @param kind   the reason
         * @param amount how many
         * @return this
         */
        public Builder addClosed(CloseReason.Kind kind, long amount) {
            closedBy.merge(kind, amount, Long::sum);
            return add(Counter.CLOSED, amount);
        }

        /**
         * Adds newcomers that were closed for their PROXY header, to {@link Counter#HEADERS_REJECTED}, too.
         *
         * @param fault  the reason
         * @param amount how many
         * @return this
         */
        public Builder addRejected(ProxyHeader.Fault fault, long amount) {
            rejectedFor.merge(fault, amount, Long::sum);
            return add(Counter.HEADERS_REJECTED, amount);
        }

        /**
         * Makes the value.
         *
         * @return a snapshot
         */
        public ServerStats build() {
            return new ServerStats(this);
        }
    }
}
