package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ProxyHeader;
import dev.sluice.Timer;
import dev.sluice.internal.ConnectionState;
import dev.sluice.ServerStats.Counter;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.Drain;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.MemoryWait;
import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.Patience;
import dev.sluice.internal.PeerText;
import dev.sluice.internal.PendingWork;
import dev.sluice.internal.ReadStop;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.TaskQueue;
import dev.sluice.internal.Timeouts;
import dev.sluice.internal.UnreadInput;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/**
 * One connection on a reactor. It owns its state: nothing outside this class writes a field of it. The class reads in this order: its
 * beginning, reading, writing, closing, deadlines, tasks. The states are those of {@link ConnectionState}, the reasons why it is not
 * read those of {@link ReadStop}. The lent buffer, the chunks, the counters and the limits, which it shares with the other connections
 * of its loop, are its {@link ReactorContext}.
 *
 * <p>All of it runs on the loop, except what other threads call: that becomes a message, and the loop takes messages of one thread in
 * their order.
 *
 * <p>Nothing on the way to its end needs memory to go on. What finds none is done in a later turn, and each step once:
 *
 * <pre>
 *   end ──▶ CLOSED ──▶ listed ─────────────────────▶ reap: its Ending ──▶ socket closed ──▶ left ──▶ told ──▶ gone
 *              │                                       ▲ │ no memory: kept in the list, and reaped again
 *              └── no memory: the turn's end looks ────┘ └──▶ the next turn, 10 ms later
 *                  among all keys
 *
 *   left   counted as closed; another may be admitted
 *   told   its last callback was called
 *   gone   the drain knows it, too, and its key has no attachment any more
 * </pre>
 *
 * <p>Ten thousand idle ones are a design goal. So a connection is its own timer, what few connections have is kept in the context, and
 * a field here is paid for ten thousand times.
 */
final class ReactorConnection extends Deadlines.Entry implements Connection, ReadyHandler.AtEndOfTurn, PendingWork.Owner, Drain.Member, MemoryWait.Member {

    /** From here on, a direct buffer on an empty queue goes straight to the socket: below, a copy is cheaper than a call. */
    private static final int STRAIGHT = 4 << 10;

    /** Reads that a draining server gives a connection for what had arrived, 1 MiB: a peer that sends on must not keep it. */
    private static final int LAST_READS = 16;

    /** The callbacks of a handler, the call of its factory, and a task. */
    private enum Event { CREATE, OPEN, READ, WRITABLE, EOF, CLOSE, TASK }

    final ReactorContext context;
    private final OutboundQueue output;
    private SelectionKey key;
    private Handler handler;

    /** The lower 32 bits of its number. */
    private final int idLow;

    /** The upper 8: as many as find room between the other fields. */
    private final byte idHigh;

    /** Input that the handler left unread, from zero to its limit, or null. */
    private ByteBuffer unread;

    /** Its holds, offloaded tasks and timers, or null. */
    private PendingWork work;

    /** How it ends, once that is known. */
    private volatile Ending ending;

    private volatile ConnectionState state;

    /** When a byte was last read, or taken by the kernel, or when the last hold was released. */
    private long activeNs;

    /** A set of {@link ReadStop}. */
    private byte stops;

    /** Whether the handler took nothing of its unread input when that was last offered by itself: more input comes before the next offer. */
    private boolean lastOfferUnread;

    /** Whether a flush at the end of the turn was asked for. */
    private boolean flushAsked;

    /** Why a connection ends, the addresses that its channel will no longer tell, and what of its end is done. */
    private static final class Ending {
        private static final Ending[] BARE = bare(false);
        private static final Ending[] BARE_RESET = bare(true);

        private final Kind kind;
        private final Throwable cause;

        /** Whether the peer is told that what it got is not the whole. */
        private final boolean resets;

        /** Whether it serves all connections: there is no memory for one of its own, or none is needed yet. */
        private final boolean isBare;

        private final SocketAddress remote;
        private final SocketAddress local;
        private final ProxyHeader header;

        /** Bytes that never left. */
        private long unsent;

        /** What the handler is told, once that is certain. */
        private CloseReason reason;

        private boolean isTold;
        private boolean isGone;

        private Ending(Kind kind, Throwable cause, boolean resets, boolean isBare, long unsent, SocketAddress remote, SocketAddress local,
                ProxyHeader header) {
            this.kind = kind;
            this.cause = cause;
            this.resets = resets;
            this.isBare = isBare;
            this.unsent = unsent;
            this.remote = remote;
            this.local = local;
            this.header = header;
        }

        private static Ending[] bare(boolean resets) {
            return Stream.of(Kind.values()).map(kind -> new Ending(kind, null, resets, true, 0, null, null, null)).toArray(Ending[]::new);
        }

        /** One that needs no memory. */
        static Ending bare(Kind kind, boolean resets) {
            return (resets ? BARE_RESET : BARE)[kind.ordinal()];
        }
    }

