package dev.sluice.threads;

import dev.sluice.internal.ChunkDepot;
import dev.sluice.internal.ChunkPool;

/** Chunks for many threads. */
final class LockedChunks extends ChunkPool {

    private final PatientLock lock = new PatientLock();

    LockedChunks() {
        super(new ChunkDepot());
    }

    @Override
    public Chunk take() {
        lock.lock();
        try {
            return super.take();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Chunk give(Chunk chunk) {
        lock.lock();
        try {
            return super.give(chunk);
        } finally {
            lock.unlock();
        }
    }
}
