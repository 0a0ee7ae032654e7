package dev.sluice.internal;

import dev.sluice.internal.ChunkPool.Chunk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/**
 * Bytes accepted from a handler and not yet taken by the kernel, in order, in chunks of a pool. Belongs to the thread of
 * its pool. It has no bound of its own: whoever adds knows the limit, and what a breach means.
 */
public final class OutboundQueue {

    private final ChunkPool pool;
    private Chunk head;
    private Chunk tail;
    private int length;

    /** The queue that is in the list of idle ones behind this one; see {@link Idle}. */
    private OutboundQueue nextIdle;

    /**
     * Makes an empty queue.
     *
     * @param pool where its chunks come from and return to
     */
    public OutboundQueue(ChunkPool pool) {
        this.pool = pool;
    }

    /**
     * How much waits.
     *
     * @return bytes
     */
    public int length() {
        return length;
    }

    /**
     * Takes all remaining bytes, behind those that wait.
     *
     * @param data its position moves to its limit
     * @throws OutOfMemoryError when no chunk can be had; what was taken until then is in the queue
     */
    public void add(ByteBuffer data) {
        while (data.hasRemaining()) {
            ByteBuffer to = roomy();
            int end = to.limit();
            int taken = Math.min(data.remaining(), to.capacity() - end);
            to.limit(end + taken).put(end, data, data.position(), taken);
            data.position(data.position() + taken);
            length += taken;
        }
    }

    /**
     * Takes all bytes of an array, behind those that wait.
     *
     * @param data is copied
     * @throws OutOfMemoryError as above
     */
    public void add(byte[] data) {
        for (int from = 0; from < data.length; ) {
            ByteBuffer to = roomy();
            int end = to.limit();
            int taken = Math.min(data.length - from, to.capacity() - end);
            to.limit(end + taken).put(end, data, from, taken);
            from += taken;
            length += taken;
        }
    }

    /**
     * Offers what waits to the kernel in one call, at most 256 KiB of it.
     *
     * @param wire    the way to the socket
     * @param channel the socket
     * @return true if the kernel took all that it was offered
     * @throws IOException the connection is lost; the queue is as it was
     */
    public boolean writeTo(Wire wire, SocketChannel channel) throws IOException {
        int before = length;
        int offered;
        if (head == tail) {
            offered = head.bytes.remaining();
            length -= wire.write(channel, head.bytes);
        } else {
            int count = 0;
            offered = 0;
            for (Chunk chunk = head; chunk != null && count < ChunkPool.GATHERED; chunk = chunk.next) {
                pool.gather[count++] = chunk.bytes;
                offered += chunk.bytes.remaining();
            }
            length -= (int) wire.write(channel, pool.gather, count);
        }
        while (head != null && !head.bytes.hasRemaining()) {
            head = pool.give(head);
        }
        if (head == null) {
            tail = null;
        }
        return before - length == offered;
    }

    /**
     * Drops what waits and gives its chunks back.
     *
     * @return bytes dropped
     */
    public int clear() {
        int dropped = length;
        while (head != null) {
            head = pool.give(head);
        }
        tail = null;
        length = 0;
        return dropped;
    }

    /** The last chunk's buffer if it has room, else a new one's. */
    private ByteBuffer roomy() {
        if (tail == null) {
            head = tail = pool.take();
        } else if (tail.bytes.limit() == ChunkPool.CHUNK) {
            Chunk chunk = pool.take();
            tail.next = chunk;
            tail = chunk;
        }
        return tail.bytes;
    }

    /** Empty queues, lent to connections for as long as they have output waiting. Belongs to one thread. */
    public static final class Idle {
        private final ChunkPool pool;
        private OutboundQueue first;

        /**
         * Makes an empty list.
         *
         * @param pool for the queues to come
         */
        public Idle(ChunkPool pool) {
            this.pool = pool;
        }

        /**
         * Lends a queue.
         *
         * @return an empty one
         */
        public OutboundQueue take() {
            OutboundQueue queue = first;
            if (queue == null) {
                return new OutboundQueue(pool);
            }
            first = queue.nextIdle;
            queue.nextIdle = null;
            return queue;
        }

        /**
         * Takes a queue back.
         *
         * @param queue an empty one
         */
        public void give(OutboundQueue queue) {
            assert queue.length == 0 && queue.head == null : "a queue came back with bytes in it";
            queue.nextIdle = first;
            first = queue;
        }
    }
}
