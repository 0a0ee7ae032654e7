package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.ServerStats.Counter;
import dev.sluice.harness.Seed;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The queue against a sink that has room for so many bytes. */
class OutboundQueueTest {

    /** Takes as many bytes as it has room for. */
    private static final class Sink implements SocketIo {
        private final ByteArrayOutputStream taken = new ByteArrayOutputStream();
        private int room;
        private int calls;
        private boolean ended;
        private boolean broken;

        @Override
        public int write(SocketChannel channel, ByteBuffer from) throws IOException {
            return (int) write(channel, new ByteBuffer[] {from}, 1);
        }

        @Override
        public long write(SocketChannel channel, ByteBuffer[] from, int count) throws IOException {
            calls++;
            if (broken) {
                throw new IOException("broken");
            }
            int before = room;
            for (int i = 0; i < count; i++) {
                assertTrue(from[i].isDirect() && from[i].hasRemaining(), "only direct buffers with bytes in them");
                while (room > 0 && from[i].hasRemaining()) {
                    taken.write(from[i].get());
                    room--;
                }
            }
            return before - room;
        }

        @Override
        public void shutdownOutput(SocketChannel channel) {
            ended = true;
        }

        String text() {
            return taken.toString(StandardCharsets.US_ASCII);
        }
    }

    private final Sink sink = new Sink();
    private final ChunkPool pool = new ChunkPool(new ChunkDepot());
    private final Counters counters = new Counters(Counter.class);
    private final OutboundQueue queue = new OutboundQueue(new Outlet(sink, pool, counters));

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    private void flushWithRoomFor(int bytes, long nowNs) throws IOException {
        sink.room = bytes;
        queue.flush(null, nowNs);
    }

    @Test
    void shouldKeepWhatTheSinkHasNoRoomFor() throws IOException {
        queue.add(bytes("How now brown cow!"));
        flushWithRoomFor(10, 1);
        assertEquals("How now br", sink.text());
        assertTrue(queue.fellShort());
        assertEquals(8, queue.length());
        flushWithRoomFor(10, 2);
        assertEquals("How now brown cow!", sink.text());
        assertFalse(queue.fellShort());
        assertEquals(0, queue.length());
        assertEquals(0, pool.used());
        assertEquals(1, counters.get(Counter.SHORT_WRITES));
        assertEquals(2, counters.get(Counter.WRITES));
    }

    @Test
    void taskThatFindsNoMemoryLeavesTheBooksInOrderAndRunsLater() throws IOException {
        int[] ran = new int[1];
        boolean[] lack = {true};
        queue.add(bytes("How now brown cow!"));
        queue.whenWritten(() -> {
            if (lack[0]) {
                throw new OutOfMemoryError("by the test");
            }
            ran[0]++;
        });
        queue.add(bytes(" Brown"));
        assertThrows(OutOfMemoryError.class, () -> flushWithRoomFor(20, 1));
        assertEquals(4, queue.length());
        assertEquals(20, counters.get(Counter.BYTES_WRITTEN));
        lack[0] = false;
        flushWithRoomFor(20, 2);
        assertEquals("How now brown cow! Brown", sink.text());
        assertEquals(1, ran[0]);
        assertEquals(0, queue.length());
        assertEquals(0, pool.used());
    }

    @Test
    void queueClosesOnce() {
        assertEquals(7, queue.announce(7, 100));
        assertEquals(7, queue.close());
        assertEquals(0, queue.close());
        assertTrue(queue.announce(1, 100) < 0);
    }

    @Test
    void shouldNotCallTheSinkWithNothing() throws IOException {
        queue.add(bytes(""));
        flushWithRoomFor(10, 1);
        assertEquals(0, sink.calls);
    }

    @Test
    void shouldGatherManySmallWritesIntoOneCall() throws IOException {
        for (int i = 0; i < 5_000; i++) {
            queue.add(bytes("0123456789"));
        }
        flushWithRoomFor(50_000, 1);
        assertEquals(1, sink.calls);
        assertEquals(50_000, sink.taken.size());
    }

