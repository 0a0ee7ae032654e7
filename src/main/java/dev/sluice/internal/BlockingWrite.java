package dev.sluice.internal;

import dev.sluice.ServerStats.Counter;
import dev.sluice.internal.ChunkPool.Chunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/**
 * The write call of a thread that may block. Several threads use the outbound queue, each with the queue's lock. The first bytes are taken
 * out of it, so that the call needs no lock while other threads add to the queue or clear it. Until the kernel has them they still
 * count as waiting. It writes at most 16 KiB at a time, because a call that blocks tells nothing of its progress before it returns.
 */
public final class BlockingWrite {

    private static final int CHUNKS = 2;

    private final OutboundQueue queue;
    private final Outlet outlet;
    private final ByteBuffer[] buffers = new ByteBuffer[CHUNKS];
    private Chunk head;
    private int count;
    private int length;

    /**
     * Makes one that holds nothing.
     *
     * @param queue  what is written
     * @param outlet the queue's
     */
    public BlockingWrite(OutboundQueue queue, Outlet outlet) {
        this.queue = queue;
        this.outlet = outlet;
    }

    /**
     * With the lock. Takes the next bytes, unless some are left of those taken before, and begins the wait for the kernel.
     *
     * @param nowNs the time
     * @return false if nothing waits
     */
    public boolean take(long nowNs) {
        if (head == null) {
            head = queue.detach(CHUNKS, nowNs);
        }
        count = 0;
        length = 0;
        for (Chunk chunk = head; chunk != null; chunk = chunk.next) {
            buffers[count++] = chunk.bytes;
            length += chunk.bytes.remaining();
        }
        return count > 0;
    }

    /**
     * Without the lock, one thread at a time. Writes what was taken; may block.
     *
     * @param channel the socket
     * @return bytes that the kernel took
     * @throws IOException the connection is lost
     */
    public int write(SocketChannel channel) throws IOException {
        return count == 1
                ? outlet.socketIo().write(channel, buffers[0])
                : (int) outlet.socketIo().write(channel, buffers, count);
    }

    /**
     * With the lock. The write has returned, or failed with nothing taken. What a task of {@link #whenWritten} throws comes last: then all
     * is noted but the tasks, which the next write, or the end, comes to.
     *
     * @param bytes that the kernel took
     * @param nowNs the time
     */
    public void wrote(int bytes, long nowNs) {
        queue.wrote(bytes, bytes < length, nowNs);
        queue.shorten(bytes);
        length -= bytes;
        while (head != null && head.hasLeft()) {
            head = outlet.chunks().give(head);
        }
    }

    /**
     * With the lock. As {@link OutboundQueue#whenWritten}, of what was taken, too.
     *
     * @param task called with the lock
     */
    public void whenWritten(Runnable task) {
        queue.whenWritten(task, head);
    }

    /**
     * With the lock, and while no thread writes. Drops the bytes that were taken and not written.
     *
     * @return bytes dropped
     */
    public int drop() {
        int dropped = length;
        while (head != null) {
            head = outlet.chunks().give(head);
        }
        length = 0;
        queue.shorten(dropped);
        outlet.counters().add(Counter.BYTES_DISCARDED, dropped);
        return dropped;
    }
}
