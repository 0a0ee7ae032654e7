package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ServerStats.Counter;
import dev.sluice.Timer;
import dev.sluice.internal.BlockingWrite;
import dev.sluice.internal.ChunkPool.Chunk;
import dev.sluice.internal.ConnectionState;
import dev.sluice.internal.Drain;
import dev.sluice.internal.JfrEvents;
import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.PendingWork;
import dev.sluice.internal.ReadStop;
import dev.sluice.internal.Timeouts;
import dev.sluice.internal.UnreadInput;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/**
 * One connection on a thread of its own. It owns its state: nothing outside this class writes a field of it. What it is comes in this
 * order: its own thread, reading, writing, closing, leaving, deadlines, tasks. The states are those of {@link ConnectionState}, the
 * reasons why it is not read those of {@link ReadStop}.
 *
 * <pre>
 *   own thread   reads, calls the handler, sends what that wrote; waits in one place, and never with bytes in hand
 *   writer       a helper that sends what came from other threads, or was left
 *   helper       runs tasks, timers and renewed offers while the own thread is in a call that blocks: {@link CallbackLock}
 *   loop         the server's: deadlines, the drain
 * </pre>
 *
 * <p>Two locks order them. The <em>turn</em> ({@link CallbackLock}) is held for the length of a callback or task. The <em>lock</em>
 * guards the state and the queue, for a few instructions at a time, never through a call that blocks or a callback. The turn comes
 * first: no thread that has the lock waits for the turn. Closing the channel is what brings a thread back from a read or a write.
 */
final class ThreadConnection implements Connection, PendingWork.Owner, Drain.Member, Runnable {

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
    private final SocketChannel channel;
    private final SocketAddress remote;
    private final long id;

    /** Null until it is connected. */
    private volatile SocketAddress local;
    private final ThreadService service;

    /** How to connect, or null: it was accepted. */
    private final ThreadConnect attempt;

    private final ReentrantLock lock;

    /** The state, or what the own thread waits for, is another. */
    private final Condition changed;

    /** Null until a thread has come to this connection: others of a pool wait. */
    private volatile Thread ownThread;

    // ---- with the turn

    /** What the handler left unread, and what came while it could not be offered; or null. */
    private volatile ByteBuffer unread;

    /** Whether the handler took nothing of its unread input when that was last offered by itself: more input comes before the next offer. */
    private boolean lastOfferUnread;

    /** Whether the handler is being offered input, so that what it leaves unread is not known yet. */
    private volatile boolean offering;

    /** Bytes that came, or were left, when no input was taken any more. */
    private int dropped;

    // ---- under the lock

    private final OutboundQueue queue;
    private final BlockingWrite blockingWrite;
    private final PendingWork work = new PendingWork(this);
    private final HelperTask writer;

    /** Changed under the lock, read without it, too. */
    private volatile ConnectionState state = ConnectionState.OPEN;

    /** A set of {@link ReadStop}; changed under the lock, read without it, too. */
    private volatile byte stops;

    private boolean connected;
    private boolean inRead;

    /** Whether the peer's end was read and the handler has not been told. */
    private boolean endDue;

    /** Whether a reason not to read has ended, so that unread input is to be offered as soon as the lock is released. */
    private boolean offerToPost;

    private boolean writing;
    private int ownBytes;
    private Kind kind;
    private Throwable cause;
    private long unsent;

    /** When a byte was last read, or taken by the kernel, or when the last hold was released. */
    private long activeNs;

    /** When the timer is due, or {@link Timeouts#NEVER}. */
    private long dueNs = Timeouts.NEVER;

    /** Whether a {@link StreamHandler} is serving it. */
    private boolean streams;

    // what a drain asked, and gave up
    private boolean leaving;
    private int lastBytes = LAST_BYTES;
    private boolean cutOwing;
    private boolean cutTakingInput;
    private long unreadAtEnd;

    // ---- on the loop

    private Timer timer;
    private boolean suspected;

