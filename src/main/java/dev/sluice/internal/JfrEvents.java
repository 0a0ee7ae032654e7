package dev.sluice.internal;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.ProxyHeader;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Registered;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/**
 * The events of the flight recorder: connections, stalls, pauses of accepting, queue limits, drains. While nothing records, each
 * call costs a look at a flag, and no event is registered, because that would set up the recorder. Any thread.
 *
 * <p>A runtime image may lack {@code jdk.jfr}. So this class can be loaded without it, and the events are classes of their own.
 */
public final class JfrEvents {

    private enum State { OFF, REGISTERING, ON, MISSING }

    private static volatile State state = State.OFF;

    /** Connections that opened during a recording, until they close. */
    private static final Map<Connection, ConnectionEvent> OPEN = new ConcurrentHashMap<>();

    private JfrEvents() {}

    /** Something that lasts, until its end is told. */
    @FunctionalInterface
    public interface Span {
        /** One that is not recorded. */
        Span NONE = () -> {};

        /** It has ended. */
        void end();
    }

    @Category("Sluice")
    @Registered(false)
    @StackTrace(false)
    private abstract static class SluiceEvent extends Event {
        /** A method of this class, because the outer one would be verified with jdk.jfr, and that may be missing. */
        final Span lasting() {
            begin();
            return () -> {
                try {
                    commit();
                } catch (Throwable t) {
                    // goes untold
                }
            };
        }
    }

    /** The end of a connection. */
    private abstract static class EndEvent extends SluiceEvent {
        @Label("Connection")
        long id;

        @Label("Remote Address")
        String remote;

        @Label("Unsent")
        @DataAmount
        long unsent;

        final void of(Connection connection, CloseReason why) {
            id = connection.id();
            unsent = why.unsent();
        }
    }

    @Name("sluice.Connection")
    @Label("Connection")
    private static final class ConnectionEvent extends EndEvent {
        @Label("Local Address")
        String local;

        @Label("Close Reason")
        String reason;
    }

    @Name("sluice.QueueLimit")
    @Label("Queue Limit")
    private static final class QueueLimitEvent extends EndEvent {}

    @Name("sluice.Stall")
    @Label("Stall")
    private static final class StallEvent extends SluiceEvent {
        @Label("Loop")
        String loop;

        @Label("Waited")
        @Timespan
        long waited;

        @Label("Kept By")
        String by;
    }

    @Name("sluice.HeaderRejected")
    @Label("PROXY Header Rejected")
    private static final class HeaderRejectedEvent extends SluiceEvent {
        @Label("Remote Address")
        String remote;

        @Label("Fault")
        String fault;
    }

    @Name("sluice.AcceptPaused")
    @Label("Accept Paused")
    private static final class AcceptPausedEvent extends SluiceEvent {
        @Label("Cause")
        String cause;
    }

    @Name("sluice.Drain")
    @Label("Drain")
    private static final class DrainEvent extends SluiceEvent {
        @Label("Connections")
        int connections;
    }

    /**
     * Whether a recorder is there. The first call that finds one registers the events, on a thread of its own, because that takes
     * tens of milliseconds; what happens until then is not recorded.
     */
    private static boolean isOn() {
        State now = state;
        if (now == State.OFF) {
            try {
                if (FlightRecorder.isInitialized()) {
                    register();
                }
            } catch (LinkageError e) {
                state = State.MISSING; // a runtime image without it
            }
        }
        return now == State.ON;
    }

    private static synchronized void register() {
        if (state != State.OFF) {
            return;
        }
        state = State.REGISTERING;
        Thread registering = new Thread(
                () -> {
                    FlightRecorder.register(ConnectionEvent.class);
                    FlightRecorder.register(QueueLimitEvent.class);
                    FlightRecorder.register(StallEvent.class);
                    FlightRecorder.register(HeaderRejectedEvent.class);
                    FlightRecorder.register(AcceptPausedEvent.class);
                    FlightRecorder.register(DrainEvent.class);
                    state = State.ON;
                },
                "sluice-flight");
        registering.setDaemon(true);
        try {
            registering.start();
        } catch (OutOfMemoryError e) { // what Java makes of the limit of threads: the next call tries again
            state = State.OFF;
        }
    }

    /**
     * A connection has opened.
     *
     * @param connection the one
     * @param channel    its socket; null if it could not be made
     */
    public static void opened(Connection connection, SocketChannel channel) {
        if (isOn()) {
            ConnectionEvent event = new ConnectionEvent();
            if (event.isEnabled()) {
                event.begin();
                event.remote = PeerText.of(connection.remoteAddress(), channel); // later, the kernel no longer tells who it was
                OPEN.put(connection, event);
            }
        }
    }

    /**
     * A connection was sent away after all.
     *
     * @param connection the one that opened
     */
    public static void forget(Connection connection) {
        OPEN.remove(connection);
    }

    /**
     * A connection has closed; a queue limit that closed it is an event of its own.
     *
     * @param connection the one that opened
     * @param reason     why, and what was lost
     */
    public static void closed(Connection connection, CloseReason reason) {
        if (!isOn()) {
            return;
        }
        ConnectionEvent event = OPEN.remove(connection);
        if (event != null) {
            event.end();
            event.of(connection, reason);
            event.local = PeerText.of(connection.localAddress());
            event.reason = reason.kind().name();
            event.commit();
        }
        if (reason.kind() == CloseReason.Kind.QUEUE_LIMIT) {
            QueueLimitEvent limit = new QueueLimitEvent();
            limit.of(connection, reason);
            limit.remote = event == null ? PeerText.of(connection.remoteAddress()) : event.remote;
            limit.commit();
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
            StallEvent event = new StallEvent();
            event.loop = loop;
            event.waited = waitedNs;
            event.by = by;
            event.commit();
        }
    }

    /**
     * A newcomer was closed for its PROXY header.
     *
     * @param remote the socket's peer
     * @param fault  why
     */
    public static void headerRejected(SocketAddress remote, ProxyHeader.Fault fault) {
        if (isOn()) {
            HeaderRejectedEvent event = new HeaderRejectedEvent();
            event.remote = String.valueOf(remote);
            event.fault = fault.name();
            event.commit();
        }
    }

    /**
     * Accepting pauses.
     *
     * @param cause why
     * @return ended when it goes on
     */
    public static Span acceptPaused(Throwable cause) {
        try {
            if (!isOn()) {
                return Span.NONE;
            }
            AcceptPausedEvent event = new AcceptPausedEvent();
            event.cause = cause.toString();
            return event.lasting();
        } catch (Throwable t) { // no memory, or a cause that cannot be told
            return Span.NONE;
        }
    }

    /**
     * A server drains.
     *
     * @param connections how many there are
     * @return ended when the last has closed
     */
    public static Span drains(int connections) {
        try {
            if (!isOn()) {
                return Span.NONE;
            }
            DrainEvent event = new DrainEvent();
            event.connections = connections;
            return event.lasting();
        } catch (Throwable t) { // no memory
            return Span.NONE;
        }
    }
}
