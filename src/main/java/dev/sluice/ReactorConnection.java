package dev.sluice;

import dev.sluice.CloseReason.Kind;
import dev.sluice.internal.Count;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.Patience;
import dev.sluice.internal.Remainder;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * One connection on a reactor.
 *
 * <pre>
 *               admitted          close()              queue empty, peer's EOF or linger deadline
 *      socket ───────────▶ OPEN ───────────▶ DRAINING ──────────────────▶ CLOSED ─▶ (reap) onClose
 *                           │                    │                            ▲
 *                           └── failure · abort() · limit · deadline ─────────┘
 * </pre>
 *
 * <p>All of it runs on the loop, except what other threads call: that becomes a message, and the loop takes messages of
 * one thread in their order. What waits for readiness is derived from state in one place, {@link #settle}. The
 * connection is its own timer, set lazily: activity only notes the time, and the timer, when it comes due, looks at it.
 *
 * <p>Ten thousand idle ones are a design goal: what can be asked of the group is not kept here, and the selector's key
 * carries the connection itself.
 */
final class ReactorConnection extends Deadlines.Entry implements Connection, Reactor.Tenant, Reactor.EndOfTurn {

    private enum State { OPEN, DRAINING, CLOSED }

    private enum Event { OPEN, READ, WRITABLE, EOF, CLOSE, TASK }

    /** From here on, a direct buffer on an empty queue goes straight to the socket: below, a copy is cheaper than a call. */
    private static final int STRAIGHT = 4 << 10;

    /** Reads that a draining server gives a connection for what had arrived: 1 MiB. */
    private static final int LAST_READS = 16;

    final ConnectionGroup group;
    final OutboundQueue output;
    private final SocketAddress remote;
    private SelectionKey key;
    private Handler handler;
    private ByteBuffer remainder;
    private CloseReason reason;
    private volatile State state = State.OPEN;

    /** When a byte was last read, or taken by the kernel. */
    private long activeNs;

    private boolean inputEnded;
    private boolean paused;
    private boolean throttled;
    private boolean owesWritable;
    private boolean flushing;

    private ReactorConnection(ConnectionGroup group, SocketAddress remote) {
        this.group = group;
        this.remote = remote;
        this.output = new OutboundQueue(group.outlet);
        this.activeNs = group.reactor.nowNs();
    }

    // ---- the beginning ------------------------------------------------------------------------------------------------

    /**
     * Registers an accepted socket and opens its connection.
     *
     * @throws IOException if the socket is gone already; then there is no connection, and no callback was called
     */
    static void open(ConnectionGroup group, SocketChannel channel) throws IOException {
        ReactorConnection connection = new ReactorConnection(group, channel.getRemoteAddress());
        connection.key = group.reactor.register(channel, SelectionKey.OP_READ, connection);
        connection.count(Count.OPENED, 1);
        connection.call(Event.OPEN, null);
        connection.flush(false);
        connection.setTimer();
    }

    // ---- readiness ----------------------------------------------------------------------------------------------------

    @Override
    public void ready(int readyOps) {
        if (isLingering()) {
            discardInput();
            return;
        }
        if ((readyOps & SelectionKey.OP_READ) != 0 && reads()) {
            read();
        }
        flush((readyOps & SelectionKey.OP_WRITE) != 0);
    }

    /** Also asked when a channel is ready: another's callback of the same turn may have paused it since. */
    private boolean reads() {
        return state == State.OPEN && !inputEnded && !paused && !throttled;
    }

    /** Reads once and lends it to the handler; returns false if nothing was there. */
    private boolean read() {
        if (output.length() > 0 && output.length() > group.readMark()) {
            throttled = true;
            return false;
        }
        ByteBuffer in = Remainder.before(remainder, group.readBuffer, group.options.maxRemainder());
        if (!in.hasRemaining()) {
            offerRemainder();
            return false;
        }
        int read = receive(in);
        if (read > 0) {
            lend(in.flip());
        } else if (read < 0) {
            endInput();
        }
        return read > 0;
    }

    /** One read call: bytes, 0 for none or for a connection that is lost, -1 for the peer's end. */
    private int receive(ByteBuffer in) {
        count(Count.READS, 1);
        try {
            int read = group.wire.read(channel(), in);
            if (read > 0) {
                activeNs = group.reactor.nowNs();
                count(Count.READ, read);
            }
            return read;
        } catch (Throwable t) { // whatever it is, the connection ends as connections do, with its last callback
            end(Kind.RESET, t);
            return 0;
        }
    }

    private void lend(ByteBuffer in) {
        call(Event.READ, in);
        if (state != State.OPEN) {
            remainder = null;
            return;
        }
        remainder = Remainder.after(remainder, in, group.readBuffer);
        if (!paused && remainder != null && remainder.limit() >= group.options.maxRemainder()) {
            end(Kind.PROTOCOL, null);
        }
    }

    private void offerRemainder() {
        if (reads() && remainder != null) {
            lend(remainder);
        }
    }

    private void endInput() {
        offerRemainder();
        if (remainder != null && (paused || throttled)) {
            return; // the handler is not done with it; the end will be read again
        }
        inputEnded = true;
        remainder = null;
        if (state == State.OPEN) {
            call(Event.EOF, null);
        }
    }

    /** The peer's bytes after our end: were they left unread, closing would reset the connection and destroy our last ones. */
    private void discardInput() {
        if (receive(group.readBuffer.clear()) < 0) {
            inputEnded = true;
            settle();
        }
    }

    // ---- callbacks ----------------------------------------------------------------------------------------------------

    /** The only way to the handler. */
    private void call(Event event, Object argument) {
        assert group.reactor.isInLoop() && group.current == null : "callbacks nest";
        group.current = this;
        try {
            switch (event) {
                case OPEN -> (handler = group.factory.create(this)).onOpen(this);
                case READ -> handler.onRead(this, (ByteBuffer) argument);
                case WRITABLE -> handler.onWritable(this);
                case EOF -> handler.onEof(this);
                case CLOSE -> handler.onClose(this, (CloseReason) argument);
                case TASK -> ((Runnable) argument).run();
            }
        } catch (Throwable t) {
            end(Kind.HANDLER_FAILURE, t);
            group.handlerFailed(event.name(), this, t);
        } finally {
            group.current = null;
        }
    }

    // ---- output -------------------------------------------------------------------------------------------------------

    @Override
    public boolean write(ByteBuffer data) {
        if (!group.reactor.isInLoop()) {
            return WriteFromElsewhere.to(this, data);
        }
        enqueue(data);
        return wantsMore();
    }

    /** Takes all bytes, whether they leave or not. */
    private void enqueue(ByteBuffer data) {
        count(Count.ENQUEUED, data.remaining());
        if (state == State.OPEN && (long) output.length() + data.remaining() > group.options.maxPending()) {
            end(Kind.QUEUE_LIMIT, null);
        }
        if (state == State.OPEN && !output.isEnded()) {
            try {
                if (data.remaining() >= STRAIGHT && data.isDirect() && output.length() == 0) {
                    wrote(output.writeThrough(channel(), data, group.reactor.nowNs()));
                }
                output.add(data);
                flushSoon();
                group.relieve();
            } catch (OutOfMemoryError e) {
                end(Kind.QUEUE_LIMIT, e);
            } catch (Throwable t) {
                end(Kind.RESET, t);
            }
        }
        count(Count.DISCARDED, data.remaining());
        data.position(data.limit());
    }

    /** Bytes that another thread wrote; if it was told to wait, it is owed the word to go on. */
    void take(byte[] bytes, boolean wasTold) {
        if (state != State.CLOSED && output.arrived(bytes.length)) { // or they are accounted for when it is reaped
            enqueue(ByteBuffer.wrap(bytes));
            owesWritable |= wasTold;
            wantsMore();
            flushSoon();
        }
    }

    /** The answer to a write. */
    private boolean wantsMore() {
        if (output.length() > group.options.highWater()) {
            throttled = true;
            owesWritable = true;
            return false;
        }
        return state == State.OPEN && !output.isEnded();
    }

    /** Output leaves when the running callback of this connection returns, or else at the end of the turn. */
    private void flushSoon() {
        if (!flushing && group.current != this) {
            flushing = true;
            group.reactor.flushLater(this);
        }
    }

    @Override
    public void flush() {
        flushing = false;
        flush(false);
    }

    /** After each dispatch. While the kernel takes nothing, it is asked only when it or the clock says so. */
    private void flush(boolean evenIfShort) {
        if (evenIfShort || !output.fellShort()) {
            send();
        }
        if (output.length() <= group.options.lowWater() && state != State.CLOSED) {
            atLowWater();
        }
        if (output.length() > 0 && !output.fellShort()) {
            flushSoon(); // more than one call takes, or written meanwhile: others first
        }
        settle();
    }

    /** One write call, if something waits. */
    void send() {
        try {
            wrote(output.flush(channel(), group.reactor.nowNs()));
        } catch (Throwable t) {
            end(Kind.RESET, t);
        }
    }

    private void wrote(int bytes) {
        if (bytes > 0) {
            activeNs = group.reactor.nowNs();
        }
        if (output.fellShort()) {
            setTimer();
        }
    }

    private void atLowWater() {
        if (throttled && output.length() <= group.readMark()) {
            throttled = false;
            if (remainder != null) {
                group.reactor.execute(this::resume); // it may hold whole messages, and no event will come for them
            }
        }
        if (owesWritable && state == State.OPEN && !output.isEnded()) {
            owesWritable = false;
            call(Event.WRITABLE, null);
        }
    }

    private void resume() {
        offerRemainder();
        flush(false);
    }

    /** Brings about what the state asks for: our end, the linger, the close; and what to wait for, which nothing else sets. */
    private void settle() {
        if (state == State.CLOSED) {
            return;
        }
        try {
            if (output.sendEnd(channel(), group.reactor.nowNs())) {
                setTimer();
            }
        } catch (IOException e) {
            end(Kind.RESET, e);
            return;
        }
        if (output.isEndSent() && inputEnded) {
            end(Kind.PEER, null);
            return;
        }
        int ops = (reads() || isLingering() ? SelectionKey.OP_READ : 0) | (output.fellShort() ? SelectionKey.OP_WRITE : 0);
        if (Registration.setInterest(key, ops)) {
            count(Count.INTEREST_CHANGES, 1);
            count(Count.READ_PAUSES, throttled ? 1 : 0);
        }
    }

    // ---- deadlines ----------------------------------------------------------------------------------------------------

    /** Sets the timer to what can come due first, unless it is set to something earlier already. */
    private void setTimer() {
        long atNs = group.patience.deadline(output, isLingering(), paused, activeNs, group.reactor.nowNs());
        if (state != State.CLOSED && atNs != Patience.NEVER && (!isSet() || atNs - deadlineNs() < 0)) {
            group.reactor.setDeadline(this, atNs);
        }
    }

    @Override
    public void expired(long nowNs) {
        if (group.patience.isStalled(output, nowNs)) {
            flush(true); // a slow reader takes bytes for minutes without the kernel calling the socket writable
        }
        if (group.patience.isStalled(output, nowNs)) {
            end(Kind.WRITE_STALL, null);
        } else if (isLingering()) {
            if (nowNs - output.sinceNs() >= group.patience.lingerNs()) {
                end(Kind.LOCAL, null);
            }
        } else if (group.patience.isIdle(activeNs, nowNs)) {
            end(Kind.IDLE, null);
        } else if (paused && state == State.OPEN && group.patience.idleNs() == 0) {
            checkLiveness();
        }
        setTimer();
    }

    private boolean isLingering() {
        return state == State.DRAINING && output.isEndSent();
    }

    /** Without interest in input, not even the peer's reset is seen: reads behind the remainder, and keeps it for later. */
    private void checkLiveness() {
        ByteBuffer in = Remainder.before(remainder, group.readBuffer, group.options.maxRemainder());
        if (in.hasRemaining() && receive(in) > 0) {
            remainder = Remainder.after(remainder, in.flip(), group.readBuffer);
        }
    }

    // ---- the end ------------------------------------------------------------------------------------------------------

    @Override
    public void close() {
        if (!group.reactor.isInLoop()) {
            group.reactor.execute(this::close);
        } else if (state == State.OPEN) {
            state = State.DRAINING;
            reason = new CloseReason(inputEnded ? Kind.PEER : Kind.LOCAL, null, 0);
            output.end();
            remainder = null;
            flushSoon();
        }
    }

    @Override
    public void shutdownOutput() {
        if (!group.reactor.isInLoop()) {
            group.reactor.execute(this::shutdownOutput);
        } else if (state == State.OPEN) {
            output.end();
            flushSoon();
        }
    }

    @Override
    public void abort() {
        if (!group.reactor.isInLoop()) {
            group.reactor.execute(this::abort);
        } else if (state != State.CLOSED) {
            resetOnClose();
            end(Kind.LOCAL, null);
        }
    }

    /** The server drains: what has arrived is handled, then the connection closes. */
    void drain() {
        for (int i = 0; i < LAST_READS && reads() && read(); i++) {
            send();
        }
        close();
    }

    /** The server's drain is over: awaiting only the peer's end is no loss. */
    void cut() {
        end(isLingering() ? Kind.LOCAL : Kind.DRAIN_DEADLINE, null);
    }

    /** Ends the connection now; the callback follows when the turn reaps. The first reason given stands. */
    void end(Kind kind, Throwable cause) {
        if (state == State.CLOSED) {
            return;
        }
        state = State.CLOSED;
        boolean asAnnounced = reason != null && (kind == Kind.LOCAL || kind == Kind.PEER);
        reason = new CloseReason(asAnnounced ? reason.kind() : kind, cause, output.length());
        if (output.length() > 0) {
            resetOnClose(); // or the peer would take a part for the whole
        }
        remainder = null;
        output.clear();
        group.reactor.removeDeadline(this);
        group.reactor.reapLater(this);
    }

    private void resetOnClose() {
        try {
            group.wire.resetOnClose(channel());
        } catch (IOException e) {
            // lost already
        }
    }

    @Override
    public void reap() {
        try {
            group.wire.close(channel());
        } catch (IOException e) {
            // its descriptor is free all the same
        }
        int never = output.close();
        if (never > 0) {
            group.refusedElsewhere.add(never);
            reason = new CloseReason(reason.kind(), reason.cause(), reason.unsent() + never);
        }
        group.timers.cancelAll(this);
        group.closed(this, reason);
        if (handler != null) { // its factory did not throw
            call(Event.CLOSE, reason);
        }
    }

    // ---- tasks --------------------------------------------------------------------------------------------------------

    @Override
    public boolean execute(Runnable task) {
        return state != State.CLOSED && group.reactor.execute(() -> perform(task));
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        return group.timers.schedule(this, delay, () -> perform(task));
    }

    private void perform(Runnable task) {
        if (state == State.CLOSED) {
            count(Count.DROPPED_TASKS, 1);
        } else {
            call(Event.TASK, task);
            flush(false);
        }
    }

    // ---- small things -------------------------------------------------------------------------------------------------

    @Override
    public void pauseReading() {
        group.reactor.checkInLoop();
        paused = true;
        flushSoon();
        setTimer();
    }

    @Override
    public void resumeReading() {
        group.reactor.checkInLoop();
        if (paused && state == State.OPEN) {
            paused = false;
            group.reactor.execute(this::resume);
        }
    }

    @Override
    public boolean isOpen() {
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
        return "connection from " + remote + ", " + state + ", " + pending() + " bytes pending";
    }

    private void count(Count what, long amount) {
        group.counters.add(what, amount);
    }

    private SocketChannel channel() {
        return (SocketChannel) key.channel();
    }
}