    ThreadConnection(ThreadContext context, SocketChannel channel, SocketAddress remote, ThreadConnect attempt, ThreadService service) {
        this.context = context;
        this.channel = channel;
        this.remote = remote;
        this.attempt = attempt;
        this.service = service;
        this.connected = attempt == null;
        this.id = context.admission.nextId();
        this.local = connected ? localOf(channel) : null;
        this.lock = context.seams.locks().get();
        this.changed = lock.newCondition();
        this.turn = new CallbackLock(this);
        this.queue = new OutboundQueue(context.outlet);
        this.blockingWrite = new BlockingWrite(queue, context.outlet);
        this.writer = new HelperTask(context.threads, this::sendAll, t -> end(Kind.RESET, t));
        this.activeNs = context.nowNs();
    }

    /** Releases the lock, and only then has a renewed offer posted: a thread may have to be made for it. */
    private void unlock() {
        boolean post = offerToPost && lock.getHoldCount() == 1;
        offerToPost &= !post;
        lock.unlock();
        if (post) {
            turn.post(this::offerDue);
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

    /** The life of the connection: connects, serves, discards what still comes, and in the end tells the reason. */
    @Override
    public void run() {
        ownThread = Thread.currentThread();
        Chunk buffer = null;
        try {
            buffer = context.readBuffers.take();
            if (state != ConnectionState.CLOSED && connect()) {
                service.serve(this, buffer.bytes());
            }
            while (awaitLastBytes()) {
                // were they left unread, closing would reset the connection and destroy our own last bytes
                if (receive(buffer.bytes().clear()) < 0) {
                    endInput();
                }
            }
        } catch (Throwable t) { // no memory for the buffer
            end(Kind.RESET, t);
        } finally {
            if (buffer != null) {
                context.readBuffers.give(buffer);
            }
            finish();
        }
    }

    /** True once connected; false if that failed, and the connection has ended. */
    private boolean connect() {
        if (attempt == null) {
            return true;
        }
        try {
            attempt.connect(channel);
            lock.lock();
            try {
                connected = state == ConnectionState.OPEN;
                local = connected ? localOf(channel) : null;
                activeNs = context.nowNs();
            } finally {
                unlock();
            }
        } catch (Throwable t) { // an address of another family is no IOException, want of memory no Exception
            end(Kind.CONNECT_FAILURE, t);
        }
        if (connected) {
            JfrEvents.opened(this);
        }
        watch();
        return connected;
    }

    /** Serves a {@link Handler}: reads, and offers what came, until no more input is taken. */
    void serve(Handler.Factory factory, ByteBuffer buffer) {
        inTurn(() -> turn.open(factory));
        while (true) {
            if (!awaitInput()) {
                if (state != ConnectionState.OPEN || has(ReadStop.INPUT_ENDED)) {
                    return;
                }
                inTurn(this::leaveInTurn); // the server drains; a task that has the turn before this may have resumed reading
            } else if (endDue) {
                inTurn(this::tellEnd);
            } else {
                int read = receive(buffer.clear());
                turn.enter();
                try {
                    took(buffer.flip(), read);
                    turn.runPosted();
                } finally {
                    turn.leave();
                }
                sendOwn();
            }
        }
    }

    /** The own thread. A {@link StreamHandler} begins to serve the connection. */
    void streamBegins() {
        lock.lock();
        streams = true;
        unlock();
    }

    /**
     * The own thread. The {@link StreamHandler} has returned: what it wrote leaves, then the connection closes.
     *
     * @param left bytes that it has not read
     */
    void streamEnds(int left) {
        lock.lock();
        streams = false;
        dropped = left;
        unlock();
        sendAll();
        lock.lock();
        leaveOpen();
        unlock();
        sendAll(); // our end
    }

    /** Without the turn. Takes it for what is seldom done, and sends what that wrote. */
    private void inTurn(Runnable step) {
        turn.enter();
        try {
            step.run();
            turn.runPosted();
        } finally {
            turn.leave();
        }
        sendOwn();
    }

    // ---- reading ------------------------------------------------------------------------------------------------------

    @Override
    public boolean isReading() {
        turn.checkMine();
        boolean reads = takesInput();
        if (!reads) {
            turn.toldToStop = true;
        }
        return reads;
    }

    private boolean takesInput() {
        return state == ConnectionState.OPEN && stops == 0;
    }

    private boolean has(ReadStop stop) {
        return (stops & stop.bit) != 0;
    }

    /** Under the lock. */
    private void stop(ReadStop why) {
        stops |= why.bit;
    }

    /**
     * Under the lock. A reason not to read has ended. Unread input is offered again before anything is read, if the handler has asked for
     * that by resuming, or if there may be whole messages in it.
     */
    private void go(ReadStop why) {
        if (!has(why)) {
            return;
        }
        stops = (byte) (stops & ~why.bit);
        boolean wanted = why == ReadStop.PAUSED || turn.toldToStop;
        if (wanted && state == ConnectionState.OPEN && (unread != null || offering)) {
            stop(ReadStop.OFFER_DUE);
            offerToPost |= !offering; // else the offer itself sees to it when it returns
        }
        changed.signalAll();
    }

    /**
     * The own thread. The one place where it waits before it reads.
     *
     * @return whether to read, or to tell the peer's end; false if no more input is taken
     */
    boolean awaitInput() {
        lock.lock();
        try {
            if (queue.length() > 0 && queue.length() > context.readMark() && !turn.readsWhileOutputWaits()) {
                stop(ReadStop.MEMORY_SHORT);
            }
            if (has(ReadStop.OUTPUT_WAITS) || has(ReadStop.MEMORY_SHORT) || has(ReadStop.WORKERS_FULL)) {
                context.counters.add(Counter.READ_PAUSES, 1);
            }
            while (state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED) && (stops != 0 || offering)
                    && !(leaving && lastBytes <= 0 && unread == null)) {
                changed.awaitUninterruptibly();
            }
            boolean wanted = state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED);
            inRead = wanted && !endDue && !(leaving && isQuiet());
            return inRead || wanted && endDue;
        } finally {
            unlock();
        }
    }

