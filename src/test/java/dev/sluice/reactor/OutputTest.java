package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.Seed;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The output of a connection, through a socket that takes as little as the test says. */
class OutputTest {

    private final Loop loop = new Loop();
    private final ScriptedSocketIo wire = new ScriptedSocketIo();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    /** A connection whose handler does this at the first byte that it reads. */
    private Loop.Client connection(ServerOptions.Builder options, Handler handler) throws IOException {
        loop.serve(options, wire, connection -> handler);
        return loop.connect();
    }

    private static Handler atFirstByte(Handler action) {
        return (self, in) -> {
            in.position(in.limit());
            action.onRead(self, in);
        };
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    @Test
    void aHundredSmallWritesLeaveInOneCall() throws IOException {
        Loop.Client client = connection(ServerOptions.builder(), atFirstByte((self, in) -> {
            for (int i = 0; i < 100; i++) {
                assertTrue(self.write(ByteBuffer.wrap(new byte[] {(byte) i, (byte) i})));
            }
        }));
        client.send("x");
        loop.settle();
        assertEquals(1, wire.writeCalls);
        assertEquals(200, wire.written.size());
    }

    @Test
    void tenThousandTinyWritesKeepTheirOrderInFewCalls() throws IOException {
        byte[] all = random(100_000);
        Loop.Client client = connection(ServerOptions.builder(), atFirstByte((self, in) -> {
            for (int i = 0; i < all.length; i += 10) {
                self.write(ByteBuffer.wrap(all, i, 10));
            }
        }));
        client.send("x");
        loop.settle();
        assertTrue(wire.writeCalls <= 20, wire.writeCalls + " calls");
        assertArrayEquals(all, wire.written.toByteArray());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 63, 64, 65, 999, 8191, 8192, 8193})
    void shortWritesOfEveryLengthLoseNothing(int length) throws IOException {
        byte[] all = random(20_000);
        wire.taking = () -> length;
        Loop.Client client = connection(ServerOptions.builder(), atFirstByte((self, in) -> self.write(ByteBuffer.wrap(all))));
        client.send("x");
        loop.until(() -> wire.written.size() == all.length, "all of it");
        assertArrayEquals(all, wire.written.toByteArray());
    }