    private ReactorConnection(ReactorContext context, ConnectionState state) {
        this.context = context;
        this.state = state;
        long id = context.admission.nextId();
        this.idLow = (int) id;
        this.idHigh = (byte) (id >> 32);
        this.output = new OutboundQueue(context.outlet);
        this.activeNs = context.reactor.nowNs();
    }

    // ---- the beginning ------------------------------------------------------------------------------------------------

    /**
     * Registers a socket that was accepted, or has connected, and opens its connection.
     *
     * @throws IOException if the socket is gone already; then there is no connection, and no callback was called
     */
    static ReactorConnection open(
            ReactorContext context, SocketChannel channel, ProxyHeader header, Handler.Factory factory, boolean isOutbound) throws IOException {
        ReactorConnection connection = new ReactorConnection(context, ConnectionState.OPEN);
        connection.key = context.reactor.register(channel, SelectionKey.OP_READ, connection);
        try {
            if (header != null) {
                context.headers.put(connection, header);
            }
            context.opened(connection, isOutbound);
        } catch (Throwable t) { // no memory
            context.headers.remove(connection);
            connection.key.attach(null);
            throw t;
        }
        try {
            connection.call(Event.CREATE, factory);
            if (connection.state == ConnectionState.OPEN) {
                connection.call(Event.OPEN, null);
            } else {
                context.neverOpened.add(connection);
            }
            connection.flush(false);
            connection.setTimer();
        } catch (Throwable t) { // no memory: from here on it ends as connections do
            connection.fail(t);
        }
        return connection;
    }

    /** Makes a connection that could not be made, so that its handler can be told. Not within a callback. */
    static ReactorConnection neverOpened(ReactorContext context, SocketAddress remote) {
        ReactorConnection connection = new ReactorConnection(context, ConnectionState.CLOSED);
        connection.ending = new Ending(Kind.CONNECT_FAILURE, null, false, false, 0, remote, null, null);
        return connection;
    }

    /** Gives a connection that could not be made its handler, whose only callback is the last. Not within a callback. */
    void tellFailure(Handler.Factory factory, CloseReason why) {
        call(Event.CREATE, factory);
        if (handler != null) {
            call(Event.CLOSE, why);
        }
    }

    /** The only way to the handler. */
    private void call(Event event, Object argument) {
        assert context.reactor.isInLoop() && context.running == null : "callbacks nest";
        ReactorContext.RUNNING.lazySet(context, this);
        try {
            switch (event) {
                case CREATE -> handler = Objects.requireNonNull(((Handler.Factory) argument).create(this), "the factory's handler");
                case OPEN -> handler.onOpen(this);
                case READ -> handler.onRead(this, (ByteBuffer) argument);
                case WRITABLE -> handler.onWritable(this);
                case EOF -> handler.onEof(this);
                case CLOSE -> handler.onClose(this, (CloseReason) argument);
                case TASK -> ((Runnable) argument).run();
            }
        } catch (ProtocolException e) {
            end(Kind.PROTOCOL, e);
        } catch (Throwable t) {
            end(Kind.HANDLER_FAILURE, t);
            context.handlerFailed(event.name(), this, t);
        } finally {
            ReactorContext.RUNNING.lazySet(context, null);
        }
    }

    // ---- readiness ----------------------------------------------------------------------------------------------------

    @Override
    public void ready(int readyOps) {
        try {
            if (state == ConnectionState.LINGERING) {
                discardInput();
            } else if ((readyOps & SelectionKey.OP_READ) != 0 && mayRead()) { // another's callback of this turn may have paused it
                read();
            }
            flush((readyOps & SelectionKey.OP_WRITE) != 0);
        } catch (Throwable t) { // no memory
            fail(t);
        }
    }

    /** Applies the state: sends our end, ends the connection when both sides have ended, and sets what the key waits for. */
    private void settle() {
        if (output.isEnded() && state != ConnectionState.CLOSED) {
            sendEnd();
        }
        if (state == ConnectionState.CLOSED) {
            return;
        }
        int ops = interest();
        if (key.interestOps() != ops) {
            key.interestOps(ops);
            context.counters.add(Counter.INTEREST_CHANGES, 1);
            context.counters.add(Counter.READ_PAUSES, has(ReadStop.OUTPUT_WAITS) || has(ReadStop.MEMORY_SHORT) ? 1 : 0);
            if (ops == 0 || work != null) {
                setTimer();
            }
        }
    }

    /** The operations that the key waits for. While there is none, no event tells of a reset. */
    private int interest() {
        boolean reads = mayRead() || state == ConnectionState.LINGERING;
        return (reads ? SelectionKey.OP_READ : 0) | (output.fellShort() ? SelectionKey.OP_WRITE : 0);
    }

    // ---- reading ------------------------------------------------------------------------------------------------------

    @Override
    public boolean isReading() {
        context.reactor.checkInLoop();
        return state == ConnectionState.OPEN && hasRoom();
    }