    /** The own thread. One read call, which may block: bytes, 0 if the connection is lost, -1 for the peer's end. */
    int receive(ByteBuffer in) {
        int read = 0;
        context.counters.add(Counter.READS, 1);
        try {
            Thread.interrupted(); // a read with the flag set would close the channel
            read = context.socketIo.read(channel, in);
        } catch (Throwable t) {
            end(Kind.RESET, t);
        }
        lock.lock();
        try {
            inRead = false;
            long nowNs = context.nowNs();
            if (read > 0) {
                activeNs = nowNs;
                lastBytes -= leaving ? read : 0;
                context.counters.add(Counter.BYTES_READ, read);
            }
            if (state != ConnectionState.CLOSED) {
                setTimer(nowNs); // until the next read, nothing tells of a reset
            }
        } finally {
            unlock();
        }
        return read;
    }

    /** With the turn. Bytes are here, or the peer's end. What may not be offered now is put behind what was left unread. */
    private void took(ByteBuffer in, int read) {
        if (read < 0) {
            endDue = true;
            tellEnd();
        } else if (state != ConnectionState.OPEN) {
            dropped += in.remaining();
        } else if (in.hasRemaining()) {
            ByteBuffer all = unread == null ? in : UnreadInput.join(unread, in);
            if (stops == 0) {
                offer(all, in);
            } else {
                unread = unread == null ? UnreadInput.join(null, in) : all;
                turn.toldToStop = true; // nothing of this was offered
            }
        }
    }

    /**
     * With the turn.
     *
     * @param lent the own thread's buffer if {@code in} may be it, else null
     */
    private void offer(ByteBuffer in, ByteBuffer lent) {
        int offered = in.remaining();
        lastOfferUnread = false;
        offering = true; // first: a reason that ends between the two is not to be missed
        unread = null;
        turn.read(in.order(ByteOrder.BIG_ENDIAN));
        boolean isOpen = state == ConnectionState.OPEN;
        ByteBuffer left = isOpen ? UnreadInput.after(null, in, lent) : null;
        dropped += isOpen ? 0 : in.remaining();
        boolean tooLong;
        lock.lock();
        try {
            unread = left;
            offering = false;
            // a handler that resumes within the call, and takes nothing, has seen all there is, unless it was told to stop
            if (left == null || in.remaining() == offered && !turn.toldToStop) {
                stops = (byte) (stops & ~ReadStop.OFFER_DUE.bit);
            }
            offerToPost |= has(ReadStop.OFFER_DUE);
            tooLong = stops == 0 && left != null && left.limit() >= context.options.maxRemainder();
            changed.signalAll();
        } finally {
            unlock();
        }
        if (tooLong) {
            end(Kind.PROTOCOL, null);
        }
    }

