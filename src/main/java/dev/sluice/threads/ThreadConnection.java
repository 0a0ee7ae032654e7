package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ProxyHeader;
import dev.sluice.ServerStats.Counter;
import dev.sluice.Timer;
import dev.sluice.internal.BlockingWrite;
import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.ConnectionLog;
import dev.sluice.internal.ConnectionState;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.Drain;
import dev.sluice.internal.LivenessProbe;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.MemoryWait;
import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.Patience;
import dev.sluice.internal.PeerText;
import dev.sluice.internal.PendingWork;
import dev.sluice.internal.ReadStop;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Timeouts;
import dev.sluice.internal.UnreadInput;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/**
 * One connection on a thread of its own. It owns its state: nothing outside this class writes a field of it. Its parts come in this
 * order: its own thread, reading, writing, closing, memory, leaving, deadlines, tasks. The states are those of {@link ConnectionState}, the
 * reasons why it is not read those of {@link ReadStop}.
 *
 * <pre>
 *   own thread   reads, calls the handler, sends what that wrote; waits in one place ({@link #awaitInput}), never with bytes in hand
 *   writer       a helper that sends what other threads wrote, or the own thread left
 *   helper       runs steps of the turn while the own thread is in a call that blocks: {@link CallbackLock}
 *   loop         the server's: deadlines, the drain
 * </pre>
 *
 * <p>Two locks order them. The <em>turn</em> ({@link CallbackLock}) is held for the length of a callback or task. The <em>lock</em>
 * guards the state and the queue, for a few instructions at a time, never through a call that blocks or a callback; at most a helper is
 * started under it. The turn comes first: no thread that has the lock waits for the turn. Closing the channel brings a thread back from a
 * read or a write.
 *
 * <p>Unread input has one state. The bytes and the reason {@link ReadStop#OFFER_DUE} tell it. Nothing is read while that is set.
 *
 * <pre>
 *   bytes   OFFER_DUE   other reasons   state            the bytes are offered
 *   none    no          any             none
 *   some    no          any             waits for more   in front of the next bytes
 *   some    yes         some            waits for room   once the last of those reasons has ended
 *   some    yes         none            due              by a step of the turn
 *
 *   from             event                                                                      to
 *   none             a call leaves bytes                                                        waits for more
 *                    and was told that there is no room, or has resumed and taken some          waits for room
 *                    bytes come while reading is stopped                                        waits for room
 *   waits for more   bytes come: a call with both                                               as from none
 *                    reading is resumed, the peer's end comes, or bytes while it is stopped     waits for room
 *   waits for room   the last other reason ends                                                 due
 *   due              another reason begins                                                      waits for room
 *                    the step: a call with the bytes, unless it took none of them the last
 *                    time and more have come, which the own thread is about to read             as from none
 * </pre>
 */
final class ThreadConnection implements Connection, PendingWork.Owner, Drain.Member, MemoryWait.Member, Runnable {

    /** Input that a draining server still gives to a handler, if it had arrived: 1 MiB. */
    private static final int LAST_BYTES = 1 << 20;

    /**
     * How long a draining server leaves a read alone that has nothing to read: the thread may have bytes that it took just before and
     * has not told of yet.
     */
    private static final Duration GRACE = Duration.ofMillis(50);

    /**
     * When to look again at a connection that seems idle: 50 ms. If the machine was paused, its bytes may be there, or already with its
     * thread, which only has to be given the processor.
     */
    private static final long SOON_NS = 50_000_000;

    final ThreadContext context;
    final CallbackLock turn;
    final SocketChannel channel;
    private final long id;
    private final SocketAddress remote;

    /** Or null: no proxy made it. */
    private final ProxyHeader header;

    /** Null until it is connected. */
    private volatile SocketAddress local;

    private final ThreadService service;

    /** The attempt to connect; null if the connection was accepted. */
    private final ThreadConnect attempt;

    private final ReentrantLock lock;

    /** Signalled when the state changes, or another thing that the own thread waits for. */
    private final Condition changed;

    /** Null until a thread has come to this connection: others of a pool wait. */
    private volatile Thread ownThread;

    // ---- written by the own thread

    /** The own thread is in a read, or about to be. */
    private volatile boolean inRead;

    /** Bytes that the handler is still given while the server drains. */
    private int lastBytes = LAST_BYTES;

    /** Bytes that its callbacks wrote since it last sent. */
    private int ownBytes;

    /** What it reads into next, or has just read. */
    private ByteBuffer buffer;

    // ---- written with the turn

    /** Unread input, or the input that the handler is being offered; or null. */
    private volatile ByteBuffer unread;

    /** The handler took nothing when it was last offered input: if more has come, that is read before the next offer. */
    private boolean lastOfferUnread;

    /** The handler was told, by isReading, write or offload, to take no more of the input that it is being offered. */
    private boolean toldToStop;

    /** Bytes that came, or were left, when no input was taken any more. */
    private int dropped;

    // ---- written under the lock

    private final OutboundQueue queue;
    private final BlockingWrite blockingWrite;
    private final InputMemory memory;

    /** What its handler holds on its behalf. */
    private volatile long heldByHandler;

    private final PendingWork work = new PendingWork(this);
    private final HelperTask writer;
    private volatile ConnectionState state = ConnectionState.OPEN;

    /** A set of {@link ReadStop}. */
    private volatile byte stops;

    /** The peer's end was read. {@link ReadStop#INPUT_ENDED} follows when the handler has been told. */
    private boolean endRead;

    /** A step of the turn offers unread input. Nothing is read meanwhile, or it would grow at each offer of which little is taken. */
    private boolean offering;

    private boolean connected;
    private boolean writing;

    /** Tasks whose bytes have left. Made when there is one. */
    private ArrayDeque<Runnable> written;

    private Kind kind;
    private Throwable cause;
    private long unsent;
    private boolean socketClosed;