    private boolean mayRead() {
        return state == ConnectionState.OPEN && stops == 0;
    }

    private boolean has(ReadStop stop) {
        return (stops & stop.bit) != 0;
    }

    private void stop(ReadStop why) {
        stops |= why.bit;
        countReading();
    }

    private void clear(ReadStop why) {
        stops = (byte) (stops & ~why.bit);
        countReading();
    }

    /** Time in which it is not read does not count against its peer. */
    private void countReading() {
        if (work != null && work.expectsInput()) {
            work.reads(hasRoom(), context.reactor.nowNs());
        }
    }

    /** Whether nothing stops it from being read but what ends by itself. */
    private boolean hasRoom() {
        return (stops & ~ReadStop.OFFER_DUE.bit) == 0;
    }

    /** A reason not to read has ended. Unread input is offered again before anything is read. */
    private void go(ReadStop why) {
        clear(why);
        if (state == ConnectionState.OPEN && !has(ReadStop.OFFER_DUE) && (unread != null || context.running == this || context.drain != null)) {
            offerSoon(); // no event will come for what is here already, or the callback leaves, or for what a drain waits for
        }
    }

    private void offerSoon() {
        stop(ReadStop.OFFER_DUE);
        try {
            context.reactor.execute(this::offerDue);
        } catch (Throwable t) { // no memory: it would never be read again
            fail(t);
        }
    }

    /** Reads once and offers it to the handler; returns false if nothing was there. */
    private boolean read() {
        // another loop may have made memory short: one that keeps much looks before it takes as much again
        int most = context.memoryIsShort || unread != null ? mayKeep() : context.options.maxRemainder();
        boolean isFull = unread != null && unread.limit() >= most;
        if (most < context.options.maxRemainder() && (isFull || most == 0)) {
            if (arrived() == 0) {
                return readEnd();
            }
            stop(ReadStop.MEMORY_SHORT);
            context.waitForMemory(this);
            return false;
        } else if (isFull) {
            offerUnread();
            return false;
        }
        ByteBuffer in = unread == null && most >= context.lent.capacity() ? context.lent.clear() : UnreadInput.before(unread, context.lent, most);
        int read = receive(in);
        in.flip(); // though nothing was read: it may be the unread input itself
        if (read > 0) {
            offer(in);
        } else if (read < 0) {
            endInput();
        }
        return read > 0;
    }

    /** The peer's end may be all that is there. It needs no memory, and gives some back. As {@link #read}. */
    private boolean readEnd() {
        ByteBuffer in = context.lent.clear().limit(1);
        int read = receive(in);
        if (read > 0) { // it has come just now
            keep(UnreadInput.join(unread, in.flip()));
            offer(unread);
        } else if (read < 0) {
            endInput();
        }
        return read > 0;
    }

    /**
     * How much unread input it may keep, with what is read now; looks whether memory is still short. While it is, the connection may fill
     * the memory that it has: the end of its line may be all that it waits for. For more, there has to be room.
     */
    private int mayKeep() {
        long counted = (readsWhileOutputWaits() ? 0 : output.length()) + Math.max(0, context.heldByHandler(this) - MemoryBudget.PAID);
        long room = context.readMark() - counted;
        if (!context.memoryIsShort) {
            return context.options.maxRemainder();
        } else if (room < 0) {
            return 0;
        }
        long kept = Math.max(MemoryBudget.PAID, Math.max(Long.highestOneBit(room), unread == null ? 0 : unread.capacity()));
        return (int) Math.min(kept, context.options.maxRemainder());
    }

    /** One read call: bytes, 0 for none or for a connection that is lost, -1 for the peer's end. */
    private int receive(ByteBuffer in) {
        int read = 0;
        try {
            read = context.socketIo.read(channel(), in);
        } catch (Throwable t) { // whatever it is, the connection ends as connections do, with its last callback
            fail(t);
        }
        context.counters.increment(Counter.READS);
        if (read > 0) {
            context.counters.add(Counter.BYTES_READ, read);
            activeNs = context.reactor.nowNs();
        }
        return read;
    }

    private void offer(ByteBuffer in) {
        int offered = in.remaining();
        lastOfferUnread = false;
        call(Event.READ, in.order(ByteOrder.BIG_ENDIAN)); // another handler may have changed it
        if (in.remaining() == offered) {
            clear(ReadStop.OFFER_DUE); // a handler that resumes within the call, and takes nothing, has seen all there is
        }
        if (state != ConnectionState.OPEN) {
            keep(null);
        } else if (unread != null || in.hasRemaining()) {
            keep(UnreadInput.after(unread, in, context.lent));
            if (mayRead() && unread != null && unread.limit() >= context.options.maxRemainder()) {
                end(Kind.PROTOCOL, null);
            }
        }
    }

    /** Keeps unread input, or null. */
    private void keep(ByteBuffer left) {
        long change = UnreadInput.cost(left) - UnreadInput.cost(unread);
        unread = left;
        if (change != 0) {
            context.keptChanged(change);
        }
    }