    @Test
    void shouldOfferNoMoreThan256KiBAtOnce() throws IOException {
        queue.add(ByteBuffer.allocate(1 << 20));
        flushWithRoomFor(1 << 20, 1);
        assertEquals(256 << 10, sink.taken.size());
        assertFalse(queue.fellShort(), "the kernel took all that it was offered");
        assertEquals(768 << 10, queue.length());
    }

    @Test
    void shouldTellSinceWhenNothingWasTaken() throws IOException {
        queue.add(bytes("abc"));
        flushWithRoomFor(1, 100);
        assertEquals(100, queue.sinceNs());
        flushWithRoomFor(0, 200);
        assertEquals(100, queue.sinceNs(), "a write that takes nothing is no progress");
        flushWithRoomFor(1, 300);
        assertEquals(300, queue.sinceNs(), "a write that takes a byte is");
    }

    @Test
    void shouldStartTheClockAnewWhenOutputWaitsAgain() throws IOException {
        queue.add(bytes("a"));
        flushWithRoomFor(0, 100);
        flushWithRoomFor(1, 200);
        queue.add(bytes("b"));
        flushWithRoomFor(0, 900);
        assertEquals(900, queue.sinceNs());
    }

    @Test
    void shouldKeepItsBytesWhenTheSinkBreaks() throws IOException {
        queue.add(bytes("abc"));
        sink.broken = true;
        assertThrows(IOException.class, () -> queue.flush(null, 1));
        assertEquals(3, queue.length());
        assertEquals(3, queue.clear());
        assertEquals(0, pool.used());
        assertEquals(3, counters.get(Counter.BYTES_DISCARDED));
    }

    @Test
    void shouldSendItsEndOnceAndOnlyAfterItsBytes() throws IOException {
        queue.add(bytes("abc"));
        assertFalse(queue.sendEnd(null, 1), "nobody asked for it");
        queue.end(0);
        assertFalse(queue.sendEnd(null, 1), "bytes wait");
        flushWithRoomFor(3, 2);
        assertTrue(queue.sendEnd(null, 3));
        assertTrue(sink.ended);
        assertTrue(queue.isEndSent());
        assertEquals(3, queue.sinceNs());
        assertFalse(queue.sendEnd(null, 4), "it is sent");
    }

    @Test
    void shouldCountAnnouncedBytesAgainstTheLimit() {
        assertEquals(6, queue.announce(6, 10));
        queue.add(bytes("abc"));
        assertEquals(10, queue.announce(1, 10));
        assertTrue(queue.announce(1, 10) > 10);
        assertTrue(queue.arrived(6));
        assertEquals(1, queue.announced());
        assertEquals(1, queue.close());
        assertTrue(queue.announce(1, 10) < 0);
        assertFalse(queue.arrived(1));
        queue.clear();
    }

    @Test
    void shouldNeverLoseOrReorderAByte() throws IOException {
        Random random = new Random(Seed.VALUE);
        ByteArrayOutputStream sent = new ByteArrayOutputStream();
        for (int i = 0; i < 20_000; i++) {
            byte[] data = new byte[random.nextInt(100) == 0 ? random.nextInt(40_000) : random.nextInt(300)];
            random.nextBytes(data);
            sent.write(data);
            queue.add(ByteBuffer.wrap(data));
            if (random.nextBoolean()) {
                flushWithRoomFor(random.nextInt(2_000), i);
            }
        }
        while (queue.length() > 0) {
            flushWithRoomFor(1 + random.nextInt(100_000), 0);
        }
        assertArrayEquals(sent.toByteArray(), sink.taken.toByteArray());
        assertEquals(0, pool.used());
        assertEquals(sent.size(), counters.get(Counter.BYTES_WRITTEN));
    }
}
