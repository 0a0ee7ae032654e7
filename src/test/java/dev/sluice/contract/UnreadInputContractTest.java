package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bytes that a handler leaves unread are offered again, in front of the next ones, and once more at the end. */
class UnreadInputContractTest extends EngineContract {

    /** Notes in which byte order it finds its buffer, and leaves it in the other one. */
    private static Handler spoiling(List<ByteOrder> found, int atLeast) {
        return (self, in) -> {
            found.add(in.order());
            in.order(ByteOrder.LITTLE_ENDIAN);
            if (in.remaining() >= atLeast) {
                self.write(text("x"));
                in.position(in.limit());
            }
        };
    }

    @Test
    void unreadInputComesBackInFrontOfTheNext() throws Exception {
        Client client = serve((self, in) -> {
            if (in.remaining() >= 5) {
                self.write(in);
            }
        }).connect();
        client.send("ab");
        rig.await(() -> client.recorder.callbacks().endsWith("r"), "the first bytes");
        client.send("cd");
        rig.await(() -> client.recorder.callbacks().endsWith("rr"), "the next");
        assertEquals("abcde", client.send("e").receive(5));
    }

    @Test
    void longMessageByteByByteIsNotRescanned() throws Exception {
        AtomicLong offered = new AtomicLong();
        int length = 30_000;
        Client client = serve((self, in) -> {
            offered.set(in.remaining());
            if (in.remaining() == length) {
                self.write(in);
            }
        }).connect();
        byte[] message = new byte[length];
        Arrays.fill(message, (byte) 'm');
        for (int i = 0; i < length; i++) {
            client.out.write(message, i, 1);
        }
        assertArrayEquals(message, client.in.readNBytes(length));
        assertEquals(length, offered.get());
    }

    @Test
    void remainderIsOfferedOnceMoreAtTheEnd() throws Exception {
        StringBuffer seen = new StringBuffer();
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                seen.append('<').append(in.remaining()).append('>');
            }