    /** With the turn. Offers what was left unread, without new bytes. */
    private void offerUnread() {
        ByteBuffer in = unread;
        if (in != null && takesInput()) {
            int before = in.limit();
            offer(in, null);
            lastOfferUnread = unread != null && unread.limit() == before;
        }
    }

    /** A step of the turn: offers what was left unread, now that a reason not to read has ended. */
    private void offerDue() {
        boolean due;
        lock.lock();
        try {
            due = has(ReadStop.OFFER_DUE) && state == ConnectionState.OPEN;
            stops = (byte) (stops & ~ReadStop.OFFER_DUE.bit);
            offering = due && stops == 0; // until it is offered, nothing more is read
            if (due && stops != 0) {
                turn.toldToStop = true; // the reason that is left makes the offer when it ends
            }
            changed.signalAll();
        } finally {
            unlock();
        }
        if (due && !(lastOfferUnread && arrived() > 0)) { // else the own thread is about to put more behind it
            offerUnread();
        }
        if (offering) { // nothing was left to offer
            lock.lock();
            offering = false;
            changed.signalAll();
            unlock();
        }
    }

    /** With the turn, on the own thread. Tells the handler of the peer's end, unless it is not done with what came before. */
    private void tellEnd() {
        offerUnread();
        if (!has(ReadStop.PAUSED) && (unread == null || stops == 0)) { // else the own thread comes back when it is done
            unread = null;
            if (endInput()) {
                turn.eof();
            }
        }
    }

    /** The peer has ended its side; true if the handler is to hear of it. */
    boolean endInput() {
        lock.lock();
        try {
            stop(ReadStop.INPUT_ENDED);
            if (state == ConnectionState.OPEN) {
                return true; // and then sends what the handler writes, and our end if it was asked for
            }
            endIfBothEnded();
            return false;
        } finally {
            unlock();
        }
    }

    @Override
    public void pauseReading() {
        turn.checkMine();
        lock.lock();
        try {
            stop(ReadStop.PAUSED);
        } finally {
            unlock();
        }
    }

    @Override
    public void resumeReading() {
        turn.checkMine();
        lock.lock();
        try {
            go(ReadStop.PAUSED);
        } finally {
            unlock();
        }
    }

    /** The own thread. Waits until the peer's last bytes are to be discarded; false at the end. */
    private boolean awaitLastBytes() {
        boolean leaves;
        lock.lock();
        try {
            while (state == ConnectionState.OPEN ? !leaving : isOpen() || has(ReadStop.INPUT_ENDED) && state != ConnectionState.CLOSED) {
                changed.awaitUninterruptibly();
            }
            leaves = state == ConnectionState.OPEN;
        } finally {
            unlock();
        }
        if (leaves) {
            inTurn(this::leaveInTurn);
            return awaitLastBytes(); // for what may be held
        }
        return state != ConnectionState.CLOSED;
    }

    /** Bytes that have arrived and were not read. */
    private int arrived() {
        try {
            return context.socketIo.available(channel);
        } catch (IOException e) {
            return 0; // lost
        }
    }

