package dev.sluice.internal;

import dev.sluice.CloseReason;
import dev.sluice.ServerStats.Counter;
import dev.sluice.internal.ChunkPool.Chunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicIntegerFieldUpdater;

/**
 * The outbound queue of one connection: bytes accepted from a handler and not yet taken by the kernel, in order, in chunks of a pool;
 * then the end of output. Empty, it has no memory. Belongs to the thread of its outlet, or to the thread that has its lock where several
 * use it ({@link BlockingWrite}), unless a method says otherwise. The connection decides what its limit is, and what a breach means.
 */
public final class OutboundQueue {

    /** Added to the announced bytes when the queue closes, so that their count is negative from then on. */
    private static final int CLOSED = Integer.MIN_VALUE;

    private static final AtomicIntegerFieldUpdater<OutboundQueue> LENGTH =
            AtomicIntegerFieldUpdater.newUpdater(OutboundQueue.class, "length");

    private static final AtomicIntegerFieldUpdater<OutboundQueue> ANNOUNCED =
            AtomicIntegerFieldUpdater.newUpdater(OutboundQueue.class, "announced");

    private final Outlet outlet;
    private Chunk head;

    /** Bytes that wait. Written by the owner, without a fence: other threads may see it late. */
    private volatile int length;

    /** Bytes on their way from other threads, which count against the queue's limit from the moment they are announced. */
    private volatile int announced;

    /** Since when output waits without progress, or, once the end is sent, when that was. */
    private long sinceNs;

    private boolean fellShort;
    private boolean writableDue;
    private boolean ended;
    private boolean endSent;

    /**
     * Makes an empty queue.
     *
     * @param outlet its thread's
     */
    public OutboundQueue(Outlet outlet) {
        this.outlet = outlet;
    }

    /**
     * Any thread.
     *
     * @return bytes that wait
     */
    public int length() {
        return length;
    }

    /**
     * Whether a connection that ends now is to be reset, or its peer would take a part for the whole: bytes wait, or, though none may,
     * some were refused or cut off.
     *
     * @param kind why it ends
     * @return true if bytes are lost, or may be
     */
    public boolean losesBy(CloseReason.Kind kind) {
        return length > 0 || kind == CloseReason.Kind.DRAIN_DEADLINE || kind == CloseReason.Kind.QUEUE_LIMIT || kind == CloseReason.Kind.MEMORY;
    }

    /**
     * The memory of the bytes that wait.
     *
     * @return bytes, in whole chunks
     */
    public long memory() {
        long chunks = 0;
        for (Chunk chunk = head; chunk != null; chunk = chunk.next) {
            chunks++;
        }
        return chunks * ChunkPool.CHUNK;
    }

    /**
     * Whether the kernel took less than it was offered the last time, so that output waits for it.
     *
     * @return false also while there is nothing to write
     */
    public boolean fellShort() {
        return fellShort;
    }

    /**
     * The time without progress: of the bytes that wait for the kernel, or, once the end is sent, since then.
     *
     * @return nanoseconds of the clock that {@link #flush} is given
     */
    public long sinceNs() {
        return sinceNs;
    }

    /**
     * Takes all remaining bytes, behind those that wait.
     *
     * @param data its position moves to its limit
     * @throws OutOfMemoryError when no chunk can be had; what was taken until then is in the queue
     */
    public void add(ByteBuffer data) {
        while (data.hasRemaining()) {
            if (head == null) {
                head = outlet.chunks().take();
            } else if (head.last.bytes.limit() == ChunkPool.CHUNK) {
                head.last = head.last.next = outlet.chunks().take();
            }
            ByteBuffer to = head.last.bytes;
            int end = to.limit();
            int taken = Math.min(data.remaining(), to.capacity() - end);
            to.limit(end + taken).put(end, data, data.position(), taken);
            data.position(data.position() + taken);
            LENGTH.lazySet(this, length + taken);
        }
    }

    /**
     * Offers what waits to the kernel in one call, at most 256 KiB of it.
     *
     * @param channel the socket
     * @param nowNs   the time
     * @return bytes taken
     * @throws IOException the connection is lost; the queue is as it was
     */
    public int flush(SocketChannel channel, long nowNs) throws IOException {
        if (head == null) {
            return 0;
        }
        int offered;
        int taken;
        if (head.next == null) {
            offered = head.bytes.remaining();
            taken = outlet.socketIo().write(channel, head.bytes);
        } else {
            ByteBuffer[] gather = outlet.chunks().gather;
            int count = 0;
            offered = 0;
            for (Chunk chunk = head; chunk != null && count < gather.length; chunk = chunk.next) {
                gather[count++] = chunk.bytes;
                offered += chunk.bytes.remaining();
            }
            taken = (int) outlet.socketIo().write(channel, gather, count);
        }
        shorten(taken); // first: a task whose bytes have left may find no memory
        wrote(taken, taken < offered, nowNs);
        while (head != null && head.hasLeft()) {
            head = outlet.chunks().give(head);
        }
        return taken;
    }

    /**
     * Takes the first chunks out of the queue for a {@link BlockingWrite}; their bytes still count as waiting. The wait for the kernel
     * begins.
     *
     * @param most  how many chunks
     * @param nowNs the time
     * @return the first of them, or null if nothing waits
     */
    Chunk detach(int most, long nowNs) {
        Chunk first = head;
        if (first != null) {
            Chunk last = first;
            for (int i = 1; i < most && last.next != null; i++) {
                last = last.next;
            }
            head = last.next;
            if (head != null) {
                head.last = first.last;
            }
            last.next = null;
            first.last = last;
            if (!fellShort) {
                fellShort = true;
                sinceNs = nowNs;
            }
        }
        return first;
    }