    @Test
    void aWireThatTakesNothingIsAskedAgainOnlyWhenItIsReady() throws IOException {
        wire.takes.add(0);
        wire.takes.add(0);
        Loop.Client client = connection(
                ServerOptions.builder(), atFirstByte((self, in) -> self.write(ByteBuffer.wrap(random(100)))));
        client.send("x");
        loop.until(() -> wire.written.size() == 100, "all of it"); // the real socket is always ready
        assertEquals(3, wire.writeCalls);
        assertEquals(2, loop.server.stats().get(ServerStats.Counter.INTEREST_CHANGES), "OP_WRITE on, and off again");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 5})
    void anErrorAtAnyWriteLosesTheConnectionAndCountsTheRest(int before) throws IOException {
        for (int i = 0; i < before; i++) {
            wire.takes.add(10);
        }
        wire.takes.add(-1);
        Loop.Client client = connection(
                ServerOptions.builder(), atFirstByte((self, in) -> self.write(ByteBuffer.wrap(random(100)))));
        client.send("x");
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.RESET, reason.kind());
        assertEquals(100 - 10 * before, reason.unsent());
        assertEquals(100 - 10 * before, loop.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
    }

    @Test
    void afterAFailedWriteTheEndOfInputIsNoEnd() throws IOException {
        wire.takes.add(-1);
        wire.reads.add(new byte[] {'x'});
        wire.reads.add(new byte[0]);
        Loop.Client client =
                connection(ServerOptions.builder(), atFirstByte((self, in) -> self.write(ByteBuffer.wrap(random(9)))));
        client.send("xx");
        assertEquals(Kind.RESET, client.awaitClose().kind());
        assertEquals("orc", client.recorder.callbacks());
    }

    @Test
    void anErrorAtAReadLosesTheConnection() throws IOException {
        wire.readsFail = true;
        Loop.Client client = connection(ServerOptions.builder(), (self, in) -> {});
        client.send("x");
        assertEquals(Kind.RESET, client.awaitClose().kind());
        assertEquals("oc", client.recorder.callbacks());
    }

    @Test
    void emptyWritesDoNothing() throws IOException {
        Loop.Client client = connection(ServerOptions.builder(), atFirstByte((self, in) -> {
            for (int i = 0; i < 100; i++) {
                assertTrue(self.write(ByteBuffer.allocate(0)));
            }
        }));
        client.send("x");
        loop.settle();
        assertEquals(0, wire.writeCalls);
        assertEquals(0, loop.server.stats().get(ServerStats.Counter.INTEREST_CHANGES));
    }

    @Test
    void aLargeDirectBufferGoesStraightToTheSocket() throws IOException {
        ByteBuffer large = ByteBuffer.allocateDirect(100_000);
        Loop.Client client = connection(ServerOptions.builder(), atFirstByte((self, in) -> self.write(large)));
        client.send("x");
        loop.settle();
        assertSame(large, wire.single.get(0));
        assertEquals(1, wire.writeCalls);
    }

    @Test
    void aLargeDirectBufferBehindOtherBytesKeepsItsPlace() throws IOException {
        byte[] all = random(50_000);
        ByteBuffer large = ByteBuffer.allocateDirect(49_990).put(all, 10, 49_990).flip();
        Loop.Client client = connection(ServerOptions.builder(), atFirstByte((self, in) -> {
            self.write(ByteBuffer.wrap(all, 0, 10));
            self.write(large);
            assertFalse(large.hasRemaining());
        }));
        client.send("x");
        loop.settle();
        assertArrayEquals(all, wire.written.toByteArray());
    }

    @Test
    void oneWriteAboveTheLimitClosesTheConnection() throws IOException {
        boolean[] accepted = {true};
        Loop.Client client = connection(ServerOptions.builder().maxPending(100_000), atFirstByte((self, in) -> {
            accepted[0] = self.write(ByteBuffer.allocateDirect(100_001));
            assertFalse(self.isOpen());
        }));
        client.send("x");
        assertEquals(new CloseReason(Kind.QUEUE_LIMIT, null, 0), client.awaitClose());
        assertFalse(accepted[0]);
        assertEquals(100_001, loop.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
        assertEquals("orc", client.recorder.callbacks());
    }

    @Test
    void bytesThatFillTheQueueAreLostWithItAndCounted() throws IOException {
        wire.taking = () -> 0;
        Loop.Client client = connection(ServerOptions.builder().maxPending(100_000), atFirstByte((self, in) -> {
            while (self.isOpen()) {
                self.write(ByteBuffer.allocate(30_000));
            }
        }));
        client.send("x");
        assertEquals(new CloseReason(Kind.QUEUE_LIMIT, null, 90_000), client.awaitClose());
        assertEquals(120_000, loop.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
        assertTrue(wire.reset, "the peer must not take a part for the whole");
    }

    @Test
    void afterTheEndBytesAreDiscardedAndCounted() throws IOException {
        Loop.Client client = connection(ServerOptions.builder(), atFirstByte((self, in) -> {
            self.write(ByteBuffer.wrap(random(10)));
            self.close();
            ByteBuffer late = ByteBuffer.allocate(5);
            assertFalse(self.write(late));
            assertFalse(late.hasRemaining());
        }));
        client.send("x");
        loop.settle();
        assertEquals(10, wire.written.size());
        assertTrue(wire.ended);
        assertEquals(5, loop.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
        client.channel.close();
        client.awaitClose();
    }

    @Test
    void handlerThatAlwaysWritesOnNeitherRecursesNorStarvesTheOthers() throws IOException {
        long[] depth = {0, 0};
        loop.serve(ServerOptions.builder().highWater(1000).lowWater(10), wire, connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                if (in.get() == 'w') {
                    self.write(ByteBuffer.allocate(2000));
                }
                in.position(in.limit());
            }

            @Override
            public void onWritable(Connection self) {
                depth[0]++;
                depth[1] = Math.max(depth[1], StackWalker.getInstance().walk(frames -> frames.count()));
                if (depth[0] < 100_000) {
                    self.write(ByteBuffer.allocate(2000));
                }
            }
        });
        Loop.Client greedy = loop.connect().send("w");
        long once = 200;
        loop.until(() -> depth[0] > 10, "a start");
        Loop.Client other = loop.connect();
        other.send("x");
        loop.until(() -> other.recorder.callbacks().equals("or"), "the other's read");
        assertTrue(depth[0] < 100_000, "long before the greedy one is done");
        loop.until(() -> depth[0] == 100_000, "all of it");
        assertTrue(depth[1] < once, "stack depth " + depth[1]);
        assertNotEquals(0, greedy.recorder.callbacks().length());
    }

    /** It costs no memory, so that no limit of memory ever says stop. */
    @Test
    void handlerThatWritesOnWhileThePeerTakesAllIsToldToWait() throws IOException {
        long total = 32 << 20;
        long most = 8 << 20; // in one callback
        long[] count = new long[2];
        ByteBuffer direct = ByteBuffer.allocateDirect(64 << 10);
        loop.serve(ServerOptions.builder(), wire, connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                if (in.get() == 'w') {
                    fill(self);
                }
                in.position(in.limit());
            }

            @Override
            public void onWritable(Connection self) {
                fill(self);
            }

            private void fill(Connection self) {
                long before = count[0];
                boolean more = true;
                while (more && count[0] < total) {
                    count[0] += direct.clear().remaining();
                    more = self.write(direct);
                }
                count[1] = Math.max(count[1], count[0] - before);
            }
        });
        Loop.Client greedy = loop.connect();
        Loop.Client other = loop.connect();
        greedy.send("w");
        loop.until(() -> count[0] > 0, "a start");
        assertTrue(count[1] <= most, count[1] + " bytes in one callback");
        other.send("x");
        loop.until(() -> other.recorder.callbacks().equals("or"), "the other's read");
        loop.until(() -> wire.written.size() == total, "all of it");
        assertTrue(count[1] <= most, count[1] + " bytes in one callback");
        assertEquals(0, greedy.recorder.connection.pending());
    }

    @Test
    void aMillionRandomWritesArriveWholeAndInOrder() throws IOException {
        Random random = new Random(Seed.VALUE);
        wire.taking = () -> {
            int n = random.nextInt(40_000) - 4_000;
            return Math.max(0, n);
        };
        CRC32 sent = new CRC32();
        byte[] data = new byte[1 << 16];
        random.nextBytes(data);
        ByteBuffer direct = ByteBuffer.allocateDirect(data.length).put(data).flip();
        long[] count = new long[2];
        Loop.Client client = connection(ServerOptions.builder(), new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                fill(self);
            }

            @Override
            public void onWritable(Connection self) {
                fill(self);
            }

            private void fill(Connection self) {
                boolean more = true;
                while (more && count[0] < 1_000_000) {
                    int length = random.nextInt(1000) == 0 ? random.nextInt(20_000) : random.nextInt(100);
                    int from = random.nextInt(data.length - length);
                    sent.update(data, from, length);
                    count[0]++;
                    count[1] += length;
                    more = self.write(random.nextBoolean() ? ByteBuffer.wrap(data, from, length) : direct.slice(from, length));
                }
            }
        });
        client.send("x");
        CRC32 received = new CRC32();
        long[] got = new long[1];
        loop.until(() -> {
            received.update(wire.written.toByteArray());
            got[0] += wire.written.size();
            wire.written.reset();
            return count[0] == 1_000_000 && got[0] == count[1];
        }, "all " + count[1] + " bytes");
        assertEquals(sent.getValue(), received.getValue());
    }

    @Test
    void waterMarksAlternateAndStopReading() throws IOException {
        wire.taking = () -> 0;
        List<String> events = new ArrayList<>();
        Loop.Client client = connection(ServerOptions.builder().highWater(1000).lowWater(500), new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                events.add("read");
                events.add("1000: " + self.write(ByteBuffer.allocate(1000)));
                events.add("1001: " + self.write(ByteBuffer.allocate(1)));
            }

            @Override
            public void onWritable(Connection self) {
                events.add("writable at " + self.pending());
            }
        });
        client.send("x");
        loop.until(() -> events.size() == 3, "the first read");
        client.send("y"); // must wait in the kernel
        for (int i = 0; i < 20; i++) {
            loop.turn();
        }
        assertEquals(List.of("read", "1000: true", "1001: false"), events);
        wire.taking = () -> wire.written.size() < 500 ? 100 : 0;
        for (int i = 0; i < 20; i++) {
            loop.turn();
        }
        assertEquals(501, client.recorder.connection.pending());
        assertEquals(3, events.size(), "one byte above the low mark");
        wire.taking = () -> wire.written.size() < 501 ? 1 : 0;
        for (int i = 0; i < 20; i++) {
            loop.turn();
        }
        assertEquals("writable at 500", events.get(3));
        loop.until(() -> events.size() == 7, "the second read");
        assertEquals(List.of("read", "1000: false", "1001: false"), events.subList(4, 7));
        wire.taking = null;
        loop.until(() -> events.size() == 8, "the second word to go on");
        assertEquals("orwrw", client.recorder.callbacks());
    }
}
