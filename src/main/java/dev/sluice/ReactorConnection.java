package dev.sluice;

import dev.sluice.CloseReason.Kind;
import dev.sluice.ReactorCallbacks.Event;
import dev.sluice.internal.Count;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.OutboundQueue;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;

/**
 * One connection on a reactor.
 *
 * <pre>
 *            admitted       close()          nothing owed             queue empty, peer's EOF or linger deadline
 *      socket ───────▶ OPEN ───────▶ LEAVING ─────────────▶ DRAINING ──────────────────▶ CLOSED ─▶ (reap) onClose
 *                       │               │                      │                            ▲
 *                       └───────────────┴──── failure · abort() · limit · deadline ─────────┘
 * </pre>
 *
 * <p>All of it runs on the loop, except what other threads call: that becomes a message, and the loop takes messages of
 * one thread in their order. What waits for readiness is derived from state in one place, {@link #settle}; its
 * deadlines are {@link ReactorWatch}'s.
 *
 * <p>Ten thousand idle ones are a design goal: what the group knows is not kept here, and the selector's key carries it.
 */
final class ReactorConnection extends Deadlines.Entry implements Connection, Tenant.AtEndOfTurn {

    enum State { OPEN, LEAVING, DRAINING, CLOSED }

    final ConnectionGroup group;
    final OutboundQueue output;
    private final SocketAddress remote;
    private SelectionKey key;
    Handler handler;
    ByteBuffer remainder;
    private CloseReason reason;
    private volatile State state;

    /** When a byte was last read, or taken by the kernel, or when the last hold was released. */
    long activeNs;

    boolean inputEnded;
    boolean paused;
    boolean throttled;
    boolean owesWritable;

    /** Whether reading goes on once the handler was offered what it had left unread: nothing is read, or ended, before. */
    boolean owed;

    /** Whether the last offer of the remainder by itself changed nothing: what has come meanwhile is read before the next. */
    boolean stuck;

    private boolean flushing;

    ReactorConnection(ConnectionGroup group, SocketAddress remote, State state) {
        this.group = group;
        this.remote = remote;
        this.state = state;
        this.output = new OutboundQueue(group.outlet);
        this.activeNs = group.reactor.nowNs();
    }

    // ---- the beginning ------------------------------------------------------------------------------------------------

    /**
     * Registers a socket that was accepted, or has connected, and opens its connection.
     *
     * @throws IOException if the socket is gone already; then there is no connection, and no callback was called
     */
    static ReactorConnection open(ConnectionGroup group, SocketChannel channel, Handler.Factory factory) throws IOException {
        ReactorConnection connection = new ReactorConnection(group, channel.getRemoteAddress(), State.OPEN);
        connection.key = group.reactor.register(channel, SelectionKey.OP_READ, connection);
        group.opened(connection);
        try {
            group.callbacks.call(connection, Event.OPEN, factory);
            group.output.flush(connection, false);
            group.watch.set(connection);
        } catch (Throwable t) { // no memory: from here on it ends as connections do
            connection.end(Kind.RESET, t);
        }
        return connection;
    }

    // ---- readiness ----------------------------------------------------------------------------------------------------

    @Override
    public void ready(int readyOps) {
        try {
            if (isLingering()) {
                group.input.discard(this);
            } else if ((readyOps & SelectionKey.OP_READ) != 0 && isReading()) {
                group.input.read(this);
            }
            group.output.flush(this, (readyOps & SelectionKey.OP_WRITE) != 0);
        } catch (Throwable t) { // no memory
            end(Kind.RESET, t);
        }
    }

    /** Also asked when a channel is ready: another's callback of the same turn may have paused it since. */
    @Override
    public boolean isReading() {
        return takesInput() && !inputEnded && !paused && !throttled && !owed;
    }

    @Override
    public boolean write(ByteBuffer data) {
        return group.reactor.isInLoop() ? group.output.add(this, data) : WriteFromElsewhere.to(this, data);
    }

    /** Output leaves when the running callback of this connection returns, or else at the end of the turn. */
    void flushSoon() {
        if (!flushing && group.callbacks.current != this) {
            flushing = true;
            group.reactor.flushLater(this);
        }
    }

    @Override
    public void flush() {
        flushing = false;
        group.output.flush(this, false);
    }

    /** Brings about what the state asks for: our end, the linger, the close; and what to wait for, which nothing else sets. */
    void settle() {
        group.output.sendEnd(this);
        if (output.isEndSent() && inputEnded) {
            end(Kind.PEER, null);
        }
        if (state == State.CLOSED) {
            return;
        }
        int ops = interest();
        if (Registration.setInterest(key, ops)) {
            group.counters.add(Count.INTEREST_CHANGES, 1);
            group.counters.add(Count.READ_PAUSES, throttled ? 1 : 0);
            if (ops == 0) {
                group.watch.set(this);
            }
        }
    }

