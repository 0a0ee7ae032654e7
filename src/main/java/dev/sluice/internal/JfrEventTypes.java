package dev.sluice.internal;

import java.net.SocketAddress;
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

/** The events of {@link JfrEvents}; loaded once it is known that there is a recorder. */
final class JfrEventTypes {

    /** Connections that opened while somebody recorded, until they close. */
    private static final Map<Object, ConnectionEvent> OPEN = new ConcurrentHashMap<>();

    private JfrEventTypes() {}

    @Name("sluice.Connection")
    @Label("Connection")
    @Category("Sluice")
    @Registered(false)
    @StackTrace(false)
    static final class ConnectionEvent extends Event {
        @Label("Remote Address")
        String remote;

        @Label("Close Reason")
        String reason;

        @Label("Unsent")
        @DataAmount
        long unsent;
    }

    @Name("sluice.QueueLimit")
    @Label("Queue Limit")
    @Category("Sluice")
    @Registered(false)
    @StackTrace(false)
    static final class QueueLimitEvent extends Event {
        @Label("Remote Address")
        String remote;

        @Label("Unsent")
        @DataAmount
        long unsent;
    }

    @Name("sluice.Stall")
    @Label("Stall")
    @Category("Sluice")
    @Registered(false)
    @StackTrace(false)
    static final class StallEvent extends Event {
        @Label("Loop")
        String loop;

        @Label("Waited")
        @Timespan
        long waited;

        @Label("Kept By")
        String by;
    }

    @Name("sluice.AcceptPaused")
    @Label("Accept Paused")
    @Category("Sluice")
    @Registered(false)
    @StackTrace(false)
    static final class AcceptPausedEvent extends Event {
        @Label("Cause")
        String cause;
    }

    @Name("sluice.Drain")
    @Label("Drain")
    @Category("Sluice")
    @Registered(false)
    @StackTrace(false)
    static final class DrainEvent extends Event {
        @Label("Connections")
        int connections;
    }

    static boolean isRecorderThere() {
        return FlightRecorder.isInitialized();
    }

    static void register() {
        FlightRecorder.register(ConnectionEvent.class);
        FlightRecorder.register(QueueLimitEvent.class);
        FlightRecorder.register(StallEvent.class);
        FlightRecorder.register(AcceptPausedEvent.class);
        FlightRecorder.register(DrainEvent.class);
    }

    static void opened(Object connection) {
        ConnectionEvent event = new ConnectionEvent();
        if (event.isEnabled()) {
            event.begin();
            OPEN.put(connection, event);
        }
    }

    static void forget(Object connection) {
        OPEN.remove(connection);
    }

    static void closed(Object connection, SocketAddress remote, String reason, long unsent) {
        ConnectionEvent event = OPEN.remove(connection);
        if (event != null) {
            event.end();
            event.remote = remote.toString();
            event.reason = reason;
            event.unsent = unsent;
            event.commit();
        }
        if (reason.equals("QUEUE_LIMIT")) {
            QueueLimitEvent limit = new QueueLimitEvent();
            limit.remote = remote.toString();
            limit.unsent = unsent;
            limit.commit();
        }
    }

    static void stalled(String loop, long waitedNs, String by) {
        StallEvent event = new StallEvent();
        event.loop = loop;
        event.waited = waitedNs;
        event.by = by;
        event.commit();
    }

    static JfrEvents.Span acceptPaused(String cause) {
        AcceptPausedEvent event = new AcceptPausedEvent();
        event.cause = cause;
        event.begin();
        return event::commit;
    }

    static JfrEvents.Span drains(int connections) {
        DrainEvent event = new DrainEvent();
        event.connections = connections;
        event.begin();
        return event::commit;
    }
}
