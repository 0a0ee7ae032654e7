package dev.sluice;

import dev.sluice.CloseReason.Kind;
import dev.sluice.ConnectionGroup.Count;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.Remainder;
import dev.sluice.internal.TaskQueue;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
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
 * one thread in their order. What waits for readiness is derived from state in one place, {@link #updateInterest}. The
 * connection is its own timer, set lazily: activity only notes the time, and the timer, when it comes due, looks at it.
 *
 * <p>Ten thousand idle ones are a design goal, so queue and remainder are null while there is nothing in them, and what
 * can be asked of the group is not kept here.
 */
final class ReactorConnection extends Deadlines.Entry
        implements Connection, Reactor.Callback, Reactor.EndOfTurn, Reactor.Tenant {

    private enum State {
        OPEN,
        DRAINING,
        CLOSED
    }

    private enum Event {
        OPEN("onOpen"),
        READ("onRead"),
        WRITABLE("onWritable"),
        EOF("onEof"),
        CLOSE("onClose"),
        TASK("a task");

        private final String label;

        Event(String label) {
            this.label = label;
        }
    }

    /** From here on, a direct buffer on an empty queue goes straight to the socket: below, a copy is cheaper than a call. */
    private static final int STRAIGHT = 4 << 10;

    /** Reads that a draining server gives a connection for what had arrived: 1 MiB. */
    private static final int LAST_READS = 16;

    /** How often a connection that is paused, with no idle limit, is asked whether its peer still lives. */
    private static final long LIVENESS_NS = Duration.ofSeconds(30).toNanos();

    /** Added to {@code elsewhere} when the connection is gone, so that it is negative from then on. */
    private static final int GONE = Integer.MIN_VALUE;

    private static final VarHandle ELSEWHERE;
    private static final VarHandle QUEUED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            ELSEWHERE = lookup.findVarHandle(ReactorConnection.class, "elsewhere", int.class);
            QUEUED = lookup.findVarHandle(ReactorConnection.class, "queued", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final ConnectionGroup group;
    private final SocketAddress remote;
    private Registration registration;
    private Handler handler;
    private OutboundQueue queue;
    private ByteBuffer remainder;
    private CloseReason reason;
    private volatile State state = State.OPEN;

    /** Bytes that other threads wrote and the loop has not taken yet. Any thread. */
    private int elsewhere;

    /** The queue's length, for other threads to see. Written by the loop. */
    private int queued;

    /** When a byte was last read, or taken by the kernel. */
    private long activeNs;

    /** Since when output waits without progress, or, once our end is sent, since when the peer's is awaited. */
    private long waitingNs;

    private boolean inputEnded;
    private boolean outputEnded;
    private boolean endSent;
    private boolean paused;
    private boolean throttled;
    private boolean fellShort;
    private boolean owesWritable;
    private boolean flushing;

    private ReactorConnection(ConnectionGroup group, SocketAddress remote) {
        this.group = group;
        this.remote = remote;
    }

    // ---- the beginning ------------------------------------------------------------------------------------------------

    /**
     * Registers an accepted socket and opens its connection.
     *
     * @throws IOException if the socket is gone already; then there is no connection, and no callback was called
     */
    static ReactorConnection open(ConnectionGroup group, SocketChannel channel) throws IOException {
        ReactorConnection connection = new ReactorConnection(group, channel.getRemoteAddress());
        connection.registration = group.reactor.register(channel, SelectionKey.OP_READ, connection);
        group.opened();
        connection.activeNs = group.reactor.nowNs();
        connection.setTimer();
        try {
            connection.handler = group.handlerFor(connection);
        } catch (Throwable t) {
            group.handlerFailed("the factory", connection, t);
            connection.end(Kind.HANDLER_FAILURE, t);
            return connection;
        }
        connection.call(Event.OPEN, null);
        connection.flush();
        return connection;
    }

    // ---- readiness ----------------------------------------------------------------------------------------------------

    @Override
    public void ready(Registration registration, int readyOps) {
        if (state == State.CLOSED) {
            return;
        }
        boolean writable = (readyOps & SelectionKey.OP_WRITE) != 0;
        if ((readyOps & SelectionKey.OP_READ) == 0 || state == State.DRAINING && !endSent) {
            flush(writable);
        } else if (state == State.DRAINING) {
            discardInput();
        } else {
            read();
            flush(writable);
        }
    }

    /** Reads once and lends it to the handler; returns false if nothing was there. */
    private boolean read() {
        if (queued > 0 && queued > group.readMark()) {
            throttle();
            return false;
        }
        ByteBuffer in = Remainder.before(remainder, group.readBuffer, group.options.maxRemainder());
        if (!in.hasRemaining()) {
            offerRemainder();
            return false;
        }
        int read = receive(in);
        in.flip();
        if (read > 0) {
            lend(in);
        } else if (read < 0) {
            endInput();
        }
        return read > 0;
    }

    /** One read call: bytes, 0 for none or for a connection that is lost, -1 for the peer's end. */
    private int receive(ByteBuffer in) {
        group.count(Count.READS);
        try {
            int read = group.wire.read(channel(), in);
            if (read > 0) {
                activeNs = group.reactor.nowNs();
                group.count(Count.BYTES_READ, read);
            }
            return read;
        } catch (IOException e) {
            end(Kind.RESET, e);
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
        if (state == State.OPEN && !paused && !throttled && remainder != null) {
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
                case OPEN -> handler.onOpen(this);
                case READ -> handler.onRead(this, (ByteBuffer) argument);
                case WRITABLE -> handler.onWritable(this);
                case EOF -> handler.onEof(this);
                case CLOSE -> handler.onClose(this, (CloseReason) argument);
                case TASK -> ((Runnable) argument).run();
            }
        } catch (Throwable t) {
            end(Kind.HANDLER_FAILURE, t);
            group.handlerFailed(event.label, this, t);
        } finally {
            group.current = null;
        }
    }

    // ---- output -------------------------------------------------------------------------------------------------------

    @Override
    public boolean write(ByteBuffer data) {
        if (!group.reactor.isInLoop()) {
            return writeFromElsewhere(data);
        }
        int length = data.remaining();
        group.count(Count.ENQUEUED, length);
        if (refuses(length)) {
            group.count(Count.DISCARDED, length);
            data.position(data.limit());
            return false;
        }
        if (length >= STRAIGHT && data.isDirect() && queue == null) {
            send(data);
        }
        if (data.hasRemaining() && state == State.OPEN) {
            enqueue(data, null);
        }
        group.count(Count.DISCARDED, data.remaining());
        data.position(data.limit());
        return wantsMore();
    }

    /** Whether nothing more may be queued; one write above the limit ends the connection. */
    private boolean refuses(int length) {
        if (state != State.OPEN || outputEnded) {
            return true;
        }
        if ((long) queued + length > group.options.maxPending()) {
            end(Kind.QUEUE_LIMIT, null);
            return true;
        }
        return false;
    }

    private boolean wantsMore() {
        if (state != State.OPEN || outputEnded) {
            return false;
        }
        if (queued > group.options.highWater()) {
            throttle();
            owesWritable = true;
            return false;
        }
        return true;
    }

    private void throttle() {
        throttled = true;
        flushSoon();
    }

    /** A large write on an empty queue, without a copy. */
    private void send(ByteBuffer data) {
        int before = data.remaining();
        try {
            group.wire.write(channel(), data);
            sent(before - data.remaining(), !data.hasRemaining());
        } catch (IOException e) {
            end(Kind.RESET, e);
        }
    }

    private void enqueue(ByteBuffer data, byte[] copied) {
        try {
            if (queue == null) {
                queue = group.queues.take();
            }
            if (copied == null) {
                queue.add(data);
            } else {
                queue.add(copied);
            }
        } catch (OutOfMemoryError e) {
            end(Kind.QUEUE_LIMIT, e);
            return;
        }
        setQueued(queue.length());
        flushSoon();
        group.relieve();
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

    /** After each dispatch. While the kernel takes nothing, asks it only when it or the clock says so. */
    private void flush(boolean evenIfShort) {
        if (state == State.CLOSED) {
            return;
        }
        if (!fellShort || evenIfShort) {
            writeOut();
            if (queue != null && !fellShort) {
                flushSoon(); // more than one call takes; others first
            }
        }
        if (queued <= group.options.lowWater()) {
            atLowWater();
        }
        settle();
    }

    /** One write call for what is queued, if there is something. */
    private void writeOut() {
        if (queue == null) {
            return;
        }
        int before = queue.length();
        boolean all;
        try {
            all = queue.writeTo(group.wire, channel());
        } catch (IOException e) {
            end(Kind.RESET, e);
            return;
        }
        int length = queue.length();
        if (length == 0) {
            group.queues.give(queue);
            queue = null;
        }
        setQueued(length);
        sent(before - length, all);
    }

    /** Before its turn, as the queues of all hold too much. Calls no handler. */
    void writeOutEarly() {
        if (!fellShort) {
            writeOut();
        }
    }

    private void sent(int bytes, boolean all) {
        group.count(Count.WRITES);
        if (bytes > 0) {
            activeNs = group.reactor.nowNs();
            waitingNs = activeNs;
            group.count(Count.WRITTEN, bytes);
        }
        if (!all) {
            group.count(Count.SHORT_WRITES);
            if (!fellShort) {
                waitingNs = group.reactor.nowNs();
            }
        }
        if (fellShort == all) {
            fellShort = !all;
            setTimer();
        }
    }

    private void atLowWater() {
        if (throttled) {
            throttled = false;
            if (remainder != null) {
                group.reactor.execute(this::resume); // it may hold whole messages, and no event will come for them
            }
        }
        if (owesWritable && state == State.OPEN && !outputEnded) {
            owesWritable = false;
            call(Event.WRITABLE, null);
            if (queue != null) {
                flushSoon();
            }
        }
    }

    private void resume() {
        offerRemainder();
        flush();
    }

    /** Brings about what the state asks for: our end, the linger, the close; then what to wait for. */
    private void settle() {
        if (state == State.CLOSED) {
            return;
        }
        if (outputEnded && queue == null && !endSent) {
            try {
                group.wire.shutdownOutput(channel());
            } catch (IOException e) {
                end(Kind.RESET, e);
                return;
            }
            endSent = true;
            waitingNs = group.reactor.nowNs();
            setTimer();
        }
        if (endSent && (inputEnded || state == State.DRAINING && group.lingerNs == 0)) {
            end(inputEnded ? Kind.PEER : Kind.LOCAL, null);
            return;
        }
        updateInterest();
    }

    private void updateInterest() {
        boolean reads = state == State.DRAINING ? endSent : !inputEnded && !paused && !throttled;
        int ops = (reads ? SelectionKey.OP_READ : 0) | (fellShort ? SelectionKey.OP_WRITE : 0);
        if (registration.interest(ops)) {
            group.count(Count.INTEREST_CHANGES);
            if (throttled) {
                group.count(Count.READ_PAUSES);
            }
        }
    }

    // ---- deadlines ----------------------------------------------------------------------------------------------------

    /** Sets the timer to the earliest of what can come due, unless it is set to something earlier already. */
    private void setTimer() {
        long now = group.reactor.nowNs();
        long in = Long.MAX_VALUE;
        if (state == State.DRAINING && endSent) {
            in = waitingNs + group.lingerNs - now;
        } else {
            if (group.idleNs > 0) {
                in = activeNs + group.idleNs - now;
            } else if (paused && !fellShort) {
                in = LIVENESS_NS;
            }
            if (fellShort && group.writeNs > 0) {
                in = Math.min(in, waitingNs + group.writeNs - now);
            }
        }
        if (in != Long.MAX_VALUE && (!isSet() || now + in - deadlineNs() < 0)) {
            group.reactor.setDeadline(this, now + in);
        }
    }

    @Override
    public void expired(long nowNs) {
        if (state == State.DRAINING && endSent) {
            if (nowNs - waitingNs >= group.lingerNs) {
                end(Kind.LOCAL, null);
            }
        } else if (fellShort && group.writeNs > 0 && nowNs - waitingNs >= group.writeNs) {
            // a slow reader may take bytes for minutes without the kernel calling the socket writable
            flush(true);
            if (state != State.CLOSED && fellShort && nowNs - waitingNs >= group.writeNs) {
                end(Kind.WRITE_STALL, null);
            }
        } else if (group.idleNs > 0 && nowNs - activeNs >= group.idleNs) {
            end(Kind.IDLE, null);
        } else if (group.idleNs == 0 && paused && state == State.OPEN && !inputEnded) {
            checkLiveness();
        }
        if (state != State.CLOSED) {
            setTimer();
        }
    }

    /** Without interest in input, not even the peer's reset is seen: reads behind the remainder, and keeps it for later. */
    private void checkLiveness() {
        ByteBuffer in = Remainder.before(remainder, group.readBuffer, group.options.maxRemainder());
        if (!in.hasRemaining()) {
            return;
        }
        int read = receive(in);
        in.flip();
        if (read > 0) {
            remainder = Remainder.after(remainder, in, group.readBuffer);
        }
    }

    // ---- the end ------------------------------------------------------------------------------------------------------

    @Override
    public void close() {
        if (!group.reactor.isInLoop()) {
            tell(this::close);
        } else if (state == State.OPEN) {
            state = State.DRAINING;
            reason = new CloseReason(inputEnded ? Kind.PEER : Kind.LOCAL, null, 0);
            outputEnded = true;
            remainder = null;
            flushSoon();
        }
    }

    @Override
    public void shutdownOutput() {
        if (!group.reactor.isInLoop()) {
            tell(this::shutdownOutput);
        } else if (state == State.OPEN && !outputEnded) {
            outputEnded = true;
            flushSoon();
        }
    }

    @Override
    public void abort() {
        if (!group.reactor.isInLoop()) {
            tell(this::abort);
        } else if (state != State.CLOSED) {
            resetOnClose();
            end(Kind.LOCAL, null);
        }
    }

    /** The server drains: what has arrived is handled, then the connection closes. */
    void drain() {
        for (int i = 0; i < LAST_READS && state == State.OPEN && !inputEnded && !paused && !throttled && read(); i++) {
            writeOut();
        }
        close();
    }

    /** The server's drain is over: awaiting only the peer's end is no loss. */
    void cut() {
        end(state == State.DRAINING && endSent ? Kind.LOCAL : Kind.DRAIN_DEADLINE, null);
    }

    @Override
    public void loopEnds() {
        end(Kind.LOCAL, null);
    }

    /** Ends the connection now; the callback follows when the turn reaps. The first reason given stands. */
    void end(Kind kind, Throwable cause) {
        if (state == State.CLOSED) {
            return;
        }
        state = State.CLOSED;
        boolean asAnnounced = reason != null && (kind == Kind.LOCAL || kind == Kind.PEER);
        reason = new CloseReason(asAnnounced ? reason.kind() : kind, cause, queued);
        if (queued > 0) {
            resetOnClose(); // or the peer would take a part for the whole
        }
        remainder = null;
        if (queue != null) {
            group.count(Count.DISCARDED, queue.clear());
            group.queues.give(queue);
            queue = null;
            setQueued(0);
        }
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
        int never = (int) ELSEWHERE.getAndAdd(this, GONE);
        if (never > 0) {
            group.refusedElsewhere.add(never);
            reason = new CloseReason(reason.kind(), reason.cause(), reason.unsent() + never);
        }
        group.closed(this, reason);
        if (handler != null) {
            call(Event.CLOSE, reason);
        }
    }

    // ---- from other threads -------------------------------------------------------------------------------------------

    /** Bytes on their way from another thread. */
    private static final class Message extends TaskQueue.Task {
        private final ReactorConnection to;
        private final byte[] bytes;
        private final boolean aboveHighWater;

        Message(ReactorConnection to, byte[] bytes, boolean aboveHighWater) {
            this.to = to;
            this.bytes = bytes;
            this.aboveHighWater = aboveHighWater;
        }

        @Override
        public void run() {
            to.take(this);
        }
    }

    private boolean writeFromElsewhere(ByteBuffer data) {
        int length = data.remaining();
        int before;
        long pending;
        do {
            before = (int) ELSEWHERE.getVolatile(this);
            pending = (long) before + length + (int) QUEUED.getOpaque(this);
            boolean gone = before < 0 || state != State.OPEN || outputEnded;
            if (gone || pending > group.options.maxPending()) {
                group.refusedElsewhere.add(length);
                data.position(data.limit());
                if (!gone) {
                    tell(() -> end(Kind.QUEUE_LIMIT, null));
                }
                return false;
            }
        } while (!ELSEWHERE.compareAndSet(this, before, before + length));
        byte[] copy = new byte[length];
        data.get(copy);
        boolean above = pending > group.options.highWater();
        if (!group.reactor.execute(new Message(this, copy, above))) {
            if ((int) ELSEWHERE.getAndAdd(this, -length) >= 0) {
                group.refusedElsewhere.add(length);
            }
            return false;
        }
        return !above;
    }

    private void take(Message message) {
        if (state == State.CLOSED) {
            return; // counted when it is reaped
        }
        int length = message.bytes.length;
        ELSEWHERE.getAndAdd(this, -length);
        group.count(Count.ENQUEUED, length);
        if (refuses(length)) {
            group.count(Count.DISCARDED, length);
            return;
        }
        owesWritable |= message.aboveHighWater;
        enqueue(null, message.bytes);
        wantsMore();
    }

    @Override
    public boolean execute(Runnable task) {
        return state != State.CLOSED && tell(() -> {
            if (state == State.CLOSED) {
                group.count(Count.DROPPED_TASKS);
            } else {
                perform(task);
            }
        });
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        return group.reactor.schedule(delay, () -> {
            if (state != State.CLOSED) {
                perform(task);
            }
        });
    }

    private void perform(Runnable task) {
        call(Event.TASK, task);
        flush();
    }

    private boolean tell(Runnable message) {
        return group.reactor.execute(message);
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

    @Override
    public long pending() {
        return (int) QUEUED.getOpaque(this) + (long) Math.max(0, (int) ELSEWHERE.getOpaque(this));
    }

    @Override
    public SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public String toString() {
        return "connection from " + remote + ", " + state.name().toLowerCase(java.util.Locale.ROOT) + ", " + pending()
                + " bytes pending";
    }

    boolean isOf(ConnectionGroup group) {
        return this.group == group;
    }

    int queued() {
        return queued;
    }

    private void setQueued(int length) {
        QUEUED.setOpaque(this, length);
    }

    private SocketChannel channel() {
        return (SocketChannel) registration.channel();
    }
}