    /** Offers what was left unread, without new bytes. */
    private void offerUnread() {
        if (mayRead() && unread != null) {
            int before = unread.limit();
            offer(unread);
            lastOfferUnread = unread != null && unread.limit() == before;
        }
    }

    /** A task: offers what was left unread, now that a reason not to read has ended. */
    private void offerDue() {
        try {
            if (has(ReadStop.OFFER_DUE)) {
                clear(ReadStop.OFFER_DUE);
                if (!lastOfferUnread || !mayRead() || !read()) {
                    offerUnread();
                }
            }
            flush(false);
        } catch (Throwable t) { // no memory
            fail(t);
        }
        if (context.drain != null && state != ConnectionState.CLOSED && context.drain.hasAsked(this)) {
            leave(); // it was asked to before it had this offer
        }
    }

    private void endInput() {
        offerUnread();
        if (has(ReadStop.PAUSED) || unread != null && stops != 0) {
            return; // the handler is not done; the end will be read again
        }
        stop(ReadStop.INPUT_ENDED);
        keep(null);
        if (state == ConnectionState.OPEN) {
            call(Event.EOF, null);
        }
    }

    /** The peer's bytes after our end: were they left unread, closing would reset the connection and destroy our last ones. */
    private void discardInput() {
        if (receive(context.lent.clear()) < 0) {
            stop(ReadStop.INPUT_ENDED);
        }
    }

    @Override
    public void pauseReading() {
        context.reactor.checkInLoop();
        stop(ReadStop.PAUSED);
        flushSoon();
    }

    @Override
    public void resumeReading() {
        context.reactor.checkInLoop();
        if (has(ReadStop.PAUSED) && state == ConnectionState.OPEN) {
            clear(ReadStop.PAUSED);
            offerSoon();
        }
    }

    @Override
    public void inputDeadline(Duration limit) {
        context.reactor.checkInLoop();
        long limitNs = Deadlines.nanos(limit);
        if (state == ConnectionState.OPEN && (limitNs > 0 || work != null)) {
            work().expectInput(limitNs, hasRoom(), context.reactor.nowNs());
            setTimer();
        }
    }

    // ---- writing ------------------------------------------------------------------------------------------------------

    @Override
    public boolean write(ByteBuffer data) {
        if (!context.reactor.isInLoop()) {
            return writeFromElsewhere(data);
        }
        enqueue(data);
        return wantsMore();
    }

    /** Takes all bytes, whether they leave or not. */
    private void enqueue(ByteBuffer data) {
        context.counters.add(Counter.BYTES_ENQUEUED, data.remaining());
        if (mayWrite() && (long) output.length() + data.remaining() > context.options.maxPending()) {
            end(Kind.QUEUE_LIMIT, null);
        }
        if (mayWrite()) {
            try {
                if (data.remaining() >= STRAIGHT && data.isDirect() && output.length() == 0 && context.mayWriteStraight(data.remaining())) {
                    wrote(output.writeThrough(channel(), data, context.reactor.nowNs()));
                }
                output.add(data);
                flushSoon();
                context.queuedMore();
            } catch (Throwable t) {
                fail(t);
            }
        }
        if (data.hasRemaining()) {
            context.counters.add(Counter.BYTES_DISCARDED, data.remaining());
            data.position(data.limit());
        }
    }

    private boolean mayWrite() {
        return state.takesOutput() && !output.isEnded();
    }

    /** The answer to a write: false above the high water mark, where {@link Handler#onWritable} will say when to go on. */
    private boolean wantsMore() {
        if (output.length() <= context.options.highWater()) {
            return mayWrite();
        }
        if (!readsWhileOutputWaits()) {
            stop(ReadStop.OUTPUT_WAITS);
        }
        output.tellWhenWritable();
        return false;
    }

    private boolean readsWhileOutputWaits() {
        return handler != null && handler.readsWhileOutputWaits();
    }

    /**
     * Another thread. Sends a message with a copy of the bytes. They count against the queue's limit from the moment they are reserved,
     * so that a loop that is busy bounds its writers too.
     */
    private boolean writeFromElsewhere(ByteBuffer data) {
        int length = data.remaining();
        boolean open = mayWrite();
        boolean mayPend = length <= context.options.maxPending();
        boolean hasRoom = open && mayPend && context.reserveElsewhere(length, pending());
        int most = hasRoom ? context.options.maxPending() : -1;
        long pending = output.announce(length, most);
        if (pending < 0 || pending > most) {
            if (hasRoom) {
                context.releaseElsewhere(length);
            }
            context.discardedElsewhere.addAndGet(length);
            data.position(data.limit());
            if (open && pending >= 0) {
                context.reactor.execute(() -> end(hasRoom || !mayPend ? Kind.QUEUE_LIMIT : Kind.MEMORY, null));
            }
            return false;
        }
        boolean isFull = pending > context.options.highWater();
        boolean sent = false;
        try {
            byte[] copy = new byte[length];
            data.get(copy);
            sent = context.reactor.execute(new CrossThreadWrite(copy, isFull));
        } finally { // there may be no memory for the copy
            if (!sent) {
                context.releaseElsewhere(length);
                if (output.arrived(length)) {
                    context.discardedElsewhere.addAndGet(length);
                }
            }
        }
        return sent && !isFull;
    }

