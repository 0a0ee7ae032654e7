package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Timer;
import dev.sluice.internal.PeerText;
import dev.sluice.internal.TaskQueue;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import org.slf4j.LoggerFactory;

/**
 * The handle of {@link Connector#keepConnected}, which keeps one connection to an address: whenever it has ended, or could not be made,
 * another is made after a while. Any thread.
 *
 * <pre>
 *   connect ──▶ open ──▶ closed ──▶ wait, the shortest time if it was of use, else longer each time ──▶ connect
 *      ├───▶ failed ──▶ wait, longer each time ──▶ connect
 *      └───▶ cannot succeed ──▶ over
 * </pre>
 *
 * <p>A connection was of use if a byte was read, or if it lived for the longest delay: a server that has no room is one that
 * accepts and closes at once.
 */
public final class Reconnecting implements AutoCloseable {

    private final ReactorContext context;

    /** Those of its connector whose attempts have not ended. On the loop. */
    private final Set<Reconnecting> kept;

    private final SocketAddress address;
    private final Duration timeout;
    private final Backoff backoff;
    private final Handler.Factory factory;
    private final CompletableFuture<Void> termination = new CompletableFuture<>();
    private volatile boolean closed;

    // on the loop
    private int failures;
    private ReactorConnect attempt;
    private boolean connecting;
    private Timer next = () -> false;

    /** For an attempt, or the wait for one, that found no memory. */
    private final TaskQueue.Task later = TaskQueue.task(this::again);

    Reconnecting(
            ReactorContext context, Set<Reconnecting> kept, SocketAddress address, Duration timeout, Backoff backoff,
            Handler.Factory factory) {
        this.context = context;
        this.kept = kept;
        this.address = address;
        this.timeout = Objects.requireNonNull(timeout, "timeout");
        this.backoff = Objects.requireNonNull(backoff, "backoff");
        this.factory = Objects.requireNonNull(factory, "factory");
        if (address instanceof InetSocketAddress inet && inet.getPort() == 0) {
            throw new IllegalArgumentException("port 0 cannot be connected to: " + address);
        }
    }

    /**
     * Any thread. Makes no more attempts. One that is being made is given up, which its handler is told; a connection that is open
     * stays so. Called again, it does nothing.
     */
    @Override
    public void close() {
        closed = true;
        context.reactor.execute(() -> {
            end(null);
            if (connecting) {
                attempt.cut();
            }
        });
    }

    /**
     * The end of all attempts, for any reason; a connection may still be open.
     *
     * @return completes once no more attempts are made: after {@link #close} and with the connector's drain; exceptionally if the
     *     reactor has ended, and with the cause of an attempt that would fail every time, as that to an address which was not resolved
     */
    public CompletableFuture<Void> termination() {
        return termination.copy();
    }

    /** Any thread. There is no loop. */
    void neverBegan() {
        termination.completeExceptionally(new IllegalStateException("the reactor has ended"));
    }

    /** On the loop, and not within a callback. */
    void connect() {
        if (closed || termination.isDone()) {
            return;
        }
        connecting = true;
        try {
            attempt = context.connect(address, timeout, this::create, false);
        } catch (VirtualMachineError e) {
            connecting = false;
            context.reactor.again(later);
        }
    }

    /** On the loop. No more attempts are made: because of a failure, or, with null, because they are no longer wanted. */
    void end(Throwable why) {
        next.cancel();
        kept.remove(this);
        if (why == null) {
            termination.complete(null);
        } else {
            termination.completeExceptionally(why);
        }
    }

    private Handler create(Connection connection) throws Exception {
        connecting = false;
        try {
            return new Watched(Objects.requireNonNull(factory.create(connection), "the factory's handler"));
        } catch (Throwable t) {
            again();
            throw t;
        }
    }

    private void again() {
        if (context.drain == null && !closed) {
            try {
                next = context.reactor.schedule(backoff.delay(failures + 1, ThreadLocalRandom.current()), this::connect);
                failures++;
            } catch (VirtualMachineError e) {
                context.reactor.again(later);
            }
        }
    }

    /** A fault of the address or of the provider, unlike one of the network, does not go away by itself. */
    private static boolean isFinal(CloseReason reason) {
        return reason.kind() == CloseReason.Kind.CONNECT_FAILURE && reason.cause() instanceof RuntimeException;
    }

    /** The user's handler, whose end is the beginning of the next. */
    private final class Watched implements Handler {
        private final Handler handler;
        private boolean opened;
        private long openedNs;

        Watched(Handler handler) {
            this.handler = handler;
        }

        @Override
        public void onOpen(Connection connection) throws Exception {
            opened = true;
            openedNs = context.reactor.nowNs();
            handler.onOpen(connection);
        }

        @Override
        public void onRead(Connection connection, ByteBuffer in) throws Exception {
            failures = 0;
            handler.onRead(connection, in);
        }

        @Override
        public void onWritable(Connection connection) throws Exception {
            handler.onWritable(connection);
        }

        @Override
        public boolean readsWhileOutputWaits() {
            return handler.readsWhileOutputWaits();
        }

        @Override
        public void onEof(Connection connection) throws Exception {
            handler.onEof(connection);
        }

        @Override
        public void onClose(Connection connection, CloseReason reason) throws Exception {
            try {
                handler.onClose(connection, reason);
            } finally {
                goOn(reason);
            }
        }

        private void goOn(CloseReason reason) {
            if (isFinal(reason)) {
                LoggerFactory.getLogger(Reconnecting.class).warn("no more attempts to connect to {}: {}", PeerText.of(address), reason.cause().toString());
                end(reason.cause());
                return;
            }
            if (opened && context.reactor.nowNs() - openedNs >= backoff.longest().toNanos()) {
                failures = 0;
            }
            again();
        }
    }
}
