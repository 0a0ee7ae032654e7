package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The memory budget on one loop: many connections that each hold as much as one may. */
class MemoryTest {

    private static final int BUDGET = 1 << 20;
    private static final int SHORT = BUDGET / 4 * 3;
    private static final ServerOptions.Builder OPTIONS = ServerOptions.builder().maxMemory(BUDGET).idleTimeout(Duration.ZERO).writeTimeout(Duration.ofSeconds(30));

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    /** Answers each line with its length, and leaves an unfinished one unread. */
    private static Handler lines() {
        return (self, in) -> {
            for (int i = in.position(); i < in.limit(); i++) {
                if (in.get(i) == '\n') {
                    self.write(ByteBuffer.wrap((i - in.position() + "\n").getBytes()));
                    in.position(i + 1);
                }
            }
        };
    }

    /** Clients with so many bytes of an unfinished line each; those that the kernel takes, the server reads as it may. */
    private List<Loop.Client> unfinished(int clients, int bytes) throws IOException {
        List<Loop.Client> all = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            Loop.Client client = loop.connect();
            client.send(ByteBuffer.allocate(bytes));
            assertTrue(loop.server.heldMemory() <= BUDGET, loop.server.heldMemory() + " bytes are held");
            all.add(client);
        }
        loop.settle();
        return all;
    }

    @Test
    void unfinishedLinesOfManyAreBoundedTogetherAndNewcomersAreAnswered() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = unfinished(60, 30_000); // 1.8 MB, kept in 2 MB
        long held = loop.server.heldMemory();
        assertTrue(held >= SHORT && held <= BUDGET, held + " bytes are held");
        assertEquals("5\n", loop.connect().send("short\n").receiveText(2));
        for (int i = 0; i < 100; i++) {
            loop.turn();
        }
        assertEquals(0, loop.turn(), "nothing spins");
        assertEquals(61, loop.server.stats().open(), "and none is closed, but for its time");
        assertEquals("30000\n", all.get(0).send("\n").receiveText(6), "the end of a line that fits in the memory it has");
    }

    @Test
    void connectionsThatWaitTooLongAreClosedTheLargestFirstUntilMemoryIsNotShort() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = unfinished(60, 60_000);
        Loop.Client small = loop.connect().send("1234");
        loop.advance(Duration.ofSeconds(29));
        assertEquals(61, loop.server.stats().open());
        Map<Loop.Client, Long> waiting = new HashMap<>();
        for (Loop.Client each : all) {
            if (!each.recorder.connection.isReading()) {
                waiting.put(each, ((ReactorConnection) each.recorder.connection).held());
            }
        }
        for (int i = 0; i < 20 && loop.server.stats().closedBy(Kind.MEMORY) == 0; i++) {
            loop.advance(Duration.ofMillis(100));
        }
        long smallestClosed = Long.MAX_VALUE;
        for (Loop.Client each : all) {
            if (each.recorder.reason != null) {
                assertEquals(new CloseReason(Kind.MEMORY, null, 0), each.recorder.reason);
                Long held = waiting.remove(each);
                smallestClosed = held == null ? smallestClosed : Math.min(smallestClosed, held); // null: one that was silent, and held most of all
            }
        }
        long largest = smallestClosed;
        assertTrue(waiting.values().stream().allMatch(each -> each <= largest), largest + " bytes, and open are " + waiting.values());
        assertTrue(largest + 1024 > BUDGET / 61, "never one that holds less than its share");
        assertTrue(waiting.size() > 20, "when some have gone, memory is not short");
        loop.advance(Duration.ofMinutes(10));
        assertTrue(loop.server.heldMemory() <= BUDGET);
        assertNull(small.recorder.reason);
        assertNull(all.get(0).recorder.reason, "the first of those that hold as much");
        assertEquals("4\n", small.send("\n").receiveText(2));
    }

    @Test
    void connectionsReadOnWhenMemoryIsThereAgain() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = unfinished(60, 30_000);
        for (Loop.Client client : all.subList(0, 20)) {
            client.resetNow();
        }
        loop.until(() -> loop.server.stats().open() == 40, "the others");
        for (Loop.Client client : all.subList(20, 45)) {
            client.channel.write(ByteBuffer.wrap("\n".getBytes()));
        }
        for (Loop.Client client : all.subList(20, 45)) {
            ByteBuffer answer = ByteBuffer.allocate(6);
            loop.until(() -> {
                loop.nowNs += 1_000_000;
                return read(client, answer);
            }, "an answer");
        }
    }

    private static boolean read(Loop.Client client, ByteBuffer answer) {
        try {
            client.channel.read(answer);
            return !answer.hasRemaining();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void connectionThatHoldsNoMoreThanAnEqualShareIsNotClosed() throws IOException {
        Handler deaf = (self, in) -> self.write(ByteBuffer.allocate(in.getInt()));
        loop.serve(
                OPTIONS.build().toBuilder().sendBuffer(4 << 10).maxPending(BUDGET).highWater(BUDGET), SocketIo.PLAIN, connection -> deaf);
        Loop.Client large = loop.connect();
        Loop.Client small = loop.connect();
        large.send(ByteBuffer.allocate(4).putInt(0, 700_000));
        loop.until(() -> large.recorder.connection.pending() > 0, "its output");
        small.send(ByteBuffer.allocate(4).putInt(0, 900_000)); // more than there is, and more than the other
        Loop.Client third = loop.connect();
        loop.until(() -> loop.server.stats().closedBy(Kind.MEMORY) > 0, "one is closed");
        assertEquals(1, loop.server.stats().closedBy(Kind.MEMORY));
        assertNull(third.recorder.reason);
    }

    /** Sizes of which each takes what the last one has left. */
    private static final int[] ALL_SIZES = {100_000, 300_000, 60_000, 30_000, 30_000, 30_000, 30_000, 30_000, 7_000, 3_500, 3_500, 3_500, 1_800, 1_800, 1_800, 1_800, 1_800};

    private List<Loop.Client> unfinishedOfAllSizes() throws IOException {
        List<Loop.Client> all = new ArrayList<>();
        for (int bytes : ALL_SIZES) {
            all.addAll(unfinished(1, bytes));
        }
        return all;
    }

    /** It holds most, and has waited for nothing; were it to send more, it would not be read. */
    @Test
    void largestThatIsSilentIsClosedWhenASmallOneHasWaitedTooLong() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = unfinishedOfAllSizes();
        Loop.Client small = loop.connect();
        small.send(ByteBuffer.allocate(25_000)).send("\n");
        loop.advance(Duration.ofSeconds(29));
        assertEquals(18, loop.server.stats().open());
        assertEquals(0, small.channel.read(ByteBuffer.allocate(1)), "there is no room for its line");
        ByteBuffer answer = ByteBuffer.allocate(6);
        loop.until(() -> {
            loop.nowNs += 100_000_000;
            return read(small, answer);
        }, "an answer");
        assertEquals(Kind.MEMORY, all.get(1).recorder.reason.kind());
        assertEquals(17, loop.server.stats().open(), "one was enough");
    }

    /** As those do that wait for a disk: the server gives memory back, if slowly, and nobody is to blame. */
    @Test
    void connectionIsNotClosedWhileThoseBeforeItGoOn() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = unfinished(60, 30_000);
        for (int i = 0; i < 16; i += 4) {
            assertTrue(all.stream().anyMatch(each -> !each.recorder.connection.isReading()), "some wait");
            for (Loop.Client each : all.subList(i, i + 4)) {
                each.send("\n").receiveText(6);
            }
            loop.advance(Duration.ofMillis(100));
            loop.advance(Duration.ofSeconds(20));
        }
        assertEquals(0, loop.server.stats().closedBy(Kind.MEMORY));
        loop.advance(Duration.ofSeconds(30));
        assertTrue(loop.server.stats().closedBy(Kind.MEMORY) > 0, "nothing has moved");
    }

    /** All have filled memory side by side: nobody holds more than its share, and none can come to the end of its line. */
    private List<Loop.Client> alike() throws IOException {
        List<Loop.Client> all = new ArrayList<>();
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 26; i++) {
                if (half == 0) {
                    all.add(loop.connect());
                }
                all.get(i).send(ByteBuffer.allocate(30_000));
            }
            loop.settle();
        }
        for (Loop.Client each : all) {
            assertFalse(each.recorder.connection.isReading(), "it waits for memory");
            assertTrue(((ReactorConnection) each.recorder.connection).held() < BUDGET / 26 - 1024);
        }
        return all;
    }

    /** It is not read, so that nothing tells of the reset but a look. */
    @Test
    void resetIsNoticedOfAConnectionThatWaitsForMemory() throws IOException {
        loop.serve(OPTIONS.build().toBuilder().writeTimeout(Duration.ofHours(1)), SocketIo.PLAIN, connection -> lines());
        Loop.Client waits = alike().get(5);
        waits.resetNow();
        loop.advance(Duration.ofSeconds(29));
        assertFalse(waits.recorder.isClosed());
        loop.advance(Duration.ofSeconds(1));
        assertEquals(Kind.RESET, waits.awaitClose().kind());
    }

    /** As much of its line as there is memory for is here, and nothing more has arrived. */
    @Test
    void endIsReadThoughThereIsNoMemoryForMore() throws IOException {
        loop.serve(OPTIONS.build().toBuilder().writeTimeout(Duration.ofHours(1)), SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = new ArrayList<>();
        for (int i = 0; i < 26; i++) {
            all.add(loop.connect().send(ByteBuffer.allocate(32 << 10)));
        }
        loop.settle();
        Loop.Client ends = all.get(5);
        assertTrue(loop.server.heldMemory() > SHORT);
        ends.channel.shutdownOutput();
        assertEquals(Kind.PEER, ends.awaitClose().kind());
    }

    private void untilAllAreAnswered(List<Loop.Client> clients) {
        for (Loop.Client each : clients) {
            ByteBuffer answer = ByteBuffer.allocate(6);
            loop.until(() -> {
                loop.nowNs += 100_000_000;
                return read(each, answer);
            }, "an answer");
        }
    }

    @Test
    void connectionsOfWhichNoneMayBeClosedTakeTurnsToGrow() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = alike();
        for (Loop.Client each : all) {
            each.send("\n");
        }
        untilAllAreAnswered(all);
        assertEquals(0, loop.server.stats().closedBy(Kind.MEMORY));
    }

    /** Others have waited a second less. When their time is over, those that grew hold most. */
    @Test
    void connectionsThatGrewHaveTheirTime() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = new ArrayList<>();
        for (int i = 0; i < 26; i++) {
            all.add(loop.connect().send(ByteBuffer.allocate(30_000)));
        }
        loop.settle();
        for (Loop.Client each : all) {
            each.send(ByteBuffer.allocate(30_000));
            if (each == all.get(12)) {
                loop.settle();
                loop.advance(Duration.ofSeconds(1));
            }
        }
        loop.settle();
        loop.advance(Duration.ofSeconds(29));
        List<Loop.Client> grew = new ArrayList<>(all);
        grew.removeIf(each -> ((ReactorConnection) each.recorder.connection).held() < 60_000);
        assertFalse(grew.isEmpty());
        loop.advance(Duration.ofSeconds(1));
        loop.advance(Duration.ofSeconds(28));
        assertEquals(0, loop.server.stats().closedBy(Kind.MEMORY));
        for (Loop.Client each : grew) {
            each.send("\n");
        }
        untilAllAreAnswered(grew);
    }

    @Test
    void connectionsThatGrewAndStaySilentAreClosedUntilTheOthersHaveRoom() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = alike();
        for (int i = 0; i < 300; i++) {
            loop.advance(Duration.ofSeconds(1));
            assertTrue(loop.server.heldMemory() <= BUDGET, loop.server.heldMemory() + " bytes are held");
        }
        List<Loop.Client> left = new ArrayList<>(all);
        left.removeIf(client -> client.recorder.reason != null);
        assertEquals(all.size() - left.size(), loop.server.stats().closedBy(Kind.MEMORY));
        assertTrue(left.size() >= SHORT / (64 << 10) - 1, left.size() + " of those that fit have stayed");
        for (Loop.Client each : left) {
            each.send("\n");
        }
        untilAllAreAnswered(left);
    }

    @Test
    void connectionThatWaitsIsReadBeforeANewcomerWhenThereIsRoom() throws IOException {
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> lines());
        List<Loop.Client> all = unfinishedOfAllSizes();
        Loop.Client waits = loop.connect();
        waits.send(ByteBuffer.allocate(25_000)).send("\n");
        loop.settle();
        all.get(0).resetNow(); // memory is still short
        loop.until(() -> loop.server.stats().open() == 17, "its end");
        assertTrue(loop.server.heldMemory() > SHORT);
        ByteBuffer answer = ByteBuffer.allocate(6);
        long nowNs = loop.nowNs;
        loop.until(() -> {
            loop.nowNs += 1_000_000;
            return read(waits, answer);
        }, "an answer");
        assertTrue(loop.nowNs - nowNs < 5_000_000_000L, "within some looks");
    }

    private long heldAfter(Loop.Client client, long bytes) {
        client.recorder.connection.execute(() -> client.recorder.connection.holdMemory(bytes));
        loop.turn();
        return loop.server.heldMemory();
    }

    @Test
    void whatHandlersHoldCountsUntilJustBeforeTheLastCallback() throws IOException {
        List<Long> heldAtLast = new ArrayList<>();
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                self.holdMemory(5_000);
                self.abort();
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                heldAtLast.add(loop.server.heldMemory());
                self.holdMemory(7_000);
            }
        });
        Loop.Client one = loop.connect();
        Loop.Client two = loop.connect();
        assertEquals(2 * 1024 + 300_000, heldAfter(one, 300_000));
        assertEquals(2 * 1024 + 300_001, heldAfter(two, 1));
        assertEquals(300_000, ((ReactorConnection) one.recorder.connection).held());
        assertEquals(2 * 1024 + 100_001, heldAfter(one, 100_000));
        assertEquals(2 * 1024 + 1, heldAfter(one, 0));
        one.send("the end");
        loop.until(() -> one.recorder.reason != null, "its end");
        assertEquals(List.of(1024L + 1), heldAtLast);
        assertEquals(1024 + 1, loop.server.heldMemory());
        assertFalse(one.recorder.connection.execute(() -> {}));
    }

    /** Above the limit by a call within a callback: those that are closed hear of it later. */
    @Test
    void handlersAreNotToldOfTheirEndsWithinTheCallThatCausesThem() throws IOException {
        List<String> told = new ArrayList<>();
        loop.serve(OPTIONS, SocketIo.PLAIN, connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                self.holdMemory(in.getInt());
                told.add(self.isOpen() ? "open" : "closed");
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                told.add(reason.kind().name());
            }
        });
        Loop.Client other = loop.connect().send(ByteBuffer.allocate(4).putInt(0, 800_000));
        Loop.Client self = loop.connect().send(ByteBuffer.allocate(4).putInt(0, 700_000));
        loop.until(() -> other.recorder.reason != null, "the larger one");
        assertEquals(List.of("open", "open", "MEMORY"), told);
        self.send(ByteBuffer.allocate(4).putInt(0, 2_000_000));
        loop.until(() -> self.recorder.reason != null, "it is the largest now");
        assertEquals(List.of("open", "open", "MEMORY", "closed", "MEMORY"), told);
    }

    @Test
    void newcomerForWhichThereIsNoMemoryIsRefused() throws IOException {
        List<ServerObserver.Refusal> refusals = new ArrayList<>();
        loop.serve(
                ServerOptions.builder().maxMemory(64 << 10).maxConnections(1_000).observer(new ServerObserver() {
                    @Override
                    public void refused(SocketAddress remote, Refusal why) {
                        assertNotNull(remote);
                        refusals.add(why);
                    }
                }),
                SocketIo.PLAIN,
                connection -> lines());
        for (int i = 0; i < 64; i++) {
            loop.connect();
        }
        Loop.Client refused = loop.connectOnly();
        loop.until(() -> !refusals.isEmpty(), "the refusal");
        assertEquals(List.of(ServerObserver.Refusal.MEMORY), refusals);
        refused.awaitEnd();
        assertEquals(64, loop.server.stats().open());
    }

    @Test
    void connectionThatWaitedForItsOutputReadsTheRestOfALineThoughMemoryStaysShort() throws IOException {
        ScriptedSocketIo io = new ScriptedSocketIo();
        loop.serve(OPTIONS, io, connection -> lines());
        unfinished(1, 300_000);
        unfinished(1, 200_000);
        unfinished(30, 60_000);
        assertTrue(loop.server.heldMemory() > BUDGET / 16 * 15 - 1024, "there is no room for output: " + loop.server.heldMemory());
        io.taking = () -> 0;
        Loop.Client client = loop.connect().send("1\n12");
        loop.until(() -> client.recorder.connection.pending() > 0, "an answer that waits");
        client.send("34");
        loop.until(() -> !client.recorder.connection.isReading(), "no memory for more");
        io.taking = () -> Integer.MAX_VALUE;
        loop.until(() -> client.recorder.connection.pending() == 0, "the answer leaves");
        client.send("56\n");
        loop.until(() -> io.written.toString().equals("1\n6\n"), "the next answer");
    }
}