    /** There is no thread for it: the loop sees to its end. */
    private boolean disowned;

    // ---- its end: each part is done once, and what finds no memory is tried again

    private CloseReason reason;
    private boolean counted;

    /** The last callback has returned. */
    private volatile boolean over;

    private final LoopStep settling;

    /** When a byte was last read, or taken by the kernel, or when the last hold was released. The own thread notes a read without the lock. */
    private volatile long activeNs;

    /** When the timer is due, or {@link Timeouts#NEVER}. */
    private volatile long dueNs = Timeouts.NEVER;

    /** A {@link StreamHandler} is serving the connection. */
    private boolean streams;

    // of a drain
    private volatile boolean leaving;
    private boolean cutTakingInput;

    // ---- on the loop

    private Timer timer;
    private boolean suspected;

    ThreadConnection(ThreadContext context, SocketChannel channel, SocketAddress peer, ProxyHeader header, ThreadConnect attempt, ThreadService service) {
        this.context = context;
        this.channel = channel;
        this.header = header;
        boolean isTold = header != null && header.source().isPresent();
        this.remote = isTold ? header.source().get() : peer;
        this.attempt = attempt;
        this.service = service;
        this.connected = attempt == null;
        this.id = channel == null && attempt == null ? 0 : context.admission.nextId();
        this.local = isTold ? header.destination().get() : connected && channel != null ? localOf(channel) : null;
        this.lock = context.seams.locks().get();
        this.changed = lock.newCondition();
        this.turn = new CallbackLock(this);
        this.queue = new OutboundQueue(context.outlet);
        this.blockingWrite = new BlockingWrite(queue, context.outlet);
        this.memory = new InputMemory(context.input);
        this.writer = new HelperTask(context.threads, this::sendAll, this::fail);
        this.settling = new LoopStep(context.execute, this::settle);
        this.activeNs = context.nowNs();
    }

    /** Any thread. Runs a step under the lock. */
    @Override
    public void confine(Runnable step) {
        lock.lock();
        try {
            step.run();
        } finally {
            lock.unlock();
        }
    }

    // ---- its own thread -----------------------------------------------------------------------------------------------

    boolean hasThread() {
        return ownThread != null;
    }

    /** Whether the calling thread is this connection's own. */
    boolean isOwnThread() {
        return ownThread == Thread.currentThread();
    }

    /** Its own thread has come; false if the loop was told that there is none. */
    private boolean comes() {
        lock.lock();
        try {
            ownThread = disowned ? null : Thread.currentThread();
            return !disowned;
        } finally {
            lock.unlock();
        }
    }

    /** On the loop: there is no thread for it. False if one has come all the same, as a call that finds no memory may have done its work. */
    boolean disown() {
        lock.lock();
        try {
            disowned = ownThread == null;
            return disowned;
        } finally {
            lock.unlock();
        }
    }

    /** The life of the connection: connects, serves, discards what still comes, and in the end tells the reason. */
    @Override
    public void run() {
        if (!comes()) {
            return;
        }
        try {
            memory.begin();
            if (state != ConnectionState.CLOSED && connect()) {
                service.serve(this);
            }
            serveInput();
        } catch (Throwable t) { // no memory for the buffer
            fail(t);
        } finally {
            finishPatiently();
        }
    }

    /** True once connected; false if that failed, and the connection has ended. */
    private boolean connect() {
        if (attempt != null) {
            try {
                attempt.connect(channel);
                confine(() -> {
                    connected = state == ConnectionState.OPEN;
                    local = connected ? localOf(channel) : null;
                    activeNs = context.nowNs();
                });
            } catch (Throwable t) { // an address of another family is no IOException, a lack of memory no Exception
                end(Kind.CONNECT_FAILURE, t);
            }
            if (connected) {
                ConnectionLog.opened(this, channel);
            }
            watch();
        }
        return connected;
    }

    /** Reads until the connection has closed. The handler is offered what came, unless no more input is taken: then it is dropped. */
    private void serveInput() {
        while (state != ConnectionState.CLOSED) {
            if (awaitInput()) {
                int read = receive();
                inTurn(() -> took(buffer, read));
            } else {
                inTurn(this::leaveInTurn); // the server drains; a task that has the turn before this may have resumed reading
            }
        }
    }

    /** The own thread. A step of the turn; then it sends what that wrote. */
    void inTurn(Runnable step) {
        turn.enter();
        try {
            step.run();
            turn.runPosted();
        } catch (Throwable t) { // before another has the turn: the step was left half way
            fail(t);
        } finally {
            turn.leave();
        }
        sendOwn();
    }

    /** The own thread. A {@link StreamHandler} begins to serve the connection. */
    void streamBegins() {
        confine(() -> streams = true);
    }

    /**
     * The own thread. The {@link StreamHandler} has returned: what it wrote leaves, then the connection closes.
     *
     * @param left bytes that it has not read
     */
    void streamEnds(int left) {
        confine(() -> streams = false);
        dropped = left;
        sendAll();
        confine(this::leaveOpen);
        sendAll(); // our end
    }

    // ---- reading ------------------------------------------------------------------------------------------------------

    @Override
    public boolean isReading() {
        turn.checkMine();
        return heard(state == ConnectionState.OPEN && hasRoom());
    }

    /** With the turn. Notes an answer to the handler: told that there is no room, it may leave the rest of its input. */
    private boolean heard(boolean isRoom) {
        toldToStop |= !isRoom;
        return isRoom;
    }

    private boolean has(ReadStop stop) {
        return (stops & stop.bit) != 0;
    }

    /** Under the lock. */
    private void stop(ReadStop why) {
        stops |= why.bit;
        countReading();
    }

    /** Under the lock. */
    private void clear(ReadStop why) {
        stops = (byte) (stops & ~why.bit);
        countReading();
        changed.signalAll();
    }

