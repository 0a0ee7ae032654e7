package dev.sluice.threads;

import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.ChunkPool.Chunk;
import dev.sluice.internal.MemoryBudget;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The memory that the connections of a server on threads hold for input, beyond what each has paid for: unread input, what their reads may
 * turn into unread input, and large read buffers. Any thread.
 */
final class InputAccount {

    /**
     * Large read buffers take an eighth of the budget at most, and with what is reserved for what they read a quarter: a peer that has
     * stopped after much input keeps its buffer.
     */
    private static final int LARGE_SHARE = 8;

    private final MemoryBudget budget;
    private final ChunkPool chunks;
    private final int mostLarge;
    private final AtomicInteger large = new AtomicInteger();

    /** Beside the large buffers, which count as chunks in use. */
    private final AtomicLong bytes = new AtomicLong();

    InputAccount(MemoryBudget budget, ChunkPool chunks) {
        this.budget = budget;
        this.chunks = chunks;
        this.mostLarge = (int) Math.min(Integer.MAX_VALUE, budget.limit() / LARGE_SHARE / ChunkPool.CHUNK);
    }

    /** Bytes of unread input, and reserved for it. */
    long bytes() {
        return bytes.get();
    }

    /**
     * Takes more memory for a connection. However many ask at once, only the first of them makes memory short.
     *
     * @param more bytes
     * @param then what the connection holds with them
     * @return false while memory is short, unless the connection then holds little
     */
    boolean reserve(long more, long then) {
        while (true) {
            long before = bytes.get();
            if (budget.isShort() && then > budget.readMark()) {
                return false;
            }
            if (bytes.compareAndSet(before, before + more)) {
                return true;
            }
        }
    }

    /** So many bytes are held no more. */
    void release(long less) {
        long left = bytes.addAndGet(-less);
        assert left >= 0 : "more is released than was reserved";
    }

    /** Whether a connection may have a large buffer. */
    boolean isRoomForLarge() {
        return !budget.isShort();
    }

    /** A large buffer; null if there is none to be had: small ones do. */
    Chunk takeLarge() {
        if (!isRoomForLarge()) {
            return null;
        }
        Chunk chunk = null;
        if (large.incrementAndGet() <= mostLarge) {
            try {
                chunk = chunks.take();
            } catch (VirtualMachineError e) {
                // as above
            }
        }
        if (chunk == null) {
            large.decrementAndGet();
        }
        return chunk;
    }

    void giveLarge(Chunk chunk) {
        chunks.give(chunk);
        large.decrementAndGet();
    }
}
