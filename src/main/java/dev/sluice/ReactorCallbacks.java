package dev.sluice;

import dev.sluice.internal.Count;
import dev.sluice.internal.RareLog;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.slf4j.LoggerFactory;

/** The callbacks and tasks of one group's connections: one at a time, never inside one another, and whatever they throw. */
final class ReactorCallbacks {

    /** What a handler can be told, or asked to run. */
    enum Event { CREATE, OPEN, READ, WRITABLE, EOF, CLOSE, TASK }

    private final ConnectionGroup group;
    private final RareLog log = new RareLog(LoggerFactory.getLogger(Server.class));

    private static final AtomicReferenceFieldUpdater<ReactorCallbacks, ReactorConnection> CURRENT =
            AtomicReferenceFieldUpdater.newUpdater(ReactorCallbacks.class, ReactorConnection.class, "current");

    /** The connection whose callback is running, or null. Written without a fence: another thread may see it late. */
    volatile ReactorConnection current;

    ReactorCallbacks(ConnectionGroup group) {
        this.group = group;
    }

    /** The only way to a handler. */
    void call(ReactorConnection connection, Event event, Object argument) {
        assert group.reactor.isInLoop() && current == null : "callbacks nest";
        CURRENT.lazySet(this, connection);
        Handler handler = connection.handler;
        try {
            switch (event) {
                case CREATE -> create(connection, (Handler.Factory) argument);
                case OPEN -> open(connection, (Handler.Factory) argument);
                case READ -> handler.onRead(connection, (ByteBuffer) argument);
                case WRITABLE -> handler.onWritable(connection);
                case EOF -> handler.onEof(connection);
                case CLOSE -> handler.onClose(connection, (CloseReason) argument);
                case TASK -> ((Runnable) argument).run();
            }
        } catch (ProtocolException e) {
            connection.end(CloseReason.Kind.PROTOCOL, e);
        } catch (Throwable t) {
            connection.end(CloseReason.Kind.HANDLER_FAILURE, t);
            group.counters.increment(Count.HANDLER_FAILURES);
            log.warn(group.reactor.nowNs(), "handler failed on " + event + ", " + connection, t);
        } finally {
            CURRENT.lazySet(this, null);
        }
    }

    private static void create(ReactorConnection connection, Handler.Factory factory) throws Exception {
        connection.handler = Objects.requireNonNull(factory.create(connection), "the factory's handler");
    }

    private void open(ReactorConnection connection, Handler.Factory factory) throws Exception {
        create(connection, factory);
        if (connection.takesInput()) {
            connection.handler.onOpen(connection);
        } else { // the factory has ended it
            group.neverOpened.add(connection);
        }
    }
}
