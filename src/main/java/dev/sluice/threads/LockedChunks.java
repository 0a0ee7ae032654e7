package dev.sluice.threads;

import dev.sluice.internal.ChunkPool;
import java.util.concurrent.locks.ReentrantLock;

/** Chunks for many threads; how many are out is known without the lock, as every write asks. */
final class LockedChunks extends ChunkPool {

    private final ReentrantLock lock = new ReentrantLock();

    /** Written with the lock. */
    private volatile long used;

    @Override
    public long used() {
        return used;
    }

    @Override
    public Chunk take() {
        lock.lock();
        try {
            return super.take();
        } finally {
            used = super.used();
            lock.unlock();
        }
    }

    @Override
    public Chunk give(Chunk chunk) {
        lock.lock();
        try {
            return super.give(chunk);
        } finally {
            used = super.used();
            lock.unlock();
        }
    }
}