    /** A write by another thread: a message with a copy of the bytes. */
    private final class CrossThreadWrite extends TaskQueue.Task {
        private final byte[] bytes;

        /** Whether the writer was told to wait, so that {@link Handler#onWritable} must follow. */
        private final boolean wasFull;

        CrossThreadWrite(byte[] bytes, boolean wasFull) {
            this.bytes = bytes;
            this.wasFull = wasFull;
        }

        @Override
        public void run() {
            context.releaseElsewhere(bytes.length);
            ByteBuffer data = null;
            try {
                data = ByteBuffer.wrap(bytes);
            } catch (VirtualMachineError e) {
                fail(e);
            }
            if (state != ConnectionState.CLOSED && output.arrived(bytes.length)) { // or reaping accounts for them
                enqueue(data);
                if (wasFull) {
                    output.tellWhenWritable();
                }
                wantsMore();
                if (context.memoryIsShort) {
                    flush(false); // what a burst from another loop leaves on all connections of this one must not wait for the end of the turn
                } else {
                    flushSoon();
                }
            }
        }
    }

    /** Asks for a flush: when the running callback of this connection returns, or else at the end of the turn. */
    private void flushSoon() {
        if (!flushAsked && context.running != this) {
            flushAsked = true;
            try {
                context.reactor.flushLater(this);
            } catch (Throwable t) { // no memory: nothing else might ever come back to it
                fail(t);
            }
        }
    }

    @Override
    public void flush() {
        flushAsked = false;
        flush(false);
    }

    /** After each dispatch. While the kernel takes nothing, it is asked only when it or the clock says so. */
    private void flush(boolean evenIfShort) {
        try {
            context.straightBytes = 0;
            if (output.length() > 0 && (evenIfShort || !output.fellShort())) {
                send();
            }
            if (!context.written.isEmpty()) {
                context.runWritten();
            }
            if (output.length() <= context.options.lowWater() && state != ConnectionState.CLOSED) {
                atLowWater();
            }
            if (output.length() > 0 && !output.fellShort() || !context.written.isEmpty()) {
                flushSoon(); // more than one call takes, written meanwhile, or a task that onWritable gave: others first
            }
            settle();
        } catch (Throwable t) { // no memory: half way, nothing might ever come back to it
            fail(t);
        }
    }

    /** For {@link ReactorContext#relieve}. */
    void sendUnlessShort() {
        if (!output.fellShort()) {
            send();
        }
    }

    /** One write call, if something waits. */
    private void send() {
        try {
            wrote(output.flush(channel(), context.reactor.nowNs()));
        } catch (Throwable t) {
            fail(t);
        }
    }

    private void wrote(int bytes) {
        if (bytes > 0) {
            activeNs = context.reactor.nowNs();
        }
        if (output.fellShort()) {
            setTimer();
        }
    }

    private void atLowWater() {
        if (has(ReadStop.OUTPUT_WAITS)) {
            go(ReadStop.OUTPUT_WAITS);
        }
        if (has(ReadStop.MEMORY_SHORT) && mayKeep() > (unread == null ? 0 : unread.limit())) {
            readAgain(); // it was its output that left no room
        }
        if (output.takeWritableDue(mayWrite()) && !context.neverOpened.contains(this)) {
            call(Event.WRITABLE, null);
        }
    }

    /** Tells the peer our end, if all before it has left; ends the connection once both sides have ended. */
    private void sendEnd() {
        try {
            output.sendEnd(channel(), context.reactor.nowNs());
        } catch (IOException e) {
            end(Kind.RESET, e);
        }
        if (output.isEndSent()) {
            if (has(ReadStop.INPUT_ENDED)) {
                end(Kind.PEER, null);
            } else if (state == ConnectionState.DRAINING) {
                state = ConnectionState.LINGERING;
                setTimer();
            }
        }
    }

    // ---- closing ------------------------------------------------------------------------------------------------------

    @Override
    public void close() {
        if (!context.reactor.isInLoop()) {
            executeOrFail(this::close);
        } else if (state == ConnectionState.OPEN) {
            state = ConnectionState.LEAVING;
            ending = Ending.bare(has(ReadStop.INPUT_ENDED) ? Kind.PEER : Kind.LOCAL, false);
            keep(null);
            drainUnlessHeld();
        }
    }

    /** Asked to close, it drains as soon as no work is held. */
    private void drainUnlessHeld() {
        if (state == ConnectionState.LEAVING && !isHeld()) {
            state = ConnectionState.DRAINING;
            output.end(context.reactor.nowNs());
        }
        flushSoon();
    }

