package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.Handler;
import dev.sluice.Timer;
import dev.sluice.internal.Drain;
import dev.sluice.internal.ListenerSockets;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * An attempt to connect, on the way to become a {@link ReactorConnection}, which takes over its key. Belongs to the loop.
 *
 * <pre>
 *   begin ──▶ CONNECTING ── connected ──▶ a ReactorConnection, open
 *     │           │
 *     └───────────┴── refused · no answer in time · given up ──▶ onClose(CONNECT_FAILURE), and no onOpen before
 * </pre>
 */
final class ReactorConnect implements ReadyHandler, Drain.Member {

    final ReactorContext context;
    private final InetSocketAddress address;
    private final Duration timeout;
    private final Handler.Factory factory;
    private final boolean isOutbound;
    private final long beganNs;
    private SocketChannel channel;
    private Timer deadline = () -> false;

    private ReactorConnect(
            ReactorContext context, InetSocketAddress address, Duration timeout, Handler.Factory factory, boolean isOutbound) {
        this.context = context;
        this.address = address;
        this.timeout = timeout;
        this.factory = factory;
        this.isOutbound = isOutbound;
        this.beganNs = context.reactor.nowNs();
    }

    /**
     * Begins to connect. Not within a callback, because the end may come at once.
     *
     * @param isOutbound whether another connection of the server has asked for it
     */
    static ReactorConnect begin(
            ReactorContext context, InetSocketAddress address, Duration timeout, Handler.Factory factory, boolean isOutbound) {
        ReactorConnect attempt = new ReactorConnect(context, address, timeout, factory, isOutbound);
        try {
            attempt.begin();
        } catch (Throwable t) { // an address that was not resolved is no IOException, want of memory no Exception
            attempt.fail(t);
        }
        return attempt;
    }

    private void begin() throws IOException {
        channel = context.reactor.selector.provider().openSocketChannel();
        ListenerSockets.prepare(channel, context.options);
        if (context.options.receiveBuffer() > 0) {
            channel.setOption(StandardSocketOptions.SO_RCVBUF, context.options.receiveBuffer());
        }
        channel.configureBlocking(false);
        if (channel.connect(address)) {
            open();
            return;
        }
        context.reactor.register(channel, SelectionKey.OP_CONNECT, this);
        if (!timeout.isZero()) {
            deadline = context.reactor.schedule(timeout, this::expire);
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
        ReactorConnection.open(context, channel, factory, isOutbound);
    }

    private void expire() {
        fail(new SocketTimeoutException("no answer within " + timeout.toMillis() + " ms"));
    }

    @Override
    public boolean isOutbound() {
        return isOutbound;
    }

    @Override
    public long activeNs() {
        return beganNs;
    }

    @Override
    public void leave() {
        cut();
    }

    @Override
    public void cut() {
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
        CloseReason reason = new CloseReason(CloseReason.Kind.CONNECT_FAILURE, cause, 0);
        ReactorConnection connection = ReactorConnection.neverOpened(context, address);
        context.opened(connection, isOutbound);
        context.closed(connection, reason);
        try {
            connection.tellFailure(factory, reason);
        } finally {
            context.gone(connection, reason);
        }
    }

    /** Nothing is attempted, and the handler is told. Not within a callback. */
    static void refuse(ReactorContext context, InetSocketAddress address, Handler.Factory factory, String why) {
        CloseReason reason = new CloseReason(CloseReason.Kind.CONNECT_FAILURE, new IOException(why), 0);
        ReactorConnection.neverOpened(context, address).tellFailure(factory, reason);
    }
}
