package dev.sluice;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * How a server behaves, on any engine: an immutable value, made by a {@link Builder}. Sizes are in bytes. Every limit has a default;
 * none is unlimited but {@link #maxConnectionsPerAddress}, as many clients may share an address.
 */
public final class ServerOptions {

    private static final int GIB = 1 << 30;
    private static final Duration LONGEST = Duration.ofDays(365);

    /** A copy of a builder, which nobody changes. */
    private static final ServerObserver NO_OBSERVER = new ServerObserver() {
        @Override
        public String toString() {
            return "none";
        }
    };

    /**
     * When the kernel asks a peer of which nothing is heard whether it is still there. Times are rounded up to whole seconds.
     *
     * @param idle     after nothing has come for so long; from 1 to 32,767 seconds; zero: it does not ask
     * @param interval how long it waits for an answer, and then asks again; from 1 to 32,767 seconds
     * @param count    questions without an answer after which the connection is lost; from 1 to 127
     */
    public record KeepAlive(Duration idle, Duration interval, int count) {

        private static final Duration MOST = Duration.ofSeconds(32_767); // of Linux, as the count

        /**
         * Checks the times.
         *
         * @throws InvalidOption outside these ranges
         */
        public KeepAlive {
            check(idle.isZero() || isTime(idle), "after 0, or 1 to 32767 seconds", idle);
            check(isTime(interval), "with an interval of 1 to 32767 seconds", interval);
            check(count >= 1 && count <= 127, "with a count of 1 to 127", count);
        }

        private static boolean isTime(Duration time) {
            return time.compareTo(Duration.ofSeconds(1)) >= 0 && time.compareTo(MOST) <= 0;
        }

        private static void check(boolean isRight, String range, Serializable value) {
            if (!isRight) {
                throw new InvalidOption("keepAlive", range, value);
            }
        }

        /**
         * Whether the kernel asks at all.
         *
         * @return true unless the idle time is zero
         */
        public boolean isOn() {
            return !idle.isZero();
        }

        /** In words. Written out, because a command line asks for it at the start, and what a record would generate costs 10 ms then. */
        @Override
        public String toString() {
            return isOn() ? "after " + idle + " every " + interval + ", " + count + " times" : "off";
        }
    }

    private final Builder values;

    private ServerOptions(Builder values) {
        this.values = values.copy();
    }

    /**
     * Every default.
     *
     * @return the options of a server for which none was set
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

    /**
     * Starts from these options.
     *
     * @return a new builder
     */
    public Builder toBuilder() {
        return values.copy();
    }

    /**
     * Open connections, above which a new one is closed at once. Unless it is set, the engine decides when it starts: it takes the
     * process's descriptor limit less a reserve of 64, at most 10,000,000, or 10,000 where that limit is not known; and no more than three
     * quarters of {@link #maxMemory} allow, each with what it needs at least.
     *
     * @return connections; 0: the engine decides
     */
    public int maxConnections() {
        return values.maxConnections;
    }

    /**
     * Open connections that were accepted from one address, above which a new one from there is closed at once. The addresses of one IPv6
     * network of 64 bits count as one, because a single machine has them all; not so link-local addresses and those of 64:ff9b::/64, which
     * stand for IPv4 addresses. Connections that have no internet address are not counted. Default: 0.
     *
     * @return connections; 0: any number
     */
    public int maxConnectionsPerAddress() {
        return values.maxConnectionsPerAddress;
    }

    /**
     * A connection on which no byte was read or written for so long is closed. It is not idle while work is
     * {@linkplain Connection#offload offloaded} or it is {@linkplain Connection#hold held}, nor, on threads, while its handler runs;
     * after that the time begins anew. Whatever the limit, the engine checks every 30 seconds whether the peer has reset the
     * connection, where nothing else would tell. Default: 5 minutes.
     *
     * @return a duration; zero: never
     */
    public Duration idleTimeout() {
        return values.idleTimeout;
    }

    /**
     * A connection with waiting output of which the kernel takes no byte for so long is closed. On threads, where a write blocks, the
     * kernel takes bytes again once a third of the send buffer is free. Default: 30 seconds.
     *
     * @return a duration; zero: never
     */
    public Duration writeTimeout() {
        return values.writeTimeout;
    }

    /**
     * How long a closing connection waits for its peer's end. Default: 2 seconds.
     *
     * @return a duration; zero: not at all
     */
    public Duration lingerTimeout() {
        return values.lingerTimeout;
    }

    /**
     * How long {@link Server#close} gives the connections to end. Default: 10 seconds.
     *
     * @return a duration; zero: all are cut at once
     */
    public Duration drainTimeout() {
        return values.drainTimeout;
    }

    /**
     * Queue length above which {@code write} returns false and the connection is not read. Default: 64 KiB.
     *
     * @return bytes
     */
    public int highWater() {
        return values.highWater;
    }

    /**
     * Queue length at which writing and reading go on. Default: half of the high water mark.
     *
     * @return bytes
     */
    public int lowWater() {
        return values.lowWater();
    }

    /**
     * Queue length above which a connection is closed. Default: 8 MiB.
     *
     * @return bytes
     */
    public int maxPending() {
        return values.maxPending;
    }

    /**
     * Memory that all connections of a server may hold together, on all its loops and threads: queued output, in chunks of 8 KiB; output on
     * its way from other threads, where a write counts as 64 bytes more than it has; unread input; large read buffers on threads; what
     * handlers {@linkplain Connection#holdMemory hold} on behalf of connections; and for each connection what it needs at least, 1 KiB on
     * a reactor and 2 KiB on threads. From three quarters of it, the connections that hold
     * most are not read. One that waits so for {@link #writeTimeout}, and whose part does not shrink, is closed, the largest first, or,
     * where those hold no more than equal shares, the largest of all; above the whole, the largest are closed at once ({@link
     * CloseReason.Kind#MEMORY}). A connection that holds less than an equal share is not closed for this; where all that wait are
     * such, they read on in turns. A newcomer is closed at once where even what each connection needs at least leaves no room. Unless
     * this is set, the engine decides when it starts: it takes a quarter of the maximum heap, or three quarters of the maximum direct
     * memory if that is less.
     *
     * @return bytes; 0: the engine decides
     */
    public long maxMemory() {
        return values.maxMemory;
    }

    /**
     * Unread bytes that may wait for more, above which the connection is closed. Default: 1 MiB.
     *
     * @return bytes
     */
    public int maxRemainder() {
        return values.maxRemainder;
    }

    /**
     * Threads that run the work that connections {@linkplain Connection#offload offload}. Default: 64.
     *
     * @return threads
     */
    public int offloadThreads() {
        return values.offloadThreads;
    }

    /**
     * Offloaded tasks that may wait for a thread. A connection that brings one more is not read until half of them are gone. The same
     * number bounds the tasks of one connection that {@linkplain Connection#offloadInOrder wait for their order}. Default: 1024.
     *
     * @return tasks
     */
    public int offloadQueue() {
        return values.offloadQueue;
    }

    /**
     * SO_SNDBUF. Default: the kernel's choice.
     *
     * @return bytes; 0: the kernel's choice
     */
    public int sendBuffer() {
        return values.sendBuffer;
    }

    /**
     * SO_RCVBUF. Default: the kernel's choice.
     *
     * @return bytes; 0: the kernel's choice
     */
    public int receiveBuffer() {
        return values.receiveBuffer;
    }

    /**
     * SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT of accepted and of outbound connections. A peer whose machine has gone
     * without a word is so found although no output waits; its connection ends with {@link CloseReason.Kind#RESET}. One that is there and
     * says nothing answers the kernel, and only {@link #idleTimeout} ends it. A socket without these options keeps what it has: one that is
     * not TCP, and, but for SO_KEEPALIVE, in a runtime image without module jdk.net. Default: off.
     *
     * @return the times
     */
    public KeepAlive keepAlive() {
        return values.keepAlive;
    }

    /**
     * Hears of the server what no connection sees. Default: one that does nothing.
     *
     * @return an observer
     */
    public ServerObserver observer() {
        return values.observer;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ServerOptions options && values.all().equals(options.values.all());
    }

    @Override
    public int hashCode() {
        return values.all().hashCode();
    }

    @Override
    public String toString() {
        return "ServerOptions" + values.all();
    }

    /**
     * Collects options, in any order. A setter throws {@link InvalidOption} if its value is outside the range that it names; the marks
     * and limits that bound each other are checked by {@link #build}. Not thread-safe.
     */
    public static final class Builder implements Cloneable {
        private int maxConnections;
        private int maxConnectionsPerAddress;
        private Duration idleTimeout = Duration.ofMinutes(5);
        private Duration writeTimeout = Duration.ofSeconds(30);
        private Duration lingerTimeout = Duration.ofSeconds(2);
        private Duration drainTimeout = Duration.ofSeconds(10);
        private int highWater = 64 << 10;
        private int lowWater = -1;
        private int maxPending = 8 << 20;
        private long maxMemory;
        private int maxRemainder = 1 << 20;
        private int offloadThreads = 64;
        private int offloadQueue = 1024;
        private int sendBuffer;
        private int receiveBuffer;
        private KeepAlive keepAlive = new KeepAlive(Duration.ZERO, Duration.ofSeconds(15), 4);
        private ServerObserver observer = NO_OBSERVER;

        private Builder() {}

        /**
         * {@link ServerOptions#maxConnections}.
         *
         * @param connections from 1 to 10,000,000
         * @return this
         */
        public Builder maxConnections(int connections) {
            maxConnections = InvalidOption.within("maxConnections", connections, 1, 10_000_000);
            return this;
        }

        /**
         * {@link ServerOptions#maxConnectionsPerAddress}.
         *
         * @param connections up to 10,000,000; 0: any number
         * @return this
         */
        public Builder maxConnectionsPerAddress(int connections) {
            maxConnectionsPerAddress = InvalidOption.within("maxConnectionsPerAddress", connections, 0, 10_000_000);
            return this;
        }

        /**
         * {@link ServerOptions#idleTimeout}.
         *
         * @param timeout up to 365 days; zero: never
         * @return this
         */
        public Builder idleTimeout(Duration timeout) {
            idleTimeout = InvalidOption.within("idleTimeout", timeout, Duration.ZERO, LONGEST);
            return this;
        }

        /**
         * {@link ServerOptions#writeTimeout}.
         *
         * @param timeout up to 365 days; zero: never
         * @return this
         */
        public Builder writeTimeout(Duration timeout) {
            writeTimeout = InvalidOption.within("writeTimeout", timeout, Duration.ZERO, LONGEST);
            return this;
        }

        /**
         * {@link ServerOptions#lingerTimeout}.
         *
         * @param timeout up to 365 days; zero: not at all
         * @return this
         */
        public Builder lingerTimeout(Duration timeout) {
            lingerTimeout = InvalidOption.within("lingerTimeout", timeout, Duration.ZERO, LONGEST);
            return this;
        }

        /**
         * {@link ServerOptions#drainTimeout}.
         *
         * @param timeout up to 365 days; zero: all are cut at once
         * @return this
         */
        public Builder drainTimeout(Duration timeout) {
            drainTimeout = InvalidOption.within("drainTimeout", timeout, Duration.ZERO, LONGEST);
            return this;
        }

        /**
         * {@link ServerOptions#highWater}.
         *
         * @param bytes from the low water mark to {@code maxPending}
         * @return this
         */
        public Builder highWater(int bytes) {
            highWater = InvalidOption.within("highWater", bytes, 1, GIB);
            return this;
        }

        /**
         * {@link ServerOptions#lowWater}.
         *
         * @param bytes from 0 to the high water mark; half of that if this is not called
         * @return this
         */
        public Builder lowWater(int bytes) {
            lowWater = InvalidOption.within("lowWater", bytes, 0, GIB);
            return this;
        }

        /**
         * {@link ServerOptions#maxPending}.
         *
         * @param bytes from the high water mark to 1 GiB
         * @return this
         */
        public Builder maxPending(int bytes) {
            maxPending = InvalidOption.within("maxPending", bytes, 1, GIB);
            return this;
        }

        /**
         * {@link ServerOptions#maxMemory}.
         *
         * @param bytes from 64 KiB to 1 PiB
         * @return this
         */
        public Builder maxMemory(long bytes) {
            maxMemory = InvalidOption.within("maxMemory", bytes, 64L << 10, 1L << 50);
            return this;
        }

        /**
         * {@link ServerOptions#maxRemainder}.
         *
         * @param bytes from 64 KiB to 1 GiB
         * @return this
         */
        public Builder maxRemainder(int bytes) {
            maxRemainder = InvalidOption.within("maxRemainder", bytes, 64 << 10, GIB);
            return this;
        }

        /**
         * {@link ServerOptions#offloadThreads}.
         *
         * @param threads from 1 to 100,000
         * @return this
         */
        public Builder offloadThreads(int threads) {
            offloadThreads = InvalidOption.within("offloadThreads", threads, 1, 100_000);
            return this;
        }

        /**
         * {@link ServerOptions#offloadQueue}.
         *
         * @param tasks from 1 to 10,000,000
         * @return this
         */
        public Builder offloadQueue(int tasks) {
            offloadQueue = InvalidOption.within("offloadQueue", tasks, 1, 10_000_000);
            return this;
        }

        /**
         * {@link ServerOptions#sendBuffer}.
         *
         * @param bytes up to 1 GiB; 0: the kernel's choice
         * @return this
         */
        public Builder sendBuffer(int bytes) {
            sendBuffer = InvalidOption.within("sendBuffer", bytes, 0, GIB);
            return this;
        }

        /**
         * {@link ServerOptions#receiveBuffer}.
         *
         * @param bytes up to 1 GiB; 0: the kernel's choice
         * @return this
         */
        public Builder receiveBuffer(int bytes) {
            receiveBuffer = InvalidOption.within("receiveBuffer", bytes, 0, GIB);
            return this;
        }

        /**
         * {@link ServerOptions#keepAlive}.
         *
         * @param idle     from 1 to 32,767 seconds; zero: off
         * @param interval from 1 to 32,767 seconds
         * @param count    from 1 to 127
         * @return this
         */
        public Builder keepAlive(Duration idle, Duration interval, int count) {
            keepAlive = new KeepAlive(idle, interval, count);
            return this;
        }

        /**
         * {@link ServerOptions#observer}.
         *
         * @param hears may be shared by several servers
         * @return this
         */
        public Builder observer(ServerObserver hears) {
            observer = Objects.requireNonNull(hears, "observer");
            return this;
        }

        /**
         * Makes the value.
         *
         * @return the options
         * @throws InvalidOption if the low water mark is above the high one, or that above {@code maxPending}
         */
        public ServerOptions build() {
            notAbove("lowWater", lowWater(), "highWater", highWater);
            notAbove("highWater", highWater, "maxPending", maxPending);
            return new ServerOptions(this);
        }

        private int lowWater() {
            return lowWater < 0 ? highWater / 2 : lowWater;
        }

        private static void notAbove(String option, int value, String bound, int most) {
            if (value > most) {
                throw new InvalidOption(option, "at most %s (" + most + ")", bound, value);
            }
        }

        private Builder copy() {
            try {
                return (Builder) clone();
            } catch (CloneNotSupportedException e) {
                throw new AssertionError(e);
            }
        }

        /** Every option with its value: these are compared, and told. */
        private List<String> all() {
            return List.of(
                    "maxConnections=" + maxConnections,
                    "maxConnectionsPerAddress=" + maxConnectionsPerAddress,
                    "idleTimeout=" + idleTimeout,
                    "writeTimeout=" + writeTimeout,
                    "lingerTimeout=" + lingerTimeout,
                    "drainTimeout=" + drainTimeout,
                    "highWater=" + highWater,
                    "lowWater=" + lowWater(),
                    "maxPending=" + maxPending,
                    "maxMemory=" + maxMemory,
                    "maxRemainder=" + maxRemainder,
                    "offloadThreads=" + offloadThreads,
                    "offloadQueue=" + offloadQueue,
                    "sendBuffer=" + sendBuffer,
                    "receiveBuffer=" + receiveBuffer,
                    "keepAlive=" + keepAlive,
                    "observer=" + observer);
        }
    }
}
