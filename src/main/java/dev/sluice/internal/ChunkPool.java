package dev.sluice.internal;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A pool of the chunks of direct memory that outbound queues are made of. Belongs to one thread, unless a lock is put around it. It keeps
 * a few free chunks, {@link ChunkDepot#KEPT} bytes at most. The rest goes to the depot of its server, where the pool also finds what it
 * lacks.
 */
public class ChunkPool {

    /** Bytes of a chunk; sizes from 4 to 64 KiB measured the same, so the one that wastes little on a short queue. */
    public static final int CHUNK = 8 << 10;

    /** Chunks that one gathering write takes: 256 KiB keeps the turn fair, and is far below the kernel's 1024 vectors. */
    static final int GATHERED = 32;

    /** Scratch for gathering writes; holds chunks only, which live as long as the server. */
    final ByteBuffer[] gather = new ByteBuffer[GATHERED];

    private final ChunkDepot depot;

    /** Up to a slab of free chunks. */
    private Chunk free;

    private int count;

    /** A whole slab of free chunks, or null. */
    private Chunk spare;

    /** Chunks given out. Written by the owner, without a fence: other threads may see it late. */
    private final AtomicInteger used = new AtomicInteger();

    /** A piece of a queue: the bytes between position and limit of its buffer are waiting. */
    public static final class Chunk {
        final ByteBuffer bytes;
        Chunk next;

        /** The end of the queue that begins here: kept with its head, so that a queue is one reference, and an empty one null. */
        Chunk last;

        /** Tasks that wait until bytes of this chunk have left, in their order; or null. */
        private ArrayDeque<Mark> marks;

        /** A task for when the bytes up to a position have left. */
        private record Mark(int end, Runnable task) {}

        Chunk(ByteBuffer bytes) {
            this.bytes = bytes;
        }

        /**
         * The memory.
         *
         * @return a direct buffer of {@link #CHUNK} bytes
         */
        public ByteBuffer bytes() {
            return bytes;
        }

        /** Has a task run once the bytes that are here now have left. */
        void mark(Runnable task) {
            marks = marks == null ? new ArrayDeque<>() : marks;
            marks.add(new Mark(bytes.limit(), task));
        }

        /** Whether all bytes have left. Runs the tasks of those that have. */
        boolean hasLeft() {
            while (marks != null && !marks.isEmpty() && marks.peek().end() <= bytes.position()) {
                marks.peek().task().run();
                marks.poll(); // now: it may have found no memory
            }
            return !bytes.hasRemaining();
        }
    }

    /**
     * Makes an empty pool.
     *
     * @param depot its server's
     */
    public ChunkPool(ChunkDepot depot) {
        this.depot = depot;
    }

    /**
     * Any thread, which may see it a little late. Memory in queues.
     *
     * @return bytes, in whole chunks
     */
    public long used() {
        return (long) used.get() * CHUNK;
    }

    /**
     * Gives out an empty chunk.
     *
     * @return position and limit at zero
     * @throws OutOfMemoryError leaves the pool as it was
     */
    public Chunk take() {
        if (free == null) {
            refill();
        }
        Chunk chunk = free;
        free = chunk.next;
        count--;
        chunk.next = null;
        chunk.last = chunk;
        used.lazySet(used.getPlain() + 1);
        return chunk;
    }

    /**
     * Takes a chunk back.
     *
     * @param chunk of this pool, the head of its queue
     * @return the one that followed it, now the head, or null
     */
    public Chunk give(Chunk chunk) {
        Chunk next = chunk.next;
        if (next != null) {
            next.last = chunk.last;
        }
        chunk.bytes.clear().limit(0);
        chunk.marks = null;
        if (count == ChunkDepot.SLAB) {
            passOn();
        }
        chunk.next = free;
        free = chunk;
        count++;
        used.lazySet(used.getPlain() - 1);
        assert used.getPlain() >= 0 : "a chunk came back twice";
        return next;
    }

    private void refill() {
        free = spare != null ? spare : depot.take();
        spare = null;
        count = ChunkDepot.SLAB;
    }

    /** Makes room for free chunks. */
    private void passOn() {
        if (spare != null) {
            depot.give(spare);
        }
        spare = free;
        free = null;
        count = 0;
    }
}