    /** Whether nothing has arrived that the handler has not seen, or more than it is still given. */
    private boolean isQuiet() {
        return lastBytes <= 0 || arrived() == 0;
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
            context.counters.add(Counter.BYTES_ENQUEUED, data.remaining());
            if (mayWrite() && (long) queue.length() + data.remaining() > context.options.maxPending()) {
                end(Kind.QUEUE_LIMIT, null);
            }
            if (mayWrite()) {
                ownBytes += isOwnThread() ? data.remaining() : 0;
                enqueue(data);
            }
            context.counters.add(Counter.BYTES_DISCARDED, data.remaining());
            data.position(data.limit());
            boolean full = queue.length() > context.options.highWater();
            if (full) {
                queue.oweWritable();
                if (!turn.readsWhileOutputWaits()) {
                    stop(ReadStop.OUTPUT_WAITS);
                }
            }
            more = !full && mayWrite();
        } finally {
            unlock();
        }
        context.relieve();
        return more;
    }

    private void enqueue(ByteBuffer data) {
        try {
            queue.add(data);
        } catch (OutOfMemoryError e) {
            end(Kind.QUEUE_LIMIT, e);
        }
    }

    private boolean mayWrite() {
        return isOpen() && !queue.isEnded();
    }

    /** Any thread. Has the writer send what waits, unless a callback is running: its own thread, or its helper, sends when it returns. */
    private void sendSoon() {
        if (!turn.isMine()) {
            writer.wake();
        }
    }

    /** Any thread. Has the writer send what a callback may have left. */
    void wakeWriterIfNeeded() {
        lock.lock();
        boolean needed = queue.length() > 0 || queue.isEnded() && !queue.isEndSent();
        unlock();
        if (needed) {
            writer.wake();
        }
    }

    /**
     * The own thread. Sends what its callbacks queued; what comes from elsewhere is the writer's: a peer that takes none of that would
     * keep this thread from reading, and a peer that waits to be read would wait for ever. If the handler is read while output waits,
     * all is the writer's.
     */
    private void sendOwn() {
        lock.lock();
        int most;
        boolean begun;
        try {
            most = turn.readsWhileOutputWaits() ? 0 : ownBytes;
            ownBytes = 0;
            begun = beginWrite(most > 0);
        } finally {
            unlock();
        }
        if (begun) {
            send(most);
        }
    }

    /** A thread of ours. Sends all that waits; may block. */
    void sendAll() {
        boolean begun;
        lock.lock();
        try {
            begun = beginWrite(true);
        } finally {
            unlock();
        }
        if (begun) {
            send(Integer.MAX_VALUE);
        }
    }

    /** Begun. Writes about so many bytes, and leaves the rest to the writer. */
    private void send(int most) {
        int left = most;
        boolean more = true;
        while (more) {
            int taken = 0;
            Throwable failure = null;
            try {
                Thread.interrupted(); // a write with the flag set would close the channel
                taken = blockingWrite.write(channel);
            } catch (Throwable t) {
                failure = t;
            }
            left -= taken;
            boolean writable;
            lock.lock();
            try {
                writable = endWrite(taken, failure);
                more = !writable && beginWrite(left > 0);
            } finally {
                unlock();
            }
            if (writable) {
                turn.writable();
                lock.lock();
                try {
                    more = beginWrite(left > 0);
                } finally {
                    unlock();
                }
            }
        }
    }

    /** Under the lock. Takes what is written next; false if nothing waits, another thread writes, or the writer is to. */
    private boolean beginWrite(boolean wanted) {
        if (writing || state == ConnectionState.CLOSED) {
            return false;
        }
        if (queue.length() == 0) {
            sendEnd();
            return false;
        }
        if (!wanted) {
            writer.wake();
            return false;
        }
        long nowNs = context.nowNs();
        boolean some = blockingWrite.take(nowNs);
        setTimer(nowNs); // may find no memory: nothing is being written then
        writing = some;
        return some;
    }

    /** Under the lock. The call has returned; true if {@link Handler#onWritable} must follow. */
    private boolean endWrite(int taken, Throwable failure) {
        writing = false;
        long nowNs = context.nowNs();
        blockingWrite.wrote(taken, nowNs);
        if (taken > 0) {
            activeNs = nowNs;
        }
        if (failure != null) {
            end(Kind.RESET, failure);
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
        if (has(ReadStop.MEMORY_SHORT) && queue.length() <= context.readMark()) {
            go(ReadStop.MEMORY_SHORT);
        }
        return queue.takeWritable(mayWrite());
    }

    /** Under the lock. All that was queued has left: tells the peer our end, if it was asked for. */
    private void sendEnd() {
        if (!queue.isEnded()) {
            return;
        }
        try {
            long nowNs = context.nowNs();
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
        boolean drains;
        lock.lock();
        try {
            drains = leaveOpen();
        } finally {
            unlock();
        }
        if (drains) {
            sendSoon();
        }
    }

    /** Under the lock. The close is asked for; true if it takes effect now, and the peer is to be told. */
    private boolean leaveOpen() {
        if (state != ConnectionState.OPEN) {
            return false;
        }
        state = ConnectionState.LEAVING;
        kind = has(ReadStop.INPUT_ENDED) ? Kind.PEER : Kind.LOCAL;
        changed.signalAll();
        return drainUnlessHeld();
    }

    /** Under the lock. Asked to close, it drains as soon as no work is held; true if it does now. */
    private boolean drainUnlessHeld() {
        if (state != ConnectionState.LEAVING || work.isHeld()) {
            return false;
        }
        state = ConnectionState.DRAINING;
        long nowNs = context.nowNs();
        queue.end(nowNs);
        if (queue.isEndSent()) {
            state = ConnectionState.LINGERING; // by shutdownOutput
        }
        changed.signalAll();
        setTimer(nowNs);
        return true;
    }

    @Override
    public void shutdownOutput() {
        lock.lock();
        try {
            if (isOpen()) {
                queue.end(context.nowNs());
            }
        } finally {
            unlock();
        }
        sendSoon();
    }

    @Override
    public void abort() {
        lock.lock();
        try {
            if (state != ConnectionState.CLOSED) {
                context.socketIo.resetOnClose(channel);
                end(Kind.LOCAL, null);
            }
        } finally {
            unlock();
        }
    }

    /** Under the lock. */
    private void endIfBothEnded() {
        if (queue.isEndSent() && has(ReadStop.INPUT_ENDED)) {
            end(Kind.PEER, null);
        }
    }

    /** Ends the connection now; its own thread comes back for the last callback. The first reason given stands. */
    void end(Kind why, Throwable because) {
        lock.lock();
        try {
            if (state == ConnectionState.CLOSED) {
                return;
            }
            boolean asAnnounced = kind != null && (why == Kind.LOCAL || why == Kind.PEER);
            kind = !connected ? Kind.CONNECT_FAILURE : asAnnounced ? kind : why;
            cause = because;
            state = ConnectionState.CLOSED;
            try {
                if (queue.length() > 0 || why == Kind.DRAIN_DEADLINE) {
                    context.socketIo.resetOnClose(channel); // or the peer would take a part for the whole
                }
                dueNs = Timeouts.NEVER;
                context.reactor.execute(this::arm);
            } catch (Throwable t) { // no memory: the rest of the end is all the more wanted
                cause = cause == null ? t : cause;
            }
            try {
                discardOutput();
            } finally {
                changed.signalAll();
                context.socketIo.close(channel);
            }
        } finally {
            unlock();
        }
        if (ownThread == null && context.threads.withdraw(this) && !context.reactor.execute(this::finish)) {
            finish(); // the loop has failed
        }
    }

    /** Under the lock, once closed. Drops what waits, but for what is being written. */
    private void discardOutput() {
        unsent += queue.clear() + (writing ? 0 : blockingWrite.drop());
    }

    /** The last callback, on the own thread; on the loop for a connection that no thread of a pool has come to. */
    void finish() {
        CloseReason reason;
        lock.lock();
        try {
            while (writing) { // the call is about to return, and tells how much has left
                changed.awaitUninterruptibly();
            }
            reason = new CloseReason(kind, cause, unsent);
        } finally {
            unlock();
        }
        turn.enter();
        try {
            context.closed(this, reason);
            if (!connected) {
                service.neverOpened(this);
            }
            unreadAtEnd += cutTakingInput ? unreadBytes() : 0; // what its thread had taken from the kernel
            work.cancel();
            turn.close(reason);
        } finally {
            turn.leave();
            context.gone(this, reason); // or a drain would wait for it for ever
        }
    }

    /** Nothing was attempted: the handler is told, and no connection is counted. On a thread of ours. */
    void refuse(Throwable why) {
        state = ConnectionState.CLOSED;
        turn.enter();
        try {
            service.neverOpened(this);
            turn.close(new CloseReason(Kind.CONNECT_FAILURE, why, 0));
        } finally {
            turn.leave();
        }
    }

    /** A stream asks: the connection did not end as it should. */
    void checkLoss() throws IOException {
        lock.lock();
        try {
            if (state == ConnectionState.CLOSED && kind != Kind.LOCAL && kind != Kind.PEER) {
                throw new IOException("the connection is lost: " + kind, cause);
            }
        } finally {
            unlock();
        }
    }

    // ---- leaving a server that drains ---------------------------------------------------------------------------------

    @Override
    public boolean isOutbound() {
        return attempt != null;
    }

    @Override
    public long activeNs() {
        lock.lock();
        try {
            return activeNs;
        } finally {
            unlock();
        }
    }

    /** On the loop. What has arrived is handled, then the connection closes: its own thread sees to both, unless it is in a read. */
    @Override
    public void leave() {
        lock.lock();
        try {
            if (!connected) {
                end(Kind.CONNECT_FAILURE, new IOException("given up before it was connected")); // which brings its thread back
            }
            leaving = true;
            changed.signalAll();
        } finally {
            unlock();
        }
        leaveIfQuiet(true);
    }

    private void leaveIfQuiet(boolean first) {
        boolean free = turn.tryEnter(); // else a helper is in a callback, and what that writes is still to leave
        boolean waits;
        boolean quiet;
        try {
            lock.lock();
            try {
                waits = inRead && state == ConnectionState.OPEN;
                quiet = waits && free && !first && stops == 0 && isQuiet();
                if (quiet && work.isHeld()) {
                    turn.post(this::leaveInTurn);
                } else if (quiet) {
                    countUnread();
                    leaveOpen();
                    beginWrite(false);
                }
            } finally {
                unlock();
            }
        } finally {
            if (free) {
                turn.leave();
            }
        }
        if (waits && state == ConnectionState.OPEN) {
            context.reactor.schedule(GRACE, () -> leaveIfQuiet(false));
        }
    }

    /**
     * With the turn. Leaves, unless input waits for the handler or for room: then it is asked again when that has ended. The handler of a
     * connection that is held is told that nothing more is read.
     */
    private void leaveInTurn() {
        boolean toBeTold;
        lock.lock();
        try {
            boolean isStopped = stops != 0 && !has(ReadStop.INPUT_ENDED);
            if (state == ConnectionState.OPEN && isStopped && (unread != null || lastBytes > 0)) {
                return;
            }
            countUnread();
            toBeTold = work.isHeld() && state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED);
        } finally {
            unlock();
        }
        if (toBeTold) {
            turn.eof();
        }
        close();
    }

    /** With the turn, under the lock. Nothing more is given to the handler, because the server drains. */
    private void countUnread() {
        if (state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED)) {
            unreadAtEnd += unreadBytes() + arrived();
        }
    }

    private int unreadBytes() {
        ByteBuffer left = unread;
        return dropped + (left == null ? 0 : left.limit());
    }

    /** To have waited only for the peer's end is no loss. */
    @Override
    public void cut() {
        lock.lock();
        try {
            if (state == ConnectionState.LINGERING) {
                end(Kind.LOCAL, null);
            } else if (state != ConnectionState.CLOSED) {
                cutOwing = work.isHeld() || isAtWork();
                cutTakingInput = state == ConnectionState.OPEN && !has(ReadStop.INPUT_ENDED);
                unreadAtEnd += cutTakingInput && connected ? arrived() : 0;
                end(Kind.DRAIN_DEADLINE, null);
            }
        } finally {
            unlock();
        }
    }

    /** Once it has finished: whether the drain's deadline cut it while work was held for its peer. */
    boolean wasCutOwing() {
        return cutOwing;
    }

    /** Once it has finished: input that no handler took because the server drained, in bytes. */
    long unreadAtEnd() {
        return unreadAtEnd;
    }

    // ---- deadlines ----------------------------------------------------------------------------------------------------

    /** Begins to watch the deadlines, unless the connection has closed already. */
    void watch() {
        lock.lock();
        try {
            if (state != ConnectionState.CLOSED) {
                setTimer(context.nowNs());
            }
        } finally {
            unlock();
        }
    }

    /**
     * Under the lock. Sets the one timer, on the loop, to what can come due first, unless it is set to something earlier already. It is
     * set lazily: activity only notes the time, and the timer, when it comes due, looks at it.
     */
    private void setTimer(long nowNs) {
        long lookNs = inRead ? Timeouts.NEVER : nowNs + context.seams.livenessNs();
        long atNs = context.timeouts.deadline(queue, state == ConnectionState.LINGERING, work.isHeld(), activeNs, lookNs);
        if (atNs != Timeouts.NEVER && (dueNs == Timeouts.NEVER || atNs - dueNs < 0)) {
            context.reactor.execute(this::arm); // on the loop, where it waits for the lock
            dueNs = atNs;
        }
    }

    /** On the loop. */
    private void arm() {
        if (timer != null) {
            timer.cancel();
        }
        lock.lock();
        try {
            timer = null;
            if (state != ConnectionState.CLOSED && dueNs != Timeouts.NEVER) {
                timer = context.reactor.schedule(Duration.ofNanos(dueNs - context.nowNs()), this::expired);
                context.probe.prepare(channel.provider());
            }
        } finally {
            unlock();
        }
    }

    /** On the loop. */
    private void expired() {
        lock.lock();
        try {
            dueNs = Timeouts.NEVER;
            if (state == ConnectionState.CLOSED) {
                return;
            }
            Timeouts timeouts = context.timeouts;
            long nowNs = context.nowNs();
            if (timeouts.isStalled(queue, nowNs)) {
                end(Kind.WRITE_STALL, null);
            } else if (state == ConnectionState.LINGERING) {
                if (nowNs - queue.sinceNs() >= timeouts.lingerNs()) {
                    end(Kind.LOCAL, null);
                }
            } else if (isIdle(nowNs)) {
                if (!suspected || inRead && arrived() > 0) {
                    suspected = true;
                    dueNs = nowNs + SOON_NS;
                    context.reactor.execute(this::arm);
                    return;
                }
                end(Kind.IDLE, null);
            } else {
                suspected = false;
                checkLiveness();
            }
            if (state != ConnectionState.CLOSED) {
                setTimer(nowNs);
            }
        } finally {
            unlock();
        }
    }

    /** Under the lock. A handler that takes its time, as it may here, works for its peer: the time begins anew. */
    private boolean isIdle(long nowNs) {
        if (isAtWork()) {
            activeNs = nowNs;
        }
        return context.timeouts.isIdle(activeNs, nowNs) && !work.isHeld();
    }

    /** Under the lock. Whether its handler is running, and not waiting for its peer. */
    private boolean isAtWork() {
        return turn.isTaken() || streams && !inRead && !writing;
    }

    /** Under the lock. A call that blocks tells of a reset itself; where there is none, nothing else would. */
    private void checkLiveness() {
        if (!inRead && !writing && context.probe.isLost(channel)) {
            end(Kind.RESET, new IOException("lost while nothing was awaited of it"));
        }
    }

    // ---- tasks --------------------------------------------------------------------------------------------------------

    @Override
    public boolean execute(Runnable task) {
        return turn.execute(task);
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        turn.checkMine();
        return turn.schedule(delay, task);
    }

    @Override
    public Hold hold() {
        turn.checkMine();
        return state == ConnectionState.CLOSED ? () -> {} : work.hold();
    }

    @Override
    public <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        turn.checkMine();
        return work.offload(context.workers, task, callback);
    }

    @Override
    public <T> boolean offloadInOrder(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        turn.checkMine();
        return work.offloadInOrder(context.workers, task, callback);
    }

    /** With the turn. A timer begins; false once the connection has closed. */
    boolean began(Timer timer) {
        lock.lock();
        try {
            if (state != ConnectionState.CLOSED) {
                work.began(timer);
            }
            return state != ConnectionState.CLOSED;
        } finally {
            unlock();
        }
    }

    /** With the turn. A timer has come due, or is cancelled; false if it has ended before. */
    boolean ended(Timer timer) {
        lock.lock();
        try {
            return work.ended(timer);
        } finally {
            unlock();
        }
    }

    @Override
    public void confine(Runnable step) {
        lock.lock();
        try {
            step.run();
        } finally {
            unlock();
        }
    }

    @Override
    public void released() {
        if (state == ConnectionState.CLOSED) {
            return;
        }
        if (!work.isHeld()) {
            activeNs = context.nowNs(); // it was not idle until now
            setTimer(activeNs);
        }
        if (drainUnlessHeld()) {
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
    public boolean connect(InetSocketAddress address, Duration timeout, Handler.Factory factory) {
        return state != ConnectionState.CLOSED && context.connect(new ThreadConnect(address, timeout), factory);
    }

    // ---- what it tells ------------------------------------------------------------------------------------------------

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

    @Override
    public SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public SocketAddress localAddress() {
        return local;
    }

    private static SocketAddress localOf(SocketChannel channel) {
        try {
            return channel.getLocalAddress();
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
        return "connection " + id + " with " + remote + ", " + state + ", " + pending() + " bytes pending";
    }
}