    private int interest() {
        return (isReading() || isLingering() ? SelectionKey.OP_READ : 0) | (output.fellShort() ? SelectionKey.OP_WRITE : 0);
    }

    /** Nothing is awaited of the kernel, so that no event would tell of a reset. */
    boolean isBlind() {
        return state != State.CLOSED && interest() == 0;
    }

    @Override
    public void expired(long nowNs) {
        group.watch.expired(this, nowNs);
    }

    boolean isLingering() {
        return state == State.DRAINING && output.isEndSent();
    }

    // ---- the end ------------------------------------------------------------------------------------------------------

    @Override
    public void close() {
        if (!group.reactor.isInLoop()) {
            group.reactor.execute(this::close);
        } else if (state == State.OPEN) {
            state = State.LEAVING;
            reason = new CloseReason(inputEnded ? Kind.PEER : Kind.LOCAL, null, 0);
            remainder = null;
            leave();
        }
    }

    /** As soon as nothing is owed. */
    void leave() {
        if (state == State.LEAVING && !group.work.isHeld(this)) {
            state = State.DRAINING;
            output.end(group.reactor.nowNs());
            group.watch.set(this); // our end may have been sent long ago
        }
        flushSoon();
    }

    @Override
    public void shutdownOutput() {
        if (!group.reactor.isInLoop()) {
            group.reactor.execute(this::shutdownOutput);
        } else if (isOpen()) {
            output.end(group.reactor.nowNs());
            flushSoon();
        }
    }

    @Override
    public void abort() {
        if (!group.reactor.isInLoop()) {
            group.reactor.execute(this::abort);
        } else if (state != State.CLOSED) {
            group.wire.resetOnClose(channel());
            end(Kind.LOCAL, null);
        }
    }

    /** Ends the connection now; the callback follows when the turn reaps. The first reason given stands. */
    void end(Kind kind, Throwable cause) {
        if (state == State.CLOSED) {
            return;
        }
        group.reactor.reapLater(this); // first: without memory or stack for it, nothing has changed, and it is ended again
        state = State.CLOSED;
        boolean asAnnounced = reason != null && (kind == Kind.LOCAL || kind == Kind.PEER);
        reason = new CloseReason(asAnnounced ? reason.kind() : kind, cause, output.length());
        if (output.length() > 0 || kind == Kind.DRAIN_DEADLINE) {
            group.wire.resetOnClose(channel()); // or the peer would take a part for the whole
        }
        letGo();
    }

    private void letGo() {
        remainder = null;
        output.clear();
        group.reactor.removeDeadline(this);
    }

    @Override
    public void reap() {
        reason = reason == null ? new CloseReason(Kind.RESET, null, output.length()) : reason; // its end went only half way
        letGo();
        group.wire.close(channel());
        int never = output.close();
        if (never > 0) {
            group.refusedElsewhere.add(never);
            reason = new CloseReason(reason.kind(), reason.cause(), reason.unsent() + never);
        }
        group.timers.cancelAll(this);
        group.work.forget(this);
        group.closed(this, reason);
        try {
            if (handler != null) { // its factory did not throw
                group.callbacks.call(this, Event.CLOSE, reason);
            }
        } finally {
            group.gone(this, reason); // or a drain would wait for it for ever
        }
    }

    // ---- tasks --------------------------------------------------------------------------------------------------------

    @Override
    public boolean execute(Runnable task) {
        return state != State.CLOSED && group.reactor.execute(() -> group.work.perform(this, task));
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        return group.timers.schedule(this, delay, () -> group.work.perform(this, task));
    }

    @Override
    public <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        return group.work.offload(this, task, callback);
    }

    @Override
    public Runnable hold() {
        return group.work.hold(this);
    }

    @Override
    public boolean connect(InetSocketAddress address, Duration timeout, Handler.Factory factory) {
        return state != State.CLOSED && group.ask(() -> group.connect(address, timeout, factory, true));
    }

    // ---- small things -------------------------------------------------------------------------------------------------

    @Override
    public void pauseReading() {
        group.reactor.checkInLoop();
        paused = true;
        flushSoon();
    }

    @Override
    public void resumeReading() {
        group.reactor.checkInLoop();
        if (paused && takesInput()) {
            paused = false;
            resumeSoon();
        }
    }

    void resumeSoon() {
        owed = true;
        group.reactor.execute(() -> group.resume(this));
    }

    @Override
    public boolean isOpen() {
        return state == State.OPEN || state == State.LEAVING;
    }

    /** Before its close was asked for. */
    boolean takesInput() {
        return state == State.OPEN;
    }

    boolean isClosed() {
        return state == State.CLOSED;
    }

    @Override
    public long pending() {
        return (long) output.length() + output.announced();
    }

    @Override
    public SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public String toString() {
        return "connection with " + remote + ", " + state + ", " + pending() + " bytes pending";
    }

    SocketChannel channel() {
        return (SocketChannel) key.channel();
    }
}
