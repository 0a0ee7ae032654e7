package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.Handler;
import dev.sluice.Timer;
import dev.sluice.internal.Drain;
import dev.sluice.internal.ListenerSockets;
import dev.sluice.internal.TaskQueue;
import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
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
final class ReactorConnect extends TaskQueue.Task implements ReadyHandler, Drain.Member {

    final ReactorContext context;
    private final SocketAddress address;
    private final Duration timeout;
    private final Handler.Factory factory;
    private final boolean isOutbound;
    private final long beganNs;
    private SocketChannel channel;
    private Timer deadline = () -> false;

    /** Why it has failed, or null. */
    private Throwable failure;

    /** The connection that it would have become, once it is counted. */
    private ReactorConnection failed;

    private CloseReason reason;
    private boolean isTold;

    ReactorConnect(
            ReactorContext context, SocketAddress address, Duration timeout, Handler.Factory factory, boolean isOutbound) {
        this.context = context;
        this.address = address;
        this.timeout = timeout;
        this.factory = factory;
        this.isOutbound = isOutbound;
        this.beganNs = context.reactor.nowNs();
    }

    /** Begins to connect. Not within a callback, because the end may come at once. */
    void begin() {
        try {
            connect();
        } catch (Throwable t) { // an address that was not resolved is no IOException, want of memory no Exception
            fail(t);
        }
    }

    private void connect() throws IOException {
        channel = ListenerSockets.open(context.reactor.selector.provider(), address, context.options);
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
        ReactorConnection.open(context, channel, null, factory, isOutbound);
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
        if (failure == null) {
            failure = cause;
            run();
        }
    }

    /** Has the handler told that it has failed. What finds no memory is done in a later turn, and each step once. */
    @Override
    public void run() {
        try {
            tell();
        } catch (VirtualMachineError e) {
            context.reactor.again(this);
        }
    }

    private void tell() {
        deadline.cancel();
        if (channel != null) {
            context.socketIo.close(channel);
        }
        if (failed == null) {
            reason = new CloseReason(CloseReason.Kind.CONNECT_FAILURE, failure, 0);
            ReactorConnection connection = ReactorConnection.neverOpened(context, address);
            context.opened(connection, isOutbound);
            failed = connection;
            context.closed(failed, reason);
        }
        if (!isTold) {
            isTold = true;
            failed.tellFailure(factory, reason);
        }
        context.gone(failed, reason);
    }

    /** Nothing is attempted, and the handler is told. Not within a callback. */
    static void refuse(ReactorContext context, SocketAddress address, Handler.Factory factory, String why) {
        CloseReason reason = new CloseReason(CloseReason.Kind.CONNECT_FAILURE, new IOException(why), 0);
        ReactorConnection connection = ReactorConnection.neverOpened(context, address);
        context.refused.increment();
        connection.tellFailure(factory, reason);
    }
}
