package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Seed;
import dev.sluice.internal.ChunkPool.Chunk;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The pools of a server's loops, and the depot that they share. */
class ChunkPoolTest {

    private static final int LOOPS = 8;
    private static final long KEPT_BY_ALL = LOOPS * (long) ChunkDepot.KEPT;

    private final ChunkDepot depot = new ChunkDepot();
    private final List<ChunkPool> pools = Stream.generate(() -> new ChunkPool(depot)).limit(LOOPS).toList();

    private static List<Chunk> take(ChunkPool pool, int count) {
        return IntStream.range(0, count).mapToObj(i -> pool.take()).toList();
    }

    private static long bytes(int chunks) {
        return (long) chunks * ChunkPool.CHUNK;
    }

    @Test
    void shouldHaveNothingBeforeTheFirstChunkAndASlabThen() {
        assertEquals(0, depot.allocated());
        Chunk first = pools.get(0).take();
        assertEquals(bytes(ChunkDepot.SLAB), depot.allocated());
        assertEquals(bytes(1), pools.get(0).used());
        pools.get(0).give(first);
        assertEquals(0, pools.get(0).used());
    }

    @Test
    void shouldLeaveAPeakToTheOthers() {
        for (ChunkPool pool : pools) {
            take(pool, 1_000).forEach(pool::give);
        }
        assertTrue(depot.allocated() <= bytes(1_000) + KEPT_BY_ALL, depot.allocated() + " bytes");
    }

    @Test
    void shouldKeepAFewChunksForItself() {
        for (int i = 0; i < 100; i++) {
            take(pools.get(0), i % ChunkDepot.SLAB).forEach(pools.get(0)::give);
        }
        take(pools.get(1), 1);
        assertEquals(bytes(2 * ChunkDepot.SLAB), depot.allocated(), "the other loop's memory is its own");
        take(pools.get(0), ChunkDepot.SLAB);
        assertEquals(bytes(2 * ChunkDepot.SLAB), depot.allocated());
    }

    @Test
    void shouldBoundWhatIsAllocatedByTheMostInUseTogether() {
        Random random = new Random(Seed.VALUE);
        List<List<Chunk>> taken = Stream.generate(() -> (List<Chunk>) new ArrayList<Chunk>()).limit(LOOPS).toList();
        int used = 0;
        int peak = 0;
        for (int i = 0; i < 20_000; i++) {
            int loop = random.nextInt(LOOPS);
            List<Chunk> own = taken.get(loop);
            if (random.nextBoolean()) {
                own.addAll(take(pools.get(loop), random.nextInt(50)));
            } else { // now and then all
                List<Chunk> back = own.subList(0, random.nextInt(10) == 0 ? own.size() : random.nextInt(own.size() + 1));
                back.forEach(pools.get(loop)::give);
                back.clear();
            }
            used = taken.stream().mapToInt(List::size).sum();
            peak = Math.max(peak, used);
            assertEquals(bytes(used), pools.stream().mapToLong(ChunkPool::used).sum());
            assertTrue(depot.allocated() <= bytes(peak) + KEPT_BY_ALL, depot.allocated() + " bytes, " + peak + " chunks at most");
        }
        Set<Chunk> different = Collections.newSetFromMap(new IdentityHashMap<>());
        taken.forEach(different::addAll);
        assertEquals(used, different.size());
    }

    /** Each loop on a thread of its own. A chunk carries its user's number, which must be there until it gives the chunk back. */
    @Test
    @Timeout(60)
    void shouldNeverLendAChunkTwice() throws Exception {
        AtomicInteger used = new AtomicInteger();
        AtomicInteger peak = new AtomicInteger();
        ExecutorService threads = Executors.newFixedThreadPool(LOOPS);
        List<Callable<Void>> loops = IntStream.range(0, LOOPS).mapToObj(loop -> (Callable<Void>) () -> {
            ChunkPool pool = pools.get(loop);
            Random random = new Random(Seed.VALUE + loop);
            for (int i = 0; i < 2_000; i++) {
                int count = random.nextInt(200);
                peak.accumulateAndGet(used.addAndGet(count), Math::max); // before they are taken, so never too little
                List<Chunk> taken = take(pool, count);
                taken.forEach(chunk -> chunk.bytes().clear().putInt(0, loop));
                for (Chunk chunk : taken) {
                    assertEquals(loop, chunk.bytes().getInt(0));
                    pool.give(chunk);
                }
                used.addAndGet(-count);
            }
            return null;
        }).toList();
        try {
            for (Future<Void> loop : threads.invokeAll(loops)) {
                loop.get();
            }
        } finally {
            threads.shutdown();
            assertTrue(threads.awaitTermination(10, TimeUnit.SECONDS));
        }
        assertTrue(depot.allocated() <= bytes(peak.get()) + KEPT_BY_ALL, depot.allocated() + " bytes, " + peak + " chunks at most");
    }

    @Test
    void shouldBeAsBeforeIfThereIsNoMemory() {
        OutOfMemoryError none = new OutOfMemoryError("by the test");
        AtomicInteger calls = new AtomicInteger();
        ChunkDepot shortOne = new ChunkDepot(bytes -> {
            if (calls.incrementAndGet() == 2) {
                throw none;
            }
            return ByteBuffer.allocate(bytes);
        });
        ChunkPool pool = new ChunkPool(shortOne);
        List<Chunk> taken = new ArrayList<>(take(pool, ChunkDepot.SLAB));
        assertEquals(none, assertThrows(OutOfMemoryError.class, pool::take));
        assertEquals(bytes(ChunkDepot.SLAB), pool.used());
        assertEquals(bytes(ChunkDepot.SLAB), shortOne.allocated());
        pool.give(taken.remove(0));
        taken.add(pool.take());
        assertEquals(2, calls.get());
        taken.add(pool.take());
        assertEquals(bytes(2 * ChunkDepot.SLAB), shortOne.allocated());
        taken.forEach(pool::give);
        assertEquals(0, pool.used());
    }
}