    @Override
    public void shutdownOutput() {
        if (!context.reactor.isInLoop()) {
            executeOrFail(this::shutdownOutput);
        } else if (isOpen()) {
            output.end(context.reactor.nowNs());
            flushSoon();
        }
    }

    @Override
    public void abort() {
        if (!context.reactor.isInLoop()) {
            executeOrFail(this::abort);
        } else if (state != ConnectionState.CLOSED) {
            end(Kind.LOCAL, null, true);
        }
    }

    /** Something of ours has failed: the socket, or there is no memory. */
    private void fail(Throwable cause) {
        end(Patience.helps(cause) ? Kind.MEMORY : Kind.RESET, cause);
    }

    void end(Kind kind, Throwable cause) {
        end(kind, cause, false);
    }

    /** Ends the connection now; the callback follows when the turn reaps. The first reason given stands. Needs no memory. */
    private void end(Kind kind, Throwable cause, boolean resets) {
        if (state == ConnectionState.CLOSED) {
            return;
        }
        boolean asAnnounced = ending != null && (kind == Kind.LOCAL || kind == Kind.PEER);
        Kind why = asAnnounced ? ending.kind : kind;
        ending = Ending.bare(why, resets || output.losesBy(kind));
        state = ConnectionState.CLOSED;
        try {
            context.reactor.reapLater(this);
            describeEnd(cause);
            release();
        } catch (Throwable t) { // no memory, or no stack
            context.reactor.unlisted = true;
        }
    }

    /** Makes an ending of its own from one that serves all. Before its output is dropped and its channel closed. */
    private void describeEnd(Throwable cause) {
        ending = new Ending(ending.kind, cause, ending.resets, false, output.length(), remoteAddress(), localAddress(),
                proxyHeader().orElse(null));
    }

    private void release() {
        keep(null);
        context.holdMemory(this, 0);
        output.clear();
        context.reactor.removeDeadline(this);
    }

    @Override
    public boolean isToReap() {
        return state == ConnectionState.CLOSED && !ending.isGone;
    }

    @Override
    public void reap() {
        if (ending.isBare) {
            describeEnd(null);
        }
        if (ending.isGone) {
            return;
        }
        release();
        if (ending.reason == null) {
            closeSocket();
            if (work != null) {
                work.cancel();
            }
            context.runWritten();
            int never = output.close();
            ending.unsent += never;
            context.discardedElsewhere.addAndGet(never);
            ending.reason = new CloseReason(ending.kind, ending.cause, ending.unsent);
            context.closed(this, ending.reason);
        }
        if (!ending.isTold) {
            ending.isTold = true;
            if (handler != null) { // its factory did not throw
                call(Event.CLOSE, ending.reason);
            }
        }
        context.gone(this, ending.reason); // or a drain would wait for it for ever
        ending.isGone = true;
        key.attach(null);
    }

    private void closeSocket() {
        if (ending.resets && channel().isOpen()) {
            context.socketIo.resetOnClose(channel());
        }
        context.socketIo.close(channel());
        if (key.isValid()) {
            key.cancel(); // the channel had no memory for that
        }
    }

    // ---- leaving a server that drains ---------------------------------------------------------------------------------

