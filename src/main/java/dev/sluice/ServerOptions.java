package dev.sluice;

import java.time.Duration;

/**
 * How a server behaves: an immutable value, made by a {@link Builder}. Sizes are in bytes; a duration of zero switches
 * its limit off unless it says otherwise. Every limit has a default; none is unlimited.
 *
 * @param backlog         connections that the kernel holds until they are accepted; 1024
 * @param maxConnections  open connections, above which a newcomer is closed at once; 0: the engine decides at its start, by the
 *                        process's descriptor limit less a reserve of 64, or 10,000 where that limit is not known, and at most 10,000,000
 * @param subReactors     loops beside the acceptor's; 0: the acceptor's loop serves the connections itself
 * @param idleTimeout     a connection that neither read nor sent a byte for so long is closed. It is not idle while work is
 *                        {@linkplain Connection#offload offloaded} or it is {@linkplain Connection#hold held}, nor, on threads, while its
 *                        handler runs; after that the time begins anew. Whether its peer has reset it is looked at every 30 seconds,
 *                        whatever the limit, where nothing else would tell; 5 minutes
 * @param writeTimeout    a connection whose waiting output moves by no byte for so long is closed; on threads as far as the
 *                        kernel tells of a call that blocks, which is when a third of the send buffer is free; 30 seconds
 * @param lingerTimeout   how long a closing connection waits for its peer's end; zero does not wait; 2 seconds
 * @param drainTimeout    what {@link Server#close} gives the connections to end; 10 seconds
 * @param stallThreshold  how long a task may take to come through a loop before the watchdog names who keeps it; only
 *                        where the server's loops have threads of its own; 500 ms
 * @param spin            how long a loop polls before it blocks, so that who comes meanwhile is answered sooner, for a core that is busy
 *                        as long; only where the server's loops have threads of its own; zero
 * @param highWater       queue length above which {@code write} returns false and the connection is not read; 64 KiB
 * @param lowWater        queue length at which writing and reading go on; 32 KiB
 * @param maxPending      queue length above which a connection is closed; 8 MiB
 * @param maxPendingTotal memory of all queues together, in chunks: from three quarters of it the longest are not read,
 *                        above it the longest are closed; a reactor's loops may each have as much again on its way from other
 *                        threads, where a write counts as 64 bytes more than it has; a quarter of the maximum heap
 * @param maxRemainder    unread bytes that may wait for more, above which the connection is closed; 1 MiB
 * @param offloadThreads  threads that run what connections {@linkplain Connection#offload offload}; 64
 * @param offloadQueue    offloaded tasks that wait for a thread, above which the connection that brings one more is not read
 *                        until half of them are gone; 1024
 * @param sendBuffer      SO_SNDBUF; 0 leaves it to the kernel
 * @param receiveBuffer   SO_RCVBUF; 0 leaves it to the kernel
 */
