package dev.sluice;

import dev.sluice.ReactorCallbacks.Event;
import dev.sluice.internal.Listener;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * A socket on its way to become a {@link ReactorConnection}, which takes over its key. Belongs to the loop.
 *
 * <pre>
 *   begin ──▶ CONNECTING ── connected ──▶ a ReactorConnection, open
 *     │           │
 *     └───────────┴── refused · no answer in time · abandoned ──▶ onClose(CONNECT_FAILURE), and no onOpen before
 * </pre>
 */
final class ConnectAttempt implements Tenant {

    final ConnectionGroup group;
    private final InetSocketAddress address;
    private final Duration timeout;
    private final Handler.Factory factory;

    /** Whether another connection of the group has asked for it. */
    final boolean isCompanion;

    private SocketChannel channel;
    private Timer deadline = () -> false;

    private ConnectAttempt(
            ConnectionGroup group, InetSocketAddress address, Duration timeout, Handler.Factory factory, boolean isCompanion) {
        this.group = group;
        this.address = address;
        this.timeout = timeout;
        this.factory = factory;
        this.isCompanion = isCompanion;
    }

    /** Begins to connect. Not within a callback, because the end may come at once. */
    static ConnectAttempt begin(
            ConnectionGroup group, InetSocketAddress address, Duration timeout, Handler.Factory factory, boolean isCompanion) {
        ConnectAttempt attempt = new ConnectAttempt(group, address, timeout, factory, isCompanion);
        try {
            attempt.begin();
        } catch (Throwable t) { // an address that was not resolved is no IOException, want of memory no Exception
            attempt.fail(t);
        }
        return attempt;
    }

    private void begin() throws IOException {
        channel = group.reactor.selector.provider().openSocketChannel();
        Listener.prepare(channel, group.options.sendBuffer());
        if (group.options.receiveBuffer() > 0) {
            channel.setOption(StandardSocketOptions.SO_RCVBUF, group.options.receiveBuffer());
        }
        channel.configureBlocking(false);
        if (channel.connect(address)) {
            open();
            return;
        }
        group.reactor.register(channel, SelectionKey.OP_CONNECT, this);
        if (!timeout.isZero()) {
            deadline = group.reactor.schedule(timeout, this::expire);
        }
    }

    @Override
    public void ready(int readyOps) {
        try {
            if (channel.finishConnect()) {
                open();
            }
        } catch (Throwable t) {
            fail(t);
        }
    }

    private void open() throws IOException {
        deadline.cancel();
        ReactorConnection connection = ReactorConnection.open(group, channel, factory);
        if (isCompanion) {
            group.companions.add(connection);
        }
    }

    private void expire() {
        fail(new SocketTimeoutException("no answer within " + timeout.toMillis() + " ms"));
    }

    /** Whoever wanted the connection does not any more. */
    void abandon() {
        if (channel.isOpen()) { // the key of one that failed in this turn is still there
            fail(new IOException("given up before it was connected"));
        }
    }

    private void fail(Throwable cause) {
        deadline.cancel();
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // its descriptor is free all the same
        }
        ReactorConnection connection = neverOpened(group, address);
        CloseReason reason = new CloseReason(CloseReason.Kind.CONNECT_FAILURE, cause, 0);
        if (isCompanion) {
            group.companions.add(connection);
        }
        group.opened(connection);
        group.closed(connection, reason);
        try {
            tell(connection, factory, reason);
        } finally {
            group.gone(connection, reason);
        }
    }

    /** Nothing is attempted. Not within a callback. */
    static void refuse(ConnectionGroup group, InetSocketAddress address, Handler.Factory factory, String why) {
        CloseReason reason = new CloseReason(CloseReason.Kind.CONNECT_FAILURE, new IOException(why), 0);
        tell(neverOpened(group, address), factory, reason);
    }

    private static ReactorConnection neverOpened(ConnectionGroup group, InetSocketAddress address) {
        return new ReactorConnection(group, address, ReactorConnection.State.CLOSED);
    }

    private static void tell(ReactorConnection connection, Handler.Factory factory, CloseReason reason) {
        ReactorCallbacks callbacks = connection.group.callbacks;
        callbacks.call(connection, Event.CREATE, factory);
        if (connection.handler != null) {
            callbacks.call(connection, Event.CLOSE, reason);
        }
    }
}
