package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.ServerStats.Counter;
import dev.sluice.harness.Seed;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The bytes of a write that blocks, and those that others add meanwhile. */
class BlockingWriteTest {

    private final ByteArrayOutputStream taken = new ByteArrayOutputStream();
    private final Counters counters = new Counters(Counter.class);
    private final ChunkPool chunks = new ChunkPool(new ChunkDepot());
    private int most = Integer.MAX_VALUE;

    /** Takes what it may, and remembers it. */
    private final SocketIo wire = new SocketIo() {
        @Override
        public int write(SocketChannel channel, ByteBuffer from) {
            int count = Math.min(most, from.remaining());
            for (int i = 0; i < count; i++) {
                taken.write(from.get());
            }
            return count;
        }

        @Override
        public long write(SocketChannel channel, ByteBuffer[] from, int count) {
            int left = most;
            int all = 0;
            for (int i = 0; i < count && left > 0; i++) {
                int before = most;
                most = left;
                int each = write(channel, from[i]);
                most = before;
                left -= each;
                all += each;
            }
            return all;
        }
    };

    private final Outlet outlet = new Outlet(wire, chunks, counters);
    private final OutboundQueue queue = new OutboundQueue(outlet);
    private final BlockingWrite inFlight = new BlockingWrite(queue, outlet);

    private static byte[] random(Random random, int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    @Test
    void bytesAddedBeforeDuringAndAfterAWriteLeaveInOrder() throws IOException {
        Random random = new Random(Seed.VALUE);
        ByteArrayOutputStream added = new ByteArrayOutputStream();
        for (int step = 0; step < 20_000; step++) {
            add(random, added);
            if (inFlight.take(step)) {
                if (random.nextBoolean()) {
                    add(random, added); // while the call blocks
                }
                most = random.nextInt(20_000);
                int bytes = inFlight.write(null);
                assertTrue(bytes <= 16 << 10, "a slice");
                inFlight.wrote(bytes, step);
            }
            assertEquals(added.size() - taken.size(), queue.length());
        }
        most = Integer.MAX_VALUE;
        while (inFlight.take(0)) {
            inFlight.wrote(inFlight.write(null), 0);
        }
        assertArrayEquals(added.toByteArray(), taken.toByteArray());
        assertEquals(0, chunks.used());
        assertEquals(0, queue.length());
        assertEquals(added.size(), counters.get(Counter.BYTES_WRITTEN));
    }

    private void add(Random random, ByteArrayOutputStream added) {
        byte[] bytes = random(random, random.nextInt(random.nextInt(10) == 0 ? 30_000 : 300));
        queue.add(ByteBuffer.wrap(bytes));
        added.writeBytes(bytes);
    }

    @Test
    void clearedQueueKeepsWhatIsBeingWritten() throws IOException {
        queue.add(ByteBuffer.allocate(40_000));
        assertTrue(inFlight.take(0));
        assertEquals(40_000 - 16_384, queue.clear());
        assertEquals(16_384, queue.length());
        assertEquals(2 * ChunkPool.CHUNK, chunks.used());
        most = 10_000;
        inFlight.wrote(inFlight.write(null), 0);
        assertEquals(6_384, inFlight.drop());
        assertEquals(0, queue.length());
        assertEquals(0, chunks.used());
        assertEquals(30_000, counters.get(Counter.BYTES_DISCARDED));
        assertEquals(10_000, counters.get(Counter.BYTES_WRITTEN));
        assertFalse(inFlight.take(0));
        assertEquals(0, inFlight.drop());
    }

    @Test
    void waitForTheKernelIsCountedFromTheCallOn() throws IOException {
        queue.add(ByteBuffer.allocate(20_000));
        assertFalse(queue.fellShort());
        inFlight.take(5);
        assertTrue(queue.fellShort());
        assertEquals(5, queue.sinceNs());
        most = 0;
        inFlight.wrote(inFlight.write(null), 9);
        assertTrue(queue.fellShort());
        assertEquals(5, queue.sinceNs(), "nothing was taken");
        most = 100;
        inFlight.take(10);
        inFlight.wrote(inFlight.write(null), 12);
        assertEquals(12, queue.sinceNs());
        most = Integer.MAX_VALUE;
        while (inFlight.take(20)) {
            inFlight.wrote(inFlight.write(null), 21);
        }
        assertFalse(queue.fellShort());
    }
}