    /** Input that has arrived is handled, then the connection closes, unless input waits for its handler or for room. */
    @Override
    public void leave() {
        try {
            int reads = context.lastReads.getOrDefault(this, LAST_READS);
            while (reads > 0 && mayRead() && read()) {
                reads--;
                send();
            }
            context.lastReads.put(this, reads);
            boolean lacksOnlyMemory = stops == ReadStop.MEMORY_SHORT.bit && arrived() == 0; // for nothing
            boolean isStopped = stops != 0 && !has(ReadStop.INPUT_ENDED) && !lacksOnlyMemory;
            if (state != ConnectionState.OPEN || !isStopped || unread == null && reads == 0) {
                countUnread();
                boolean toBeTold = isHeld() && state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED);
                close();
                if (toBeTold) {
                    call(Event.EOF, null); // nothing more is read
                }
            } // else it is asked again when there is room for what has arrived, or the handler goes on
            flush(false); // what the callbacks wrote, or closed
        } catch (Throwable t) { // no memory; the others leave all the same
            fail(t);
        }
    }

    /** To have waited only for the peer's end is no loss. */
    @Override
    public void cut() {
        if (state == ConnectionState.LINGERING) {
            end(Kind.LOCAL, null);
        } else if (state != ConnectionState.CLOSED) {
            countUnread();
            if (isHeld()) {
                context.drain.cutOwing();
            }
            end(Kind.DRAIN_DEADLINE, null);
        }
    }

    /** Nothing more is given to the handler, because the server drains. */
    private void countUnread() {
        if (state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED)) {
            context.drain.leftUnread(Math.max(0, arrived()) + (unread == null ? 0 : unread.limit()));
        }
    }

    /** Bytes that have arrived and were not read; {@link SocketIo#UNKNOWN} for some, or for the peer's end, where the socket does not count. */
    private int arrived() {
        try {
            int known = context.socketIo.available(channel());
            return known == SocketIo.UNKNOWN && !context.probe.hasInput(channel()) ? 0 : known;
        } catch (IOException e) {
            return 0; // lost
        }
    }

    // ---- deadlines ----------------------------------------------------------------------------------------------------

    /**
     * Sets the timer to what can come due first, unless it is set to something earlier already. It is set lazily: activity only notes
     * the time, and the timer, when it comes due, looks at it.
     */
    private void setTimer() {
        if (state == ConnectionState.CLOSED) {
            return;
        }
        long lookNs = interest() == 0 ? context.nextLookNs(channel()) : Timeouts.NEVER;
        long atNs = context.timeouts.deadline(output, state == ConnectionState.LINGERING, isHeld(), activeNs, lookNs);
        if (work != null && state == ConnectionState.OPEN) {
            atNs = Timeouts.earlier(atNs, work.inputDueNs());
        }
        if (atNs != Timeouts.NEVER && (!isSet() || atNs - deadlineNs() < 0)) {
            context.reactor.setDeadline(this, atNs);
        }
    }

    @Override
    public void expired(long nowNs) {
        try {
            look(nowNs);
        } catch (Throwable t) { // no memory: it would never be looked at again
            fail(t);
        }
    }

    private void look(long nowNs) {
        Timeouts timeouts = context.timeouts;
        if (timeouts.isStalled(output, nowNs)) {
            flush(true); // a slow reader takes bytes for minutes without the kernel calling the socket writable
        }
        if (timeouts.isStalled(output, nowNs)) {
            end(Kind.WRITE_STALL, null);
        } else if (state == ConnectionState.LINGERING) {
            if (nowNs - output.sinceNs() >= timeouts.lingerNs()) {
                end(Kind.LOCAL, null);
            }
        } else if (timeouts.isIdle(activeNs, nowNs) && !isHeld()) {
            end(Kind.IDLE, null);
        } else if (work != null && state == ConnectionState.OPEN) {
            lookForInput(nowNs);
        }
        setTimer(); // first: a look that fails must not be the last
        if (state != ConnectionState.CLOSED && interest() == 0 && context.probe.isLost(channel())) {
            end(Kind.RESET, new IOException("lost while nothing was awaited of it"));
        }
    }

    /** After a pause of the machine, or of this loop, what has come in time may not be read yet. */
    private void lookForInput(long nowNs) {
        if (work.isInputLate(nowNs) && arrived() == 0) {
            end(Kind.INPUT_TIMEOUT, null);
        }
        work.forgetInputInTime();
        forgetWorkIfNone();
    }

    // ---- tasks and pending work ---------------------------------------------------------------------------------------

    private PendingWork work() {
        if (work == null) {
            work = new PendingWork(this);
        }
        return work;
    }

    private void forgetWorkIfNone() {
        if (work != null && work.isEmpty()) {
            work = null;
        }
    }

    private boolean isHeld() {
        return work != null && work.isHeld();
    }

    @Override
    public boolean execute(Runnable task) {
        return state != ConnectionState.CLOSED && context.reactor.execute(() -> run(task));
    }

    /** Any thread. Has a step of its own run on the loop; one that fails, for want of memory, ends the connection. */
    private boolean executeOrFail(Runnable step) {
        return context.reactor.execute(() -> {
            try {
                step.run();
            } catch (Throwable t) {
                fail(t);
            }
        });
    }

    /** Runs a task, unless the connection has closed meanwhile. */
    private void run(Runnable task) {
        if (state == ConnectionState.CLOSED) {
            context.counters.add(Counter.DROPPED_TASKS, 1);
        } else {
            call(Event.TASK, task);
            flush(false);
        }
    }

    @Override
    public boolean whenWritten(Runnable task) {
        Objects.requireNonNull(task, "task");
        if (state == ConnectionState.CLOSED) {
            return false;
        }
        if (!context.reactor.isInLoop()) {
            return executeOrFail(() -> context.counters.add(Counter.DROPPED_TASKS, whenWritten(task) ? 0 : 1));
        }
        Runnable due = () -> {
            call(Event.TASK, task);
            flushSoon();
        };
        output.whenWritten(() -> context.written.add(due));
        flushSoon();
        return true;
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        context.reactor.checkInLoop();
        if (state == ConnectionState.CLOSED) {
            return () -> false;
        }
        PendingWork pending = work();
        Timer[] timer = new Timer[1];
        timer[0] = context.reactor.schedule(delay, () -> {
            pending.ended(timer[0]);
            forgetWorkIfNone();
            run(task);
        });
        pending.began(timer[0]);
        return () -> {
            boolean waited = timer[0].cancel();
            pending.ended(timer[0]);
            forgetWorkIfNone();
            return waited;
        };
    }

    @Override
    public Hold hold() {
        context.reactor.checkInLoop();
        return state == ConnectionState.CLOSED ? () -> {} : work().hold(); // in its last callback, nothing would forget it
    }

    @Override
    public <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        context.reactor.checkInLoop();
        return work().offload(context.workers, task, callback);
    }

    @Override
    public <T> boolean offloadInOrder(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        context.reactor.checkInLoop();
        return work().offloadInOrder(context.workers, task, callback);
    }

    @Override
    public void confine(Runnable step) {
        if (context.reactor.isInLoop()) {
            step.run();
        } else {
            context.reactor.execute(step);
        }
    }

    @Override
    public void released() {
        forgetWorkIfNone();
        if (!isHeld() && state != ConnectionState.CLOSED) {
            activeNs = context.reactor.nowNs(); // it was not idle until now
            try {
                if (work != null) {
                    work.expectInputAnew(activeNs);
                }
                setTimer();
            } catch (Throwable t) { // no memory
                fail(t);
            }
        }
        drainUnlessHeld();
    }

    @Override
    public void workersFull(boolean full) {
        if (!full) {
            forgetWorkIfNone();
        }
        if (state == ConnectionState.CLOSED) {
            return; // by its last callback, or meanwhile
        }
        if (full) {
            stop(ReadStop.WORKERS_FULL);
        } else {
            go(ReadStop.WORKERS_FULL);
        }
        flushSoon();
    }

    @Override
    public boolean connect(SocketAddress address, Duration timeout, Handler.Factory factory) {
        return state != ConnectionState.CLOSED && context.ask(() -> context.connect(address, timeout, factory, true));
    }

    // ---- what it tells ------------------------------------------------------------------------------------------------

    @Override
    public boolean isOpen() {
        return state.takesOutput();
    }

    boolean isClosed() {
        return state == ConnectionState.CLOSED;
    }

    /** Memory for it beside what it needs at least, with what is on its way. */
    @Override
    public long held() {
        return output.memory() + output.announced() + UnreadInput.cost(unread) + context.heldByHandler(this);
    }

    @Override
    public void holdMemory(long bytes) {
        context.reactor.checkInLoop();
        long counted = context.admission.budget().declared(bytes);
        if (state == ConnectionState.CLOSED) {
            return;
        }
        try {
            context.holdMemory(this, counted);
            flushSoon(); // with less than before it may be read again
        } catch (Throwable t) { // no memory
            fail(t);
        }
    }

    @Override
    public void readAgain() {
        context.memoryWaitEnded(this);
        go(ReadStop.MEMORY_SHORT);
        flushSoon();
    }

    @Override
    public boolean grow(long most) {
        int more = UnreadInput.growth(unread, context.options.maxRemainder());
        if (more == 0 || more > most) {
            return false;
        }
        keep(UnreadInput.grown(unread, more));
        readAgain();
        return true;
    }

    @Override
    public void endForMemory() {
        end(Kind.MEMORY, null);
    }

    @Override
    public long pending() {
        return (long) output.length() + output.announced();
    }

    @Override
    public SocketAddress remoteAddress() {
        return address(true);
    }

    @Override
    public SocketAddress localAddress() {
        return address(false);
    }

    /** Its channel knows them until it is closed: to keep them here, too, would be paid for by each idle connection. */
    private SocketAddress address(boolean isRemote) {
        ProxyHeader header = header();
        if (header != null && header.source().isPresent()) {
            return (isRemote ? header.source() : header.destination()).orElseThrow();
        }
        if (ending == null || ending.isBare) {
            try {
                return isRemote ? channel().getRemoteAddress() : local();
            } catch (IOException e) {
                // was closed meanwhile
            }
        }
        Ending known = ending;
        return known == null ? null : isRemote ? known.remote : known.local;
    }

    private SocketAddress local() throws IOException {
        SocketAddress told = channel().getLocalAddress();
        return context.renamed.getOrDefault(told, told);
    }

    @Override
    public Optional<ProxyHeader> proxyHeader() {
        return Optional.ofNullable(header());
    }

    private ProxyHeader header() {
        ProxyHeader here = context.headers.get(this); // before the ending: it goes from here when that has it
        Ending known = ending;
        return here != null || known == null ? here : known.header;
    }

    @Override
    public long id() {
        return (idHigh & 0xFFL) << 32 | idLow & 0xFFFF_FFFFL;
    }

    @Override
    public long activeNs() {
        return activeNs;
    }

    @Override
    public boolean isOutbound() {
        return context.outbound.contains(this);
    }

    /** Its handler, for a report. Any thread, which may see it late. */
    String handlerName() {
        Handler made = handler;
        return made == null ? "the handlers' factory" : made.handlerName();
    }

    @Override
    public String toString() {
        return "connection " + id() + " with " + PeerText.of(remoteAddress()) + ", " + state + ", " + pending() + " bytes pending";
    }

    /** Null if it never had one. */
    SocketChannel socket() {
        return key == null ? null : channel();
    }

    private SocketChannel channel() {
        return (SocketChannel) key.channel();
    }
}