    /**
     * Offers a large buffer to the kernel without a copy. The queue is empty, and stays so.
     *
     * @param channel the socket
     * @param data    a direct buffer
     * @param nowNs   the time
     * @return bytes taken
     * @throws IOException the connection is lost
     */
    public int writeThrough(SocketChannel channel, ByteBuffer data, long nowNs) throws IOException {
        assert head == null;
        int taken = outlet.socketIo().write(channel, data);
        wrote(taken, data.hasRemaining(), nowNs);
        return taken;
    }

    void wrote(int taken, boolean isShort, long nowNs) {
        outlet.counters().increment(Counter.WRITES);
        outlet.counters().add(Counter.BYTES_WRITTEN, taken);
        if (isShort) {
            outlet.counters().increment(Counter.SHORT_WRITES);
        }
        if (taken > 0 || !fellShort) {
            sinceNs = nowNs;
        }
        fellShort = isShort;
    }

    void shorten(int bytes) {
        LENGTH.lazySet(this, length - bytes);
    }

    /**
     * Drops what waits and gives its chunks back; what is {@link BlockingWrite} is not here.
     *
     * @return bytes dropped
     */
    public int clear() {
        int dropped = 0;
        while (head != null) {
            dropped += head.bytes.remaining();
            head = outlet.chunks().give(head);
        }
        fellShort = false;
        shorten(dropped);
        outlet.counters().add(Counter.BYTES_DISCARDED, dropped);
        return dropped;
    }

    /**
     * Has a task run once all that waits has left, or at once if nothing waits. It is dropped with the bytes.
     *
     * @param task called where the queue is used; does not wait, and does not use the queue
     */
    public void whenWritten(Runnable task) {
        whenWritten(task, null);
    }

    /** As above; if nothing waits here, once chunks have left that were detached. */
    void whenWritten(Runnable task, Chunk detached) {
        Chunk first = head != null ? head : detached;
        if (first == null) {
            task.run();
        } else {
            first.last.mark(task);
        }
    }

    // ---- its writers ---------------------------------------------------------------------------------------------------

    /** A write has returned false: {@link dev.sluice.Handler#onWritable} must follow. */
    public void tellWhenWritable() {
        writableDue = true;
    }

    /**
     * Whether {@link dev.sluice.Handler#onWritable} must follow now; after true, it no longer must.
     *
     * @param mayWrite false puts it off
     * @return true once after {@link #tellWhenWritable}
     */
    public boolean takeWritableDue(boolean mayWrite) {
        boolean due = writableDue && mayWrite;
        writableDue &= !due;
        return due;
    }

    // ---- its end ------------------------------------------------------------------------------------------------------

    /**
     * Nothing is added after this. Asked for once more after it was sent, the wait for the peer's end begins anew.
     *
     * @param nowNs the time
     */
    public void end(long nowNs) {
        ended = true;
        if (endSent) {
            sinceNs = nowNs;
        }
    }

    /**
     * Whether its end was asked for.
     *
     * @return true after {@link #end}
     */
    public boolean isEnded() {
        return ended;
    }

    /**
     * Tells the peer the end, once it was asked for and everything before it has left.
     *
     * @param channel the socket
     * @param nowNs   the time
     * @return true if that is done now, and was not before
     * @throws IOException the connection is lost
     */
    public boolean sendEnd(SocketChannel channel, long nowNs) throws IOException {
        if (!ended || endSent || head != null) {
            return false;
        }
        outlet.socketIo().shutdownOutput(channel);
        endSent = true;
        sinceNs = nowNs;
        return true;
    }

    /**
     * Whether the peer was told.
     *
     * @return true after {@link #sendEnd} has
     */
    public boolean isEndSent() {
        return endSent;
    }

    // ---- writes from other threads -------------------------------------------------------------------------------------

    /**
     * Any thread. Announces bytes that will arrive later, unless they would be too many.
     *
     * @param bytes how many
     * @param most  bytes that may be pending, these included
     * @return bytes pending with these; above {@code most} or negative where they were not announced, the latter because
     *     the queue has closed
     */
    public long announce(int bytes, int most) {
        while (true) {
            int before = announced;
            if (before < 0) {
                return before;
            }
            long pending = (long) before + bytes + length;
            if (pending > most || ANNOUNCED.compareAndSet(this, before, before + bytes)) {
                return pending;
            }
        }
    }

    /**
     * Any thread. Announced bytes are here, or will not come.
     *
     * @param bytes how many
     * @return false if the queue closed before, and so has accounted for them
     */
    public boolean arrived(int bytes) {
        return ANNOUNCED.getAndAdd(this, -bytes) >= 0;
    }

    /**
     * Any thread. The bytes on their way.
     *
     * @return bytes that were announced and are not here
     */
    public int announced() {
        return Math.max(0, announced);
    }

    /**
     * The owner. Accepts no more announcements.
     *
     * @return bytes announced that will never leave; none if it has closed before
     */
    public int close() {
        return announced < 0 ? 0 : ANNOUNCED.getAndAdd(this, CLOSED);
    }
}
