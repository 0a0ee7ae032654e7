package dev.sluice.reactor;

import dev.sluice.InvalidOption;
import dev.sluice.ServerOptions;
import java.time.Duration;
import java.util.Objects;

/**
 * How a server on loops of its own behaves: the options of any server, and those that only such loops have. An immutable value, made by
 * a {@link Builder}.
 */
public final class ReactorOptions {

    private static final Duration LONGEST_THRESHOLD = Duration.ofDays(365);

    /** It should bridge the gap between two requests; a loop that polls for longer wastes a core. */
    private static final Duration LONGEST_SPIN = Duration.ofSeconds(1);

    private final ServerOptions server;
    private final int subReactors;
    private final Duration stallThreshold;
    private final Duration spin;

    private ReactorOptions(Builder from) {
        server = from.server;
        subReactors = from.subReactors;
        stallThreshold = from.stallThreshold;
        spin = from.spin;
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
        return builder().server(server).subReactors(subReactors).stallThreshold(stallThreshold).spin(spin);
    }

    /**
     * The options of any server. Default: {@link ServerOptions#defaults}.
     *
     * @return options
     */
    public ServerOptions server() {
        return server;
    }

    /**
     * Loops beside the acceptor's. Default: 0.
     *
     * @return loops; 0: the acceptor's loop serves the connections itself
     */
    public int subReactors() {
        return subReactors;
    }

    /**
     * How long a task may take to come through a loop before the watchdog names the connection that keeps it. A stall of more
     * than one and a half times the threshold is always told, a shorter one perhaps. Default: 500 ms.
     *
     * @return a duration; zero: there is no watchdog
     */
    public Duration stallThreshold() {
        return stallThreshold;
    }

    /**
     * How long a loop polls before it blocks, so that a request that comes meanwhile is answered sooner. The core is busy for as long.
     * Default: zero.
     *
     * @return a duration; zero: the loop blocks at once
     */
    public Duration spin() {
        return spin;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ReactorOptions options
                && server.equals(options.server)
                && subReactors == options.subReactors
                && stallThreshold.equals(options.stallThreshold)
                && spin.equals(options.spin);
    }

    @Override
    public int hashCode() {
        return Objects.hash(server, subReactors, stallThreshold, spin);
    }

    @Override
    public String toString() {
        return "ReactorOptions[server=" + server + ", subReactors=" + subReactors + ", stallThreshold=" + stallThreshold + ", spin=" + spin + "]";
    }

    /**
     * Collects options, in any order. A setter throws {@link InvalidOption} if its value is outside the range that it names; {@link #build}
     * checks those that bound each other. Not thread-safe.
     */
    public static final class Builder {
        private ServerOptions server = ServerOptions.defaults();
        private int subReactors;
        private Duration stallThreshold = Duration.ofMillis(500);
        private Duration spin = Duration.ZERO;

        private Builder() {}

        /**
         * {@link ReactorOptions#server}.
         *
         * @param options of any server
         * @return this
         */
        public Builder server(ServerOptions options) {
            server = Objects.requireNonNull(options, "server");
            return this;
        }

        /**
         * {@link ReactorOptions#subReactors}.
         *
         * @param loops from 0 to 1024
         * @return this
         */
        public Builder subReactors(int loops) {
            subReactors = InvalidOption.within("subReactors", loops, 0, 1024);
            return this;
        }

        /**
         * {@link ReactorOptions#stallThreshold}.
         *
         * @param threshold up to 365 days; zero: no watchdog
         * @return this
         */
        public Builder stallThreshold(Duration threshold) {
            stallThreshold = InvalidOption.within("stallThreshold", threshold, Duration.ZERO, LONGEST_THRESHOLD);
            return this;
        }

        /**
         * {@link ReactorOptions#spin}.
         *
         * @param longest up to a second, and to a quarter of the stall threshold unless that is zero
         * @return this
         */
        public Builder spin(Duration longest) {
            spin = InvalidOption.within("spin", longest, Duration.ZERO, LONGEST_SPIN);
            return this;
        }

        /**
         * Makes the value.
         *
         * @return the options
         * @throws InvalidOption if spin is above a quarter of the stall threshold
         */
        public ReactorOptions build() {
            // the watchdog looks twice in a threshold, and a task that it sends through a loop that still spins would begin another spin
            if (!stallThreshold.isZero() && spin.multipliedBy(4).compareTo(stallThreshold) > 0) {
                throw new InvalidOption("spin", "at most a quarter of %s (" + stallThreshold + ")", "stallThreshold", spin);
            }
            return new ReactorOptions(this);
        }
    }
}