public record ServerOptions(
        int backlog,
        int maxConnections,
        int subReactors,
        Duration idleTimeout,
        Duration writeTimeout,
        Duration lingerTimeout,
        Duration drainTimeout,
        Duration stallThreshold,
        Duration spin,
        int highWater,
        int lowWater,
        int maxPending,
        long maxPendingTotal,
        int maxRemainder,
        int offloadThreads,
        int offloadQueue,
        int sendBuffer,
        int receiveBuffer) {

    private static final int GIB = 1 << 30;
    private static final Duration LONGEST = Duration.ofDays(365);

    /** Whoever wants a core kept busy for longer between two requests wants another program. */
    private static final Duration LONGEST_SPIN = Duration.ofSeconds(1);

    /**
     * Checks every value.
     *
     * @param backlog 1 to 65,535
     * @param maxConnections 0 to 10,000,000
     * @param subReactors 0 to 1024
     * @param idleTimeout 0 to 365 days
     * @param writeTimeout 0 to 365 days
     * @param lingerTimeout 0 to 365 days
     * @param drainTimeout 0 to 365 days
     * @param stallThreshold 0 to 365 days
     * @param spin 0 to 1 second, and to a quarter of stallThreshold unless that is 0
     * @param highWater lowWater to maxPending
     * @param lowWater 0 to highWater
     * @param maxPending highWater to 1 GiB
     * @param maxPendingTotal at least 64 KiB
     * @param maxRemainder 64 KiB to 1 GiB
     * @param offloadThreads 1 to 100,000
     * @param offloadQueue 1 to 10,000,000
     * @param sendBuffer 0 to 1 GiB
     * @param receiveBuffer 0 to 1 GiB
     * @throws InvalidOption naming the option, its range and the value
     */
    public ServerOptions {
        InvalidOption.within("backlog", backlog, 1, 65_535);
        InvalidOption.within("maxConnections", maxConnections, 0, 10_000_000);
        InvalidOption.within("subReactors", subReactors, 0, 1024);
        InvalidOption.within("idleTimeout", idleTimeout, Duration.ZERO, LONGEST);
        InvalidOption.within("writeTimeout", writeTimeout, Duration.ZERO, LONGEST);
        InvalidOption.within("lingerTimeout", lingerTimeout, Duration.ZERO, LONGEST);
        InvalidOption.within("drainTimeout", drainTimeout, Duration.ZERO, LONGEST);
        InvalidOption.within("stallThreshold", stallThreshold, Duration.ZERO, LONGEST);
        InvalidOption.within("spin", spin, Duration.ZERO, LONGEST_SPIN);
        if (!stallThreshold.isZero() && spin.multipliedBy(4).compareTo(stallThreshold) > 0) {
            // the watchdog looks twice in a threshold, and what it sends through a loop that still spins would begin another spin
            throw new InvalidOption("spin", "at most a quarter of %s (" + stallThreshold + ")", "stallThreshold", spin);
        }
        InvalidOption.within("maxPending", maxPending, 1, GIB);
        InvalidOption.within("highWater", highWater, 1, GIB);
        InvalidOption.within("lowWater", lowWater, 0, GIB);
        notAbove("lowWater", lowWater, "highWater", highWater);
        notAbove("highWater", highWater, "maxPending", maxPending);
        InvalidOption.within("maxPendingTotal", maxPendingTotal, 64L << 10, 1L << 50);
        InvalidOption.within("maxRemainder", maxRemainder, 64 << 10, GIB);
        InvalidOption.within("offloadThreads", offloadThreads, 1, 100_000);
        InvalidOption.within("offloadQueue", offloadQueue, 1, 10_000_000);
        InvalidOption.within("sendBuffer", sendBuffer, 0, GIB);
        InvalidOption.within("receiveBuffer", receiveBuffer, 0, GIB);
    }

    /**
     * Every default.
     *
     * @return the options of a server that was told nothing
     */
    public static ServerOptions defaults() {
        return builder().build();
    }

    /**
     * Starts from the defaults.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder();
    }

    private static void notAbove(String option, int value, String bound, int most) {
        if (value > most) {
            throw new InvalidOption(option, "at most %s (" + most + ")", bound, value);
        }
    }

    /** Collects options; {@link #build} checks them together, so their order does not matter. Not thread-safe. */
    public static final class Builder {
        private int backlog = 1024;
        private Integer maxConnections;
        private int subReactors = 0;
        private Duration idleTimeout = Duration.ofMinutes(5);
        private Duration writeTimeout = Duration.ofSeconds(30);
        private Duration lingerTimeout = Duration.ofSeconds(2);
        private Duration drainTimeout = Duration.ofSeconds(10);
        private Duration stallThreshold = Duration.ofMillis(500);
        private Duration spin = Duration.ZERO;
        private int highWater = 64 << 10;
        private int lowWater = 32 << 10;
        private int maxPending = 8 << 20;
        private long maxPendingTotal = Math.max(64 << 10, Runtime.getRuntime().maxMemory() / 4);
        private int maxRemainder = 1 << 20;
        private int offloadThreads = 64;
        private int offloadQueue = 1024;
        private int sendBuffer;
        private int receiveBuffer;

        private Builder() {}

        /**
         * {@link ServerOptions#backlog}.
         *
         * @param connections from 1 to 65,535
         * @return this
         */
        public Builder backlog(int connections) {
            backlog = connections;
            return this;
        }

        /**
         * {@link ServerOptions#maxConnections}.
         *
         * @param connections from 1 to 10,000,000; never told, the engine decides
         * @return this
         */
        public Builder maxConnections(int connections) {
            maxConnections = connections;
            return this;
        }

        /**
         * {@link ServerOptions#subReactors}.
         *
         * @param loops from 0 to 1024
         * @return this
         */
        public Builder subReactors(int loops) {
            subReactors = loops;
            return this;
        }

        /**
         * {@link ServerOptions#idleTimeout}.
         *
         * @param timeout up to 365 days; zero: never
         * @return this
         */
        public Builder idleTimeout(Duration timeout) {
            idleTimeout = timeout;
            return this;
        }

        /**
         * {@link ServerOptions#writeTimeout}.
         *
         * @param timeout up to 365 days; zero: never
         * @return this
         */
        public Builder writeTimeout(Duration timeout) {
            writeTimeout = timeout;
            return this;
        }

        /**
         * {@link ServerOptions#lingerTimeout}.
         *
         * @param timeout up to 365 days; zero: not at all
         * @return this
         */
        public Builder lingerTimeout(Duration timeout) {
            lingerTimeout = timeout;
            return this;
        }

        /**
         * {@link ServerOptions#drainTimeout}.
         *
         * @param timeout up to 365 days; zero cuts at once
         * @return this
         */
        public Builder drainTimeout(Duration timeout) {
            drainTimeout = timeout;
            return this;
        }

        /**
         * {@link ServerOptions#stallThreshold}.
         *
         * @param threshold up to 365 days; zero: no watchdog
         * @return this
         */
        public Builder stallThreshold(Duration threshold) {
            stallThreshold = threshold;
            return this;
        }

        /**
         * {@link ServerOptions#spin}.
         *
         * @param longest up to a second, and to a quarter of the stall threshold
         * @return this
         */
        public Builder spin(Duration longest) {
            spin = longest;
            return this;
        }

        /**
         * {@link ServerOptions#highWater}.
         *
         * @param bytes from the low water mark to {@code maxPending}
         * @return this
         */
        public Builder highWater(int bytes) {
            highWater = bytes;
            return this;
        }

        /**
         * {@link ServerOptions#lowWater}.
         *
         * @param bytes from 0 to the high water mark
         * @return this
         */
        public Builder lowWater(int bytes) {
            lowWater = bytes;
            return this;
        }

        /**
         * {@link ServerOptions#maxPending}.
         *
         * @param bytes from the high water mark to 1 GiB
         * @return this
         */
        public Builder maxPending(int bytes) {
            maxPending = bytes;
            return this;
        }

        /**
         * {@link ServerOptions#maxPendingTotal}.
         *
         * @param bytes at least 64 KiB
         * @return this
         */
        public Builder maxPendingTotal(long bytes) {
            maxPendingTotal = bytes;
            return this;
        }

        /**
         * {@link ServerOptions#maxRemainder}.
         *
         * @param bytes from 64 KiB to 1 GiB
         * @return this
         */
        public Builder maxRemainder(int bytes) {
            maxRemainder = bytes;
            return this;
        }

        /**
         * {@link ServerOptions#offloadThreads}.
         *
         * @param threads from 1 to 100,000
         * @return this
         */
        public Builder offloadThreads(int threads) {
            offloadThreads = threads;
            return this;
        }

        /**
         * {@link ServerOptions#offloadQueue}.
         *
         * @param tasks from 1 to 10,000,000
         * @return this
         */
        public Builder offloadQueue(int tasks) {
            offloadQueue = tasks;
            return this;
        }

        /**
         * {@link ServerOptions#sendBuffer}.
         *
         * @param bytes up to 1 GiB; 0: the kernel's choice
         * @return this
         */
        public Builder sendBuffer(int bytes) {
            sendBuffer = bytes;
            return this;
        }

        /**
         * {@link ServerOptions#receiveBuffer}.
         *
         * @param bytes up to 1 GiB; 0: the kernel's choice
         * @return this
         */
        public Builder receiveBuffer(int bytes) {
            receiveBuffer = bytes;
            return this;
        }

        /**
         * Checks and makes the value.
         *
         * @return the options
         * @throws InvalidOption naming the first bad option, its range and the value
         */
        public ServerOptions build() {
            if (maxConnections != null) {
                InvalidOption.within("maxConnections", maxConnections, 1, 10_000_000);
            }
            return new ServerOptions(
                    backlog,
                    maxConnections == null ? 0 : maxConnections,
                    subReactors,
                    idleTimeout,
                    writeTimeout,
                    lingerTimeout,
                    drainTimeout,
                    stallThreshold,
                    spin,
                    highWater,
                    lowWater,
                    maxPending,
                    maxPendingTotal,
                    maxRemainder,
                    offloadThreads,
                    offloadQueue,
                    sendBuffer,
                    receiveBuffer);
        }
    }
}
