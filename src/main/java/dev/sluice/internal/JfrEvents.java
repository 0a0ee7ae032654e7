package dev.sluice.internal;

import java.net.SocketAddress;

/**
 * What the flight recorder is told, where the JDK has one and somebody records: connections, stalls, pauses of accepting,
 * queue limits, drains. While nobody does, each call costs a look at a flag, and no event is registered, which would set up the
 * recorder. Any thread.
 *
 * <p>Names no class of {@code jdk.jfr}, which may be missing from a runtime image: {@link JfrEventTypes} does.
 */
public final class JfrEvents {

    private enum State { OFF, REGISTERING, ON, MISSING }

    private static volatile State state = State.OFF;

    private JfrEvents() {}

    /** Something that takes its time, and is told when it ends. */
    @FunctionalInterface
    public interface Span {
        /** One that nobody records. */
        Span NONE = () -> {};

        /** It has ended. */
        void end();
    }

    /**
     * Whether somebody records. The first to find out registers the events, on a thread of its own, as that takes tens of
     * milliseconds; what happens until then is not told.
     */
    private static boolean isOn() {
        State now = state;
        if (now == State.OFF) {
            begin();
        }
        return now == State.ON;
    }

    private static void begin() {
        try {
            if (JfrEventTypes.isRecorderThere()) {
                register();
            }
        } catch (LinkageError e) {
            state = State.MISSING; // a runtime image without it
        }
    }

    private static synchronized void register() {
        if (state != State.OFF) {
            return;
        }
        state = State.REGISTERING;
        Thread registering = new Thread(
                () -> {
                    JfrEventTypes.register();
                    state = State.ON;
                },
                "sluice-flight");
        registering.setDaemon(true);
        try {
            registering.start();
        } catch (OutOfMemoryError e) { // what Java makes of the limit of threads: the next to find out tries again
            state = State.OFF;
        }
    }

    /**
     * A connection has opened.
     *
     * @param connection stands for itself
     */
    public static void opened(Object connection) {
        if (isOn()) {
            JfrEventTypes.opened(connection);
        }
    }

    /**
     * A connection was sent away after all.
     *
     * @param connection the one that opened
     */
    public static void forget(Object connection) {
        if (isOn()) {
            JfrEventTypes.forget(connection);
        }
    }

    /**
     * A connection has closed; a queue limit that closed it is an event of its own.
     *
     * @param connection the one that opened
     * @param remote     its peer
     * @param reason     why, a kind of the close reason
     * @param unsent     bytes that never left
     */
    public static void closed(Object connection, SocketAddress remote, Enum<?> reason, long unsent) {
        if (isOn()) {
            JfrEventTypes.closed(connection, remote, reason.name(), unsent);
        }
    }

    /**
     * A loop was kept.
     *
     * @param loop     its thread's name
     * @param waitedNs for how long, until it was seen
     * @param by       what keeps it
     */
    public static void stalled(String loop, long waitedNs, String by) {
        if (isOn()) {
            JfrEventTypes.stalled(loop, waitedNs, by);
        }
    }

    /**
     * Accepting pauses.
     *
     * @param cause why
     * @return ended when it goes on
     */
    public static Span acceptPaused(Throwable cause) {
        return isOn() ? JfrEventTypes.acceptPaused(cause.toString()) : Span.NONE;
    }

    /**
     * A server drains.
     *
     * @param connections how many there are
     * @return ended when the last has closed
     */
    public static Span drains(int connections) {
        return isOn() ? JfrEventTypes.drains(connections) : Span.NONE;
    }
}