    /** Under the lock. Time in which it is not read does not count against its peer. */
    private void countReading() {
        if (work.expectsInput()) {
            long nowNs = context.nowNs();
            work.reads(hasRoom(), nowNs);
            setTimer(nowNs);
        }
    }

    /** Whether nothing stops it from being read but what ends by itself. */
    private boolean hasRoom() {
        return (stops & ~ReadStop.OFFER_DUE.bit) == 0;
    }

    /** Under the lock. A reason not to read has ended. A step of the turn follows if that is what it waits for. */
    private void go(ReadStop why) {
        if (has(why)) {
            clear(why);
            if (stops == ReadStop.OFFER_DUE.bit || endRead) {
                try {
                    turn.post(this::offerDue);
                } catch (Throwable t) { // nothing else would offer it
                    fail(t);
                }
            }
        }
    }

    @Override
    public void pauseReading() {
        turn.checkMine();
        confine(() -> stop(ReadStop.PAUSED));
    }

    @Override
    public void resumeReading() {
        turn.checkMine();
        confine(() -> {
            if (has(ReadStop.PAUSED) && unread != null) {
                stop(ReadStop.OFFER_DUE);
            }
            go(ReadStop.PAUSED);
        });
    }

    @Override
    public void inputDeadline(Duration limit) {
        turn.checkMine();
        long limitNs = Deadlines.nanos(limit);
        confine(() -> {
            if (state == ConnectionState.OPEN) {
                long nowNs = context.nowNs();
                work.expectInput(limitNs, hasRoom(), nowNs);
                setTimer(nowNs);
            }
        });
    }

    /**
     * The own thread. The one place where it waits before it reads.
     *
     * @return whether to read; false if the connection has closed, or is to leave a server that drains
     */
    boolean awaitInput() {
        lock.lock();
        try {
            do {
                awaitRoom();
            } while (mayRead() && !takeBuffer());
            inRead = mayRead() && !(leaving && state == ConnectionState.OPEN && isQuiet());
        } finally {
            lock.unlock();
        }
        if (memory.hasReserved()) {
            context.relieve();
        }
        return inRead;
    }

    /** Under the lock. Waits until there is no reason not to read, or none to go on. */
    private void awaitRoom() {
        if (has(ReadStop.OUTPUT_WAITS) || has(ReadStop.MEMORY_SHORT) || has(ReadStop.WORKERS_FULL)) {
            context.counters.add(Counter.READ_PAUSES, 1);
        }
        while (!mayRead() && !isToLeave() && state != ConnectionState.CLOSED) {
            memory.rest(unread);
            changed.awaitUninterruptibly();
        }
    }

    /** Under the lock. Takes a buffer for the next read; false while memory is short. */
    private boolean takeBuffer() {
        if (state == ConnectionState.OPEN) {
            long beside = heldBesideInput();
            buffer = beside > 0 && context.isShortFor(beside) ? null : memory.beforeRead(unread, beside);
        } else {
            buffer = memory.toDiscard();
        }
        if (buffer == null) {
            stop(ReadStop.MEMORY_SHORT);
            context.tellMemoryWait(this);
        }
        return buffer != null;
    }

    /** Under the lock. Were the peer's last bytes left unread, closing would reset the connection and destroy our own last ones. */
    private boolean mayRead() {
        return switch (state) {
            case OPEN -> stops == 0 && !offering && !endRead;
            case LEAVING, CLOSED -> false;
            case DRAINING, LINGERING -> !has(ReadStop.INPUT_ENDED);
        };
    }

    /** Under the lock. Whether nothing more is to be read, or given to the handler, before it leaves a server that drains. */
    private boolean isToLeave() {
        boolean isDone = has(ReadStop.INPUT_ENDED) || lastBytes <= 0 && unread == null;
        return leaving && state == ConnectionState.OPEN && (isDone || stops == ReadStop.MEMORY_SHORT.bit && isQuiet());
    }

    /** The own thread. One read call, which may block: bytes, 0 if the connection is lost, -1 for the peer's end. */
    int receive() {
        int most = buffer.remaining();
        int read = 0;
        context.counters.add(Counter.READS, 1);
        try {
            Thread.interrupted(); // a read with the flag set would close the channel
            read = context.socketIo.read(channel, buffer);
        } catch (Throwable t) {
            fail(t);
        }
        inRead = false;
        buffer.flip();
        memory.wasRead(read, most);
        long nowNs = context.nowNs();
        if (read > 0) {
            context.counters.add(Counter.BYTES_READ, read);
            activeNs = nowNs;
            lastBytes -= leaving ? read : 0;
        }
        long due = dueNs;
        if (due == Timeouts.NEVER || due - nowNs > context.seams.livenessNs()) {
            watch(); // until the next read, nothing tells of a reset
        }
        return read;
    }

    /** The own thread. What was read. */
    ByteBuffer received() {
        return buffer;
    }

    /** The own thread, with the turn. Bytes are here, or the peer's end. Bytes that may not be offered now are put behind those left unread. */
    private void took(ByteBuffer in, int read) {
        if (state != ConnectionState.OPEN) {
            dropped += in.remaining();
            if (read < 0) {
                endInput();
            }
        } else if (read > 0 && unread == null && stops == 0) {
            offer(in);
        } else {
            lastOfferUnread = false;
            confine(() -> {
                endRead |= read < 0;
                unread = read > 0 ? UnreadInput.join(unread, in) : unread;
                memory.settle(unread);
                if (unread != null) {
                    stop(ReadStop.OFFER_DUE);
                }
            });
            offerDue();
        }
        settleInput();
    }

    /** The own thread. Of what was reserved for a read, keeps what is used. */
    void settleInput() {
        if (memory.hasReserved()) {
            confine(() -> memory.settle(unread));
        }
    }

    /** Under the lock. This is left unread, or null. */
    private void keep(ByteBuffer left) {
        unread = left;
        memory.kept(left);
    }

