package dev.sluice.internal;

import dev.sluice.internal.ChunkPool.Chunk;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/**
 * The direct memory of a server's chunks: it allocates them, and has those that the pools of the server's loops pass on. Any thread; the
 * chunks come and go in slabs, so that a pool seldom needs the lock.
 *
 * <p>Memory is allocated only while the depot is empty, for a pool that is empty, too. All chunks are then in use, or in the other pools, of
 * which each keeps two slabs at most. So a server allocates no more than the most that was ever in use at once, and {@value #KEPT} bytes for
 * each pool. It keeps that until it ends: memory given back would be left to the collector, and asking again could then mean
 * {@code System.gc()} on the loop.
 */
public final class ChunkDepot {

    /** Chunks of a slab. One allocation of 128 KiB is cheap to clear, and an idle server owns at most one. */
    static final int SLAB = 16;

    /** Bytes of free chunks that a pool keeps at most: two slabs, so that one that gives and takes by turns does not come here each time. */
    public static final int KEPT = 2 * SLAB * ChunkPool.CHUNK;

    /** The head of a slab of free chunks, or null; the head of the next slab is its {@link Chunk#last}. With the monitor. */
    private Chunk slabs;

    private final IntFunction<ByteBuffer> memory;
    private final AtomicInteger allocated = new AtomicInteger();

    /** Makes a depot that has allocated nothing. */
    public ChunkDepot() {
        this(ByteBuffer::allocateDirect);
    }

    /**
     * Makes a depot that has allocated nothing.
     *
     * @param memory allocates so many bytes, on any thread
     */
    public ChunkDepot(IntFunction<ByteBuffer> memory) {
        this.memory = memory;
    }

    /**
     * All chunks there are: in use, in pools, and here.
     *
     * @return bytes of direct memory
     */
    public long allocated() {
        return (long) allocated.get() * ChunkPool.CHUNK;
    }

    /**
     * Gives out a slab of chunks.
     *
     * @return the first of them, linked by {@link Chunk#next}
     * @throws OutOfMemoryError leaves the depot as it was
     */
    Chunk take() {
        synchronized (this) {
            Chunk slab = slabs;
            if (slab != null) {
                slabs = slab.last;
                return slab;
            }
        }
        return allocate(); // without the monitor: it may wait for the collector
    }

    /** Takes a slab of chunks back. Needs no memory. */
    synchronized void give(Chunk slab) {
        slab.last = slabs;
        slabs = slab;
    }

    private Chunk allocate() {
        ByteBuffer bytes = memory.apply(SLAB * ChunkPool.CHUNK);
        Chunk slab = null;
        for (int i = 0; i < SLAB; i++) {
            Chunk chunk = new Chunk(bytes.slice(i * ChunkPool.CHUNK, ChunkPool.CHUNK).limit(0));
            chunk.next = slab;
            slab = chunk;
        }
        allocated.addAndGet(SLAB);
        return slab;
    }
}