            @Override
            public void onEof(Connection self) {
                seen.append("eof");
                self.close();
            }
        }).connect();
        client.send("abc");
        rig.await(() -> seen.toString().equals("<3>"), "the first offer");
        client.socket.shutdownOutput();
        client.awaitClose();
        assertEquals("<3><3>eof", seen.toString());
    }

    @Test
    void endWaitsForAHandlerThatPausesAtTheLastOffer() throws Exception {
        assumeTrue(Rig.COUNTS_INPUT, "the peer\'s end looks like input, and one offer less comes before it");
        StringBuffer seen = new StringBuffer();
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                seen.append('<').append(in.remaining()).append('>');
                if (seen.toString().equals("<3><3>")) {
                    self.pauseReading();
                } else if (seen.toString().equals("<3><3><3>")) {
                    in.position(in.limit());
                }
            }

            @Override
            public void onEof(Connection self) {
                seen.append("eof");
                self.close();
            }
        }).connect();
        client.send("abc");
        rig.await(() -> seen.toString().equals("<3>"), "the first offer");
        client.socket.shutdownOutput();
        rig.await(() -> seen.toString().equals("<3><3>"), "the last offer");
        client.connection().execute(() -> client.connection().resumeReading());
        assertEquals(Kind.PEER, client.awaitClose().kind());
        assertEquals("<3><3><3>eof", seen.toString());
    }

    @Test
    void writeAtTheLastOfferLeavesThoughTheHandlerPauses() throws Exception {
        assumeTrue(Rig.COUNTS_INPUT, "the peer\'s end looks like input, and one offer less comes before it");
        AtomicInteger offers = new AtomicInteger();
        Client client = serve((self, in) -> {
            if (offers.incrementAndGet() == 2) {
                self.write(ByteBuffer.wrap(new byte[] {'x'}));
                self.pauseReading();
            } else if (offers.get() == 3) {
                in.position(in.limit());
            }
        }).connect();
        client.send("abc");
        rig.await(() -> offers.get() == 1, "the first offer");
        client.socket.shutdownOutput();
        assertEquals("x", client.receive(1));
        client.connection().execute(() -> client.connection().resumeReading());
        assertEquals(Kind.PEER, client.awaitClose().kind());
        assertEquals(3, offers.get());
    }

    @Test
    void messageThatNeverEndsIsBounded() throws Exception {
        Client client = serve(ServerOptions.builder().maxRemainder(64 << 10), connection -> (self, in) -> {}).connect();
        client.sendUntilStuck();
        assertEquals(Kind.PROTOCOL, client.awaitClose().kind());
    }

    @Test
    void longRemainderIsOfferedAsItWasWhenThePeerEndsItsSide() throws Exception {
        byte[] sent = new byte[40_000]; // behind it there is room in the memory that it is kept in
        new java.util.Random(1).nextBytes(sent);
        List<byte[]> offered = new CopyOnWriteArrayList<>();
        Client client = serve((self, in) -> {
            byte[] all = new byte[in.remaining()];
            in.duplicate().get(all); // and leaves it
            offered.add(all);
        }).connect();
        client.out.write(sent);
        rig.await(() -> !offered.isEmpty() && offered.get(offered.size() - 1).length == sent.length, "all of it");
        int before = offered.size();
        client.socket.shutdownOutput();
        client.awaitClose();
        assertEquals(before + 1, offered.size());
        org.junit.jupiter.api.Assertions.assertArrayEquals(sent, offered.get(before));
    }

    @Test
    void unreadInputComesBackInNetworkOrder() throws Exception {
        int length = 20_000; // a long remainder is kept, and lent, in memory of its own
        List<ByteOrder> found = new CopyOnWriteArrayList<>();
        Client client = serve(spoiling(found, length)).connect();
        for (int sent = 0; sent < length; sent += 1_000) {
            int offers = found.size();
            client.out.write(new byte[1_000]);
            rig.await(() -> found.size() > offers, "an offer of it");
        }
        assertEquals("x", client.receive(1));
        assertEquals(Collections.nCopies(found.size(), ByteOrder.BIG_ENDIAN), found);
    }

    @Test
    void resumedReadingOffersWhatWasLeftWithoutNewBytes() throws Exception {
        AtomicInteger offers = new AtomicInteger();
        Client client = serve((self, in) -> {
            if (offers.getAndIncrement() == 0) {
                self.pauseReading();
                self.execute(self::resumeReading);
            } else {
                self.write(in);
            }
        }).connect();
        assertEquals("whole", client.send("whole").receive(5));
        assertEquals(2, offers.get());
    }

    /** As one who limits a rate does: every call pauses, and a frame comes in two pieces. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void handlerThatPausesAtEachCallGetsTheRestOfAPartialFrame(boolean within) throws Exception {
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        AtomicInteger calls = new AtomicInteger();
        Client client = serve((self, in) -> {
            calls.incrementAndGet();
            self.pauseReading();
            while (in.remaining() >= 10) {
                byte[] frame = new byte[10];
                in.get(frame);
                seen.add(new String(frame, StandardCharsets.US_ASCII));
            }
            if (within) {
                self.resumeReading();
            } else {
                self.schedule(Duration.ofMillis(1), self::resumeReading);
            }
        }).connect();
        client.send("1234567890abc");
        rig.await(() -> seen.size() == 1 && calls.get() > (within ? 0 : 5), "the first, and offers of the rest");
        client.send("defghij");
        rig.await(() -> seen.size() == 2, "the second");
        assertEquals(List.of("1234567890", "abcdefghij"), seen);
        assertTrue(!within || calls.get() < 10, calls + " calls");
        client.socket.shutdownOutput();
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    /** The answer of offload is all that the handler looks at, and there is room again before its call returns. */
    @Test
    void comesBackToAHandlerThatStopsWhereWorkersHaveNoRoom() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve(ServerOptions.builder().offloadThreads(1).offloadQueue(2), connection -> (self, in) -> {
            boolean room = true;
            while (room && in.hasRemaining()) {
                byte next = in.get();
                room = self.offload(() -> {
                    gate.await();
                    return next;
                }, (answer, failure) -> self.write(ByteBuffer.wrap(new byte[] {answer})));
            }
            gate.countDown();
            rig.await(() -> {
                ServerStats stats = rig.server.stats();
                return stats.get(Counter.TASKS_DONE) == stats.get(Counter.TASKS_TAKEN);
            }, "room");
        }).connect();
        assertEquals("123456789", client.send("123456789").receive(9));
    }

    /** On threads, what another thread writes takes the handler's output along before its call returns. */
    @Test
    void comesBackToAHandlerThatStopsWhereItsOutputWaits() throws Exception {
        int much = 100_000;
        Client client = serve(ServerOptions.builder().highWater(much / 2).lowWater(0), connection -> (self, in) -> {
            boolean more = true;
            while (more && in.hasRemaining()) {
                in.get();
                more = self.write(ByteBuffer.allocate(much));
            }
            if (!engine.keepsToOneThread) {
                Rig.inBackground(() -> self.write(text("x"))).join();
                rig.await(() -> self.pending() == 0, "room");
            }
        }).connect();
        assertEquals(2 * much, client.send("??").receive(2 * much).length());
    }
}