    /** A step of the turn: offers unread input that is due, then tells the peer's end, unless the handler is not done with what came before. */
    private void offerDue() {
        if (stops == ReadStop.OFFER_DUE.bit && state == ConnectionState.OPEN) {
            confine(() -> {
                clear(ReadStop.OFFER_DUE);
                offering = true;
            });
            ByteBuffer in = unread;
            if (in != null && !(lastOfferUnread && !isQuiet())) { // else the own thread is about to put more behind it
                offer(in);
            }
            confine(() -> {
                offering = false;
                changed.signalAll();
            });
        }
        boolean isDone = !has(ReadStop.PAUSED) && !has(ReadStop.OFFER_DUE);
        if (endRead && isDone && state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED)) {
            confine(() -> keep(null));
            endInput();
            turn.eof(); // and then the thread that has the turn sends what the handler writes, and our end if it was asked for
        }
    }

    /** With the turn. */
    private void offer(ByteBuffer in) {
        int offered = in.remaining();
        toldToStop = false;
        unread = in; // there is something to resume for
        turn.read(in.order(ByteOrder.BIG_ENDIAN));
        lastOfferUnread = in.remaining() == offered;
        boolean isOpen = state == ConnectionState.OPEN;
        dropped += isOpen ? 0 : in.remaining();
        boolean isNew = in == buffer;
        ByteBuffer left = isOpen ? UnreadInput.fitted(UnreadInput.after(null, in, isNew ? in : null)) : null;
        if (left == null && isNew && !has(ReadStop.OFFER_DUE)) {
            unread = null;
            return;
        }
        confine(() -> {
            // a handler that resumes within the call, and takes nothing, has seen all there is, unless it was told to stop
            boolean isDue = left != null && (toldToStop || has(ReadStop.OFFER_DUE) && !lastOfferUnread);
            keep(left);
            if (!isDue) {
                clear(ReadStop.OFFER_DUE);
            } else if (!has(ReadStop.OFFER_DUE)) { // else the step was posted, or follows
                stop(ReadStop.OFFER_DUE);
                if (stops == ReadStop.OFFER_DUE.bit) {
                    turn.post(this::offerDue);
                }
            }
            if (stops == 0 && left != null && left.limit() >= context.options.maxRemainder()) {
                end(Kind.PROTOCOL, null);
            }
        });
    }

    /** The own thread, or with the turn. The peer has ended its side, and the handler is told, or needs not be. */
    void endInput() {
        confine(() -> {
            stop(ReadStop.INPUT_ENDED);
            changed.signalAll();
            if (state != ConnectionState.OPEN) {
                endIfBothEnded();
            }
        });
    }

    /** Bytes that have arrived and were not read, as far as the socket tells. */
    private int arrived() {
        return Math.max(0, available());
    }

    private int available() {
        try {
            return context.socketIo.available(channel);
        } catch (IOException e) {
            return 0; // lost
        }
    }

    /** Whether nothing has arrived that the handler has not seen, or more than it is still given. */
    private boolean isQuiet() {
        return lastBytes <= 0 || !hasArrived();
    }

    /** Whether bytes have arrived, or, where their number is not known, the peer's end. */
    private boolean hasArrived() {
        int known = available();
        return known > 0 || known == SocketIo.UNKNOWN && mayFindInput();
    }

    /** A read that is on its way brings them itself, and a write must not find that its socket does not block. */
    private boolean mayFindInput() {
        lock.lock();
        try (LivenessProbe probe = new LivenessProbe()) {
            return !inRead && !writing && probe.hasInput(channel);
        } finally {
            lock.unlock();
        }
    }

    // ---- writing ------------------------------------------------------------------------------------------------------

    @Override
    public boolean write(ByteBuffer data) {
        boolean more = add(data);
        sendSoon();
        return more;
    }

    /** Takes all bytes, whether they leave or not; the answer to a write. */
    boolean add(ByteBuffer data) {
        boolean more;
        lock.lock();
        try {
            int length = data.remaining();
            context.counters.add(Counter.BYTES_ENQUEUED, length);
            if (mayWrite() && (long) queue.length() + length > context.options.maxPending()) {
                end(Kind.QUEUE_LIMIT, null);
            }
            if (mayWrite()) {
                ownBytes += isOwnThread() ? length : 0;
                try {
                    queue.add(data);
                } catch (VirtualMachineError e) {
                    fail(e);
                }
            }
            context.counters.add(Counter.BYTES_DISCARDED, data.remaining());
            data.position(data.limit());
            boolean full = queue.length() > context.options.highWater();
            if (full) {
                queue.tellWhenWritable();
                if (!turn.readsWhileOutputWaits()) {
                    stop(ReadStop.OUTPUT_WAITS);
                    toldToStop |= turn.isMine();
                }
            }
            more = !full && mayWrite();
        } finally {
            lock.unlock();
        }
        context.relieve();
        return more;
    }

    private boolean mayWrite() {
        return isOpen() && !queue.isEnded();
    }

    /** Any thread. Has the writer send what waits, unless a callback is running: its own thread, or its helper, sends when it returns. */
    private void sendSoon() {
        if (!turn.isMine() && state != ConnectionState.CLOSED) {
            writer.wake();
        }
    }

    /**
     * The own thread. Sends what its callbacks queued; what comes from elsewhere is the writer's: a peer that takes none of that would
     * keep this thread from reading, and a peer that waits to be read would wait for ever. If the handler is read while output waits,
     * all is the writer's.
     */
    private void sendOwn() {
        int most = turn.readsWhileOutputWaits() ? 0 : ownBytes;
        ownBytes = 0;
        send(most);
    }

    /** A thread of ours. Sends all that waits; may block. */
    void sendAll() {
        send(Integer.MAX_VALUE);
    }

    /**
     * A thread of ours. Writes about so many bytes, and leaves the rest to the writer.
     *
     * @param most bytes; with 0, it does not block
     */
    void send(int most) {
        int left = most;
        int taken = 0;
        Throwable failure = null;
        boolean writes = false;
        boolean due;
        do {
            boolean isLow;
            lock.lock();
            try {
                isLow = writes && endWrite(taken, failure);
                due = isLow || writes && isWrittenDue();
                writes = !due && beginWrite(left > 0);
            } finally {
                lock.unlock();
            }
            if (due) {
                turn.writable(isLow);
            } else if (writes) {
                taken = 0;
                try {
                    Thread.interrupted(); // a write with the flag set would close the channel
                    taken = blockingWrite.write(channel);
                } catch (Throwable t) {
                    failure = t;
                }
                left -= taken;
            }
        } while (due || writes);
    }

    /** Under the lock. Takes what is written next; false if nothing waits, another thread writes, or the writer is to. */
    private boolean beginWrite(boolean wanted) {
        if (writing || state == ConnectionState.CLOSED) {
            return false;
        }
        if (queue.length() == 0) {
            sendEnd();
        } else if (wanted) {
            long nowNs = context.nowNs();
            boolean some = blockingWrite.take(nowNs);
            setTimer(nowNs);
            writing = some && state != ConnectionState.CLOSED; // as it is if the timer found no memory
        } else {
            writer.wake();
        }
        return writing;
    }

    /** Under the lock. The call has returned; true if {@link Handler#onWritable} must follow. */
    private boolean endWrite(int taken, Throwable failure) {
        writing = false;
        long nowNs = context.nowNs();
        try {
            blockingWrite.wrote(taken, nowNs);
        } catch (Throwable t) { // no memory to note the tasks whose bytes have left
            fail(t);
        }
        if (taken > 0) {
            activeNs = nowNs;
        }
        if (failure != null) {
            fail(failure);
        }
        if (state == ConnectionState.CLOSED) {
            discardOutput();
            changed.signalAll();
            return false;
        }
        if (queue.length() > context.options.lowWater()) {
            return false;
        }
        go(ReadStop.OUTPUT_WAITS);
        heldLess();
        return queue.takeWritableDue(mayWrite());
    }

    /** Under the lock. All that was queued has left: tells the peer our end, if it was asked for. */
    private void sendEnd() {
        try {
            long nowNs = queue.isEnded() ? context.nowNs() : 0;
            if (queue.sendEnd(channel, nowNs)) {
                if (state == ConnectionState.DRAINING) {
                    state = ConnectionState.LINGERING;
                }
                setTimer(nowNs);
            }
            endIfBothEnded();
        } catch (IOException e) {
            end(Kind.RESET, e);
        }
    }

    // ---- closing ------------------------------------------------------------------------------------------------------

    @Override
    public void close() {
        confine(this::leaveOpen);
        if (state == ConnectionState.DRAINING) {
            sendSoon();
        }
    }

    /** Under the lock. The close is asked for. */
    private void leaveOpen() {
        if (state == ConnectionState.OPEN) {
            state = ConnectionState.LEAVING;
            kind = has(ReadStop.INPUT_ENDED) ? Kind.PEER : Kind.LOCAL;
            unread = null;
            memory.settle(null);
            changed.signalAll();
            drainUnlessHeld();
        }
    }

    /** Under the lock. Asked to close, it drains as soon as no work is held. */
    private void drainUnlessHeld() {
        if (state == ConnectionState.LEAVING && !work.isHeld()) {
            long nowNs = context.nowNs();
            queue.end(nowNs);
            state = queue.isEndSent() ? ConnectionState.LINGERING : ConnectionState.DRAINING; // sent by shutdownOutput
            changed.signalAll();
            setTimer(nowNs);
        }
    }

    @Override
    public void shutdownOutput() {
        confine(() -> {
            if (isOpen()) {
                queue.end(context.nowNs());
            }
        });
        sendSoon();
    }

    @Override
    public void abort() {
        confine(() -> {
            if (state != ConnectionState.CLOSED) {
                try {
                    context.socketIo.resetOnClose(channel);
                } finally {
                    end(Kind.LOCAL, null);
                }
            }
        });
    }

    /** Under the lock. */
    private void endIfBothEnded() {
        if (queue.isEndSent() && has(ReadStop.INPUT_ENDED)) {
            end(Kind.PEER, null);
        }
    }

    /** Something of ours has failed: the socket, or there is no memory. */
    void fail(Throwable because) {
        end(Patience.helps(because) ? Kind.MEMORY : Kind.RESET, because);
    }

    /**
     * Any thread. Ends the connection now; its own thread comes back for the last callback. The first reason given stands. Throws nothing:
     * what finds no memory here is left out, or done by the loop.
     */
    void end(Kind why, Throwable because) {
        boolean withoutThread = false;
        lock.lock();
        try {
            if (state == ConnectionState.CLOSED) {
                return;
            }
            boolean asAnnounced = kind != null && (why == Kind.LOCAL || why == Kind.PEER);
            kind = !connected ? Kind.CONNECT_FAILURE : asAnnounced ? kind : why;
            cause = because;
            state = ConnectionState.CLOSED;
            dueNs = Timeouts.NEVER;
            try {
                if (!socketClosed && queue.losesBy(why)) {
                    context.socketIo.resetOnClose(channel);
                }
            } catch (Throwable t) { // no memory: the rest of the end is all the more wanted
                cause = cause == null ? t : cause;
            }
            memory.settle(null);
            handlerHolds(0);
            discardOutput();
            changed.signalAll();
            try {
                closeSocket();
            } catch (Throwable t) { // its thread may be in a read, and would not come back
                settling.ask();
            }
            disowned |= ownThread == null && isWithdrawn();
            withoutThread = disowned;
        } finally {
            lock.unlock();
        }
        if (withoutThread) {
            settling.ask();
        }
    }

    /** Whether it was taken from those that wait for a thread of a pool. */
    private boolean isWithdrawn() {
        try {
            return context.threads.withdraw(this);
        } catch (VirtualMachineError e) {
            return false; // a thread comes to it in its turn
        }
    }

    /**
     * Under the lock, once closed. A close that finds no memory half way cannot be done again, and would leave its thread in the read: that
     * is brought back first.
     */
    private void closeSocket() {
        if (!socketClosed) {
            if (inRead) {
                context.socketIo.shutdownInput(channel);
            }
            context.socketIo.close(channel);
            socketClosed = true;
        }
    }

    /** Under the lock, once closed. Drops what waits, but for what is being written. */
    private void discardOutput() {
        unsent += queue.clear() + (writing ? 0 : blockingWrite.drop());
    }

    /** The own thread, which may wait for the memory that the last callback needs. */
    private void finishPatiently() {
        try {
            while (!over) {
                tryToFinish();
            }
        } finally {
            giveBack();
            settleSoon();
        }
    }

    private void tryToFinish() {
        try {
            finish();
        } catch (Throwable t) {
            if (over) {
                throw t;
            }
            Patience.pause();
        }
    }

    private void giveBack() {
        lock.lock();
        try {
            unread = null;
            memory.rest(null);
        } finally {
            lock.unlock();
        }
    }

    /** Has the loop see to the rest of the end. */
    void settleSoon() {
        if (!settling.ask()) { // it has failed
            context.forget(this);
        }
    }

    /**
     * The last callback, on the own thread; on the loop for a connection without one. After a failure for want of memory it is to be called
     * again, and goes on where it was.
     */
    private void finish() {
        try {
            if (state != ConnectionState.CLOSED) { // not even its failure found memory
                end(Kind.MEMORY, null);
            }
            lock.lock();
            try {
                while (writing) { // the call is about to return, and tells how much has left
                    changed.awaitUninterruptibly();
                }
                closeSocket();
            } finally {
                lock.unlock();
            }
            if (reason == null) {
                reason = new CloseReason(kind, cause, unsent);
            }
            if (!counted) {
                counted = true;
                context.closed(this, reason);
            }
            tell();
            over = true;
        } catch (Throwable t) {
            over = !Patience.helps(t); // or a drain would wait for it
            throw t;
        }
    }

    private void tell() {
        turn.enter();
        try {
            if (!connected) {
                turn.create(attempt.factory());
            }
            if (cutTakingInput) {
                context.leftUnread(unreadBytes()); // its thread had taken this from the kernel
                cutTakingInput = false;
            }
            work.cancel();
            runWritten();
            turn.close(reason);
        } finally {
            turn.leave();
        }
    }

    /** On the loop, or on the server's thread after it. What is left of the end; to be called again after it has found no memory. */
    void settle() {
        boolean isMine;
        lock.lock();
        try {
            if (state == ConnectionState.CLOSED) {
                closeSocket();
            }
            isMine = disowned;
        } finally {
            lock.unlock();
        }
        if (isMine && !over) {
            finish();
        }
        if (over) {
            cancelTimer();
            context.gone(this, reason);
        }
    }

    /** On the loop. Nothing is attempted: the handler is told, and no connection is counted. */
    void refuse(Throwable why) {
        state = ConnectionState.CLOSED;
        socketClosed = true; // there is none
        kind = Kind.CONNECT_FAILURE;
        cause = why;
        counted = true;
    }

    /**
     * On the thread that starts the server, for a connection that never was. It finds no memory, and ends: the classes that this takes are
     * there from then on.
     */
    void rehearse() {
        socketClosed = true;
        counted = true;
        comes();
        fail(new OutOfMemoryError("rehearsed"));
        Patience.rehearse();
        finishPatiently();
    }

    /** A thread of ours, for a connection that was refused. */
    void tellRefusal() {
        if (comes()) {
            finishPatiently();
        }
    }

    /** A stream asks: the connection did not end as it should. */
    void checkLoss() throws IOException {
        if (state == ConnectionState.CLOSED && kind != Kind.LOCAL && kind != Kind.PEER) {
            throw new IOException("the connection is lost: " + kind, cause);
        }
    }

    // ---- memory -------------------------------------------------------------------------------------------------------

    /** Whether it is not read for want of memory. */
    boolean isShortOfMemory() {
        return state == ConnectionState.OPEN && has(ReadStop.MEMORY_SHORT);
    }

    @Override
    public void holdMemory(long bytes) {
        turn.checkMine();
        long counted = context.admission.budget().declared(bytes);
        confine(() -> {
            if (state != ConnectionState.CLOSED) {
                handlerHolds(counted);
                heldLess();
            }
        });
        context.relieve();
    }

    /** Under the lock. Its handler holds so much now. */
    private void handlerHolds(long bytes) {
        context.heldByHandlers.addAndGet(bytes - heldByHandler);
        heldByHandler = bytes;
    }

    /** Under the lock. What counts against it when it is to be read, beside unread input, and what it has paid for. */
    private long heldBesideInput() {
        return (turn.readsWhileOutputWaits() ? 0 : queue.length()) + Math.max(0, heldByHandler - MemoryBudget.PAID);
    }

    /** Under the lock. Its output or its handler may have left no room to read. */
    private void heldLess() {
        if (has(ReadStop.MEMORY_SHORT) && UnreadInput.hasRoom(unread) && !context.isShortFor(heldBesideInput())) {
            goOnReading();
        }
    }

    /** Output, unread input, and what its handler holds, beside what it needs at least. Any thread, which may see it late. */
    @Override
    public long held() {
        long chunks = (queue.length() + (long) ChunkPool.CHUNK - 1) / ChunkPool.CHUNK;
        return chunks * ChunkPool.CHUNK + UnreadInput.cost(unread) + heldByHandler;
    }

    /** Beside that, what it reads into, and what was reserved for a read. Any thread, which may see it late. */
    long heldToRead() {
        return memory.heldToRead();
    }

    /** On the loop. */
    @Override
    public void readAgain() {
        confine(this::goOnReading);
    }

    /** On the loop. */
    @Override
    public boolean grow(long most) {
        lock.lock();
        try {
            int more = UnreadInput.growth(unread, context.options.maxRemainder());
            if (!isShortOfMemory() || more == 0 || more > most) {
                return false; // it may just have gone on
            }
            keep(UnreadInput.grown(unread, more));
            goOnReading();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Under the lock. There may be memory: its own thread looks. */
    private void goOnReading() {
        if (has(ReadStop.MEMORY_SHORT)) {
            go(ReadStop.MEMORY_SHORT);
            context.tellMemoryWait(this);
        }
    }

    /** On the loop. */
    @Override
    public void endForMemory() {
        confine(() -> {
            if (isShortOfMemory()) { // it may just have gone on
                end(Kind.MEMORY, null);
            }
        });
    }

    // ---- leaving a server that drains ---------------------------------------------------------------------------------

    @Override
    public boolean isOutbound() {
        return attempt != null;
    }

    @Override
    public long activeNs() {
        return activeNs;
    }

    /** On the loop. Input that has arrived is handled, then the connection closes: its own thread sees to both, unless it is in a read. */
    @Override
    public void leave() {
        try {
            confine(() -> {
                if (!connected) {
                    end(Kind.CONNECT_FAILURE, new IOException("given up before it was connected")); // which brings its thread back
                }
                leaving = true;
                changed.signalAll();
            });
            if (inRead) {
                context.reactor.schedule(GRACE, this::leaveRead);
            }
        } catch (Throwable t) { // no memory; the others leave all the same
            fail(t);
        }
    }

    /** On the loop. */
    private void leaveRead() {
        try {
            leaveReadIfQuiet();
        } catch (Throwable t) { // nothing else would look again
            fail(t);
        }
    }

    private void leaveReadIfQuiet() {
        if (inRead && turn.tryEnter()) { // else a helper is in a callback, and what that writes is still to leave
            try {
                if (inRead && stops == 0 && isQuiet()) {
                    if (work.isHeld()) {
                        turn.post(this::leaveInTurn);
                    } else {
                        leaveInTurn();
                    }
                }
            } catch (Throwable t) {
                fail(t);
            } finally {
                turn.leave();
            }
            send(0);
        }
        if (inRead && state == ConnectionState.OPEN) {
            context.reactor.schedule(GRACE, this::leaveRead);
        }
    }

    /**
     * With the turn. Leaves, unless input waits for the handler or for room, or has come since the own thread looked: then it is asked again
     * when that has ended. The handler of a connection that is held is told that nothing more is read.
     */
    private void leaveInTurn() {
        boolean ended = has(ReadStop.INPUT_ENDED);
        boolean isStopped = (stops & ~ReadStop.MEMORY_SHORT.bit) != 0;
        boolean inputWaits = !isQuiet() || isStopped && (unread != null || lastBytes > 0);
        if (state != ConnectionState.OPEN || !ended && inputWaits) {
            return;
        }
        context.leftUnread(ended ? 0 : unreadBytes() + arrived());
        boolean toBeTold = !ended && work.isHeld();
        close();
        if (toBeTold) {
            turn.eof();
        }
    }

    /** With the turn. Input that nothing more is given of. */
    private int unreadBytes() {
        return dropped + (unread == null ? 0 : unread.limit());
    }

    /** To have waited only for the peer's end is no loss. */
    @Override
    public void cut() {
        lock.lock();
        try {
            if (state == ConnectionState.LINGERING) {
                end(Kind.LOCAL, null);
            } else if (state != ConnectionState.CLOSED) {
                cutTakingInput = state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED);
                context.cut(work.isHeld() || isAtWork(), cutTakingInput && connected ? arrivedAtLast() : 0);
                end(Kind.DRAIN_DEADLINE, null);
            }
        } finally {
            lock.unlock();
        }
    }

    /** To report it is worth no memory. */
    private int arrivedAtLast() {
        try {
            return arrived();
        } catch (VirtualMachineError e) {
            return 0;
        }
    }

    // ---- deadlines ----------------------------------------------------------------------------------------------------

    /** Begins to watch the deadlines, unless the connection has closed already. */
    void watch() {
        lock.lock();
        try {
            setTimer(context.nowNs());
        } finally {
            lock.unlock();
        }
    }

    /**
     * Under the lock. Sets the one timer, on the loop, to what can come due first, unless it is set to something earlier already. It is
     * set lazily: activity only notes the time, and the timer, when it comes due, looks at it. A connection for whose timer there is no
     * memory ends: it would have no deadline.
     */
    private void setTimer(long nowNs) {
        long lookNs = inRead ? Timeouts.NEVER : nowNs + context.seams.livenessNs();
        long atNs = context.timeouts.deadline(queue, state == ConnectionState.LINGERING, work.isHeld(), activeNs, lookNs);
        setTimerAt(state == ConnectionState.OPEN ? Timeouts.earlier(atNs, work.inputDueNs()) : atNs);
    }

    private void setTimerAt(long atNs) {
        if (state != ConnectionState.CLOSED && atNs != Timeouts.NEVER && (dueNs == Timeouts.NEVER || atNs - dueNs < 0)) {
            try {
                context.reactor.execute(this::arm); // on the loop, where it waits for the lock
                dueNs = atNs;
            } catch (Throwable t) {
                fail(t);
            }
        }
    }

    /** On the loop. */
    private void arm() {
        cancelTimer();
        lock.lock();
        try {
            if (state != ConnectionState.CLOSED && dueNs != Timeouts.NEVER) {
                timer = context.reactor.schedule(Duration.ofNanos(dueNs - context.nowNs()), this::expire);
                context.probe.prepare(channel.provider());
            }
        } catch (Throwable t) {
            fail(t);
        } finally {
            lock.unlock();
        }
    }

    /** On the loop. */
    private void cancelTimer() {
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    /** On the loop. */
    private void expire() {
        lock.lock();
        try {
            expired();
        } catch (Throwable t) {
            fail(t);
        } finally {
            lock.unlock();
        }
    }

    /** On the loop, under the lock. */
    private void expired() {
        dueNs = Timeouts.NEVER;
        if (state == ConnectionState.CLOSED) {
            return;
        }
        Timeouts timeouts = context.timeouts;
        long nowNs = context.nowNs();
        boolean wasSuspected = suspected;
        suspected = false;
        if (isAtWork()) {
            activeNs = nowNs; // a handler that takes its time, as it may here, works for its peer
        }
        if (timeouts.isStalled(queue, nowNs)) {
            end(Kind.WRITE_STALL, null);
        } else if (state == ConnectionState.LINGERING) {
            if (nowNs - queue.sinceNs() >= timeouts.lingerNs()) {
                end(Kind.LOCAL, null);
            }
        } else if (timeouts.isIdle(activeNs, nowNs) && !work.isHeld()) {
            suspected = !wasSuspected || inRead && arrived() > 0;
            if (suspected) {
                setTimerAt(nowNs + SOON_NS);
                return;
            }
            end(Kind.IDLE, null);
        } else if (state == ConnectionState.OPEN && work.isInputLate(nowNs)) {
            suspected = !wasSuspected || isAtWork() || arrived() > 0; // after a pause of the machine, what came in time may not be read yet
            if (suspected) {
                setTimerAt(nowNs + SOON_NS);
                return;
            }
            end(Kind.INPUT_TIMEOUT, null);
        } else if (!inRead && !writing && context.probe.isLost(channel)) { // a call that blocks tells of a reset itself
            end(Kind.RESET, new IOException("lost while nothing was awaited of it"));
        }
        work.forgetInputInTime();
        setTimer(nowNs);
    }

    /** Under the lock. Whether its handler is running, and not waiting for its peer. */
    private boolean isAtWork() {
        return turn.isTaken() || streams && !inRead && !writing;
    }

    // ---- tasks --------------------------------------------------------------------------------------------------------

    @Override
    public boolean execute(Runnable task) {
        return turn.execute(task);
    }

    @Override
    public boolean whenWritten(Runnable task) {
        Objects.requireNonNull(task, "task");
        boolean isDue;
        lock.lock();
        try {
            if (state == ConnectionState.CLOSED) {
                return false;
            }
            blockingWrite.whenWritten(() -> {
                written = written == null ? new ArrayDeque<>() : written;
                written.add(task);
            });
            isDue = isWrittenDue();
        } finally {
            lock.unlock();
        }
        if (isDue) {
            turn.post(this::runWritten);
        }
        return true;
    }

    /** Under the lock. */
    private boolean isWrittenDue() {
        return written != null && !written.isEmpty();
    }

    /** With the turn. Runs the tasks whose bytes have left. Of each, the entry goes once it has run. */
    void runWritten() {
        lock.lock();
        int due = written == null ? 0 : written.size(); // what they add comes later
        lock.unlock();
        for (; due > 0; due--) {
            lock.lock();
            Runnable task = written.peek();
            lock.unlock();
            turn.run(task);
            lock.lock();
            written.remove();
            lock.unlock();
        }
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        turn.checkMine();
        return state == ConnectionState.CLOSED ? () -> false : turn.schedule(work, delay, task);
    }

    @Override
    public Hold hold() {
        turn.checkMine();
        return state == ConnectionState.CLOSED ? () -> {} : work.hold();
    }

    @Override
    public <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        turn.checkMine();
        return heard(work.offload(context.workers, task, callback));
    }

    @Override
    public <T> boolean offloadInOrder(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        turn.checkMine();
        return heard(work.offloadInOrder(context.workers, task, callback));
    }

    @Override
    public void released() {
        if (!work.isHeld()) { // and nothing here throws: the hold is released
            activeNs = context.nowNs(); // it was not idle until now
            work.expectInputAnew(activeNs);
            setTimer(activeNs);
        }
        drainUnlessHeld();
        if (state == ConnectionState.DRAINING) {
            sendSoon();
        }
    }

    @Override
    public void workersFull(boolean full) {
        if (full) {
            stop(ReadStop.WORKERS_FULL);
        } else {
            go(ReadStop.WORKERS_FULL);
        }
    }

    @Override
    public boolean connect(SocketAddress address, Duration timeout, Handler.Factory factory) {
        return state != ConnectionState.CLOSED && context.connect(new ThreadConnect(address, timeout, factory));
    }

    // ---- questions ----------------------------------------------------------------------------------------------------

    @Override
    public boolean isOpen() {
        return state.takesOutput();
    }

    /** Whether its close was asked for, or it has closed. */
    boolean isLeaving() {
        return state != ConnectionState.OPEN;
    }

    boolean isClosed() {
        return state == ConnectionState.CLOSED;
    }

    @Override
    public long pending() {
        return queue.length();
    }

    /** Null if it never had one. */
    SocketChannel socket() {
        return channel;
    }

    @Override
    public SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public SocketAddress localAddress() {
        return local;
    }

    @Override
    public Optional<ProxyHeader> proxyHeader() {
        return Optional.ofNullable(header);
    }

    private SocketAddress localOf(SocketChannel channel) {
        try {
            SocketAddress told = channel.getLocalAddress();
            return context.renamed.getOrDefault(told, told);
        } catch (IOException e) {
            return null; // closed already
        }
    }

    @Override
    public long id() {
        return id;
    }

    @Override
    public String toString() {
        return "connection " + id + " with " + PeerText.of(remote) + ", " + state + ", " + pending() + " bytes pending";
    }
}
