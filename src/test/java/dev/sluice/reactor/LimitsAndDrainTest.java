package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The limits of a server, and its drain. */
class LimitsAndDrainTest {

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    @Test
    void newcomerAboveTheLimitIsClosedAtOnceAndTheNextOneMayEnter() throws IOException {
        loop.serve(ServerOptions.builder().maxConnections(2), (self, in) -> self.write(in));
        Loop.Client first = loop.connect();
        loop.connect();
        Loop.Client third = loop.connectOnly();
        third.awaitEnd();
        assertEquals(1, loop.server.stats().get(ServerStats.Counter.REFUSED));
        first.channel.close();
        first.awaitClose();
        assertEquals("x", loop.connect().send("x").receiveText(1));
    }

    @Test
    void longestQueueIsClosedWhenAllTogetherAreTooMuch() throws IOException {
        ScriptedSocketIo wire = new ScriptedSocketIo();
        wire.taking = () -> 0;
        loop.serve(
                ServerOptions.builder().maxMemory(1 << 20).highWater(1 << 20).maxPending(1 << 20),
                wire,
                connection -> (self, in) -> self.write(ByteBuffer.allocate(in.get() * 10_000)));
        Loop.Client small = loop.connect();
        Loop.Client large = loop.connect();
        small.send("\36"); // 300 kB
        loop.until(() -> small.recorder.connection.pending() > 0, "300 kB");
        large.send("\74"); // 600 kB
        loop.until(() -> large.recorder.connection.pending() > 0, "600 kB");
        Loop.Client third = loop.connect().send("\36");
        assertEquals(new CloseReason(Kind.MEMORY, null, 600_000), large.awaitClose());
        assertTrue(small.recorder.connection.isOpen());
        assertTrue(third.recorder.connection.isOpen());
        assertEquals(300_000, third.recorder.connection.pending());
    }

    @Test
    void fromThreeQuartersOnTheLongestQueuesAreNotReadAndNothingSpins() throws IOException {
        ScriptedSocketIo wire = new ScriptedSocketIo();
        wire.taking = () -> 0;
        int[] reads = new int[1];
        loop.serve(
                ServerOptions.builder().maxMemory(1 << 20).highWater(400_000).lowWater(390_000).maxPending(1 << 20),
                wire,
                connection -> (self, in) -> {
                    reads[0]++;
                    self.write(ByteBuffer.allocate(in.get() * 10_000));
                    in.position(in.limit());
                });
        Loop.Client longer = loop.connect().send("\44"); // 360 kB, below every mark
        Loop.Client filler = loop.connect().send("\74"); // 600 kB
        loop.until(() -> reads[0] == 2, "both");
        longer.send("\1");
        filler.send("\1");
        for (int i = 0; i < 100; i++) {
            loop.turn();
        }
        assertEquals(2, reads[0], "neither is read: 960 kB of 1 MiB are held");
        Loop.Client shorter = loop.connect().send("\0");
        loop.until(() -> reads[0] == 3, "who holds nothing is read");
        wire.taking = null;
        loop.until(() -> reads[0] == 5, "and the others, once their output has left");
        assertTrue(shorter.recorder.connection.isOpen());
    }

    @Test
    void drainLetsOutputLeaveAndFreesThePort() throws Exception {
        loop.serve((self, in) -> self.write(in));
        Loop.Client idle = loop.connect();
        Loop.Client busy = loop.connect();
        busy.channel.write(ByteBuffer.wrap("last words".getBytes())); // arrived, not read yet
        InetSocketAddress address = loop.server.address();
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        assertEquals("last words", busy.receiveText(10));
        busy.awaitEnd();
        idle.awaitEnd();
        try (ServerSocketChannel again = ServerSocketChannel.open()) {
            again.bind(address); // at once
        }
        assertFalse(end.isDone());
        busy.channel.close();
        idle.channel.close();
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(2, List.of()), end.get());
        assertEquals(2, loop.server.stats().closedBy(Kind.LOCAL));
    }

    @Test
    void drainServesWhatTheBacklogHolds() throws Exception {
        loop.serve((self, in) -> self.write(in));
        List<Loop.Client> waiting = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            Loop.Client client = loop.connectOnly();
            client.channel.write(ByteBuffer.wrap(new byte[] {(byte) i}));
            waiting.add(client);
        }
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        for (int i = 0; i < 100; i++) {
            assertEquals((char) i, waiting.get(i).receiveText(1).charAt(0));
            waiting.get(i).awaitEnd();
            waiting.get(i).channel.close();
        }
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(100, List.of()), end.get());
    }

    /** Linux holds one more than it is told. */
    @Test
    void drainServesTheLastOfAFullBacklog() throws Exception {
        loop.listener = loop.listener.withBacklog(1);
        loop.serve((self, in) -> self.write(in));
        List<Loop.Client> waiting = new ArrayList<>();
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        loop.afterTheSelect = () -> { // too late for the listener's own turn
            waiting.add(clientWithUnread("a", true));
            waiting.add(clientWithUnread("b", true));
        };
        loop.turn();
        assertEquals("a", waiting.get(0).receiveText(1));
        assertEquals("b", waiting.get(1).receiveText(1));
        for (Loop.Client client : waiting) {
            client.awaitEnd();
            client.channel.close();
        }
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(2, List.of()), end.get());
    }

    /** A client whose request the server has not read: its connection is open, or still in the backlog. */
    private Loop.Client clientWithUnread(String request, boolean inBacklog) throws IOException {
        Loop.Client client = inBacklog ? loop.connectOnly() : loop.connect();
        client.channel.write(ByteBuffer.wrap(request.getBytes())); // one segment; loopback has carried it when this returns
        return client;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void drainAnswersEveryRequestThatItFindsThoughOneAnswerIsAboveTheHighWaterMark(boolean inBacklog) throws Exception {
        byte[] answer = new byte[100 << 10];
        Arrays.fill(answer, (byte) 'a');
        List<String> requests = new ArrayList<>();
        loop.serve(ServerOptions.builder(), SocketIo.PLAIN, connection -> new Framed(connection, new Lines(10), (self, frame) -> {
            requests.add(StandardCharsets.US_ASCII.decode(frame).toString());
            self.write(ByteBuffer.wrap(answer));
        }));
        Loop.Client client = clientWithUnread("1\n2\n3\n", inBacklog);
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10)); // which never pass: nobody moves the clock
        assertEquals(3 * answer.length, client.receive(3 * answer.length).length);
        assertEquals(List.of("1", "2", "3"), requests);
        client.awaitEnd();
        client.channel.close();
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(1, List.of()), end.get());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void handlerThatAnswersAndClosesWhileItsServerDrainsTellsItsEndAtOnce(boolean inBacklog) throws Exception {
        loop.serve((self, in) -> {
            self.write(in);
            self.close();
        });
        Loop.Client client = clientWithUnread("last words", inBacklog);
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        assertEquals("last words", client.receiveText(10));
        client.awaitEnd();
        client.channel.close();
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(1, List.of()), end.get());
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), loop.recorders.get(0).reason);
    }

    @Test
    void drainGivesAHandlerThatResumesAfterEachFrameAllThatHadArrived() throws Exception {
        int frames = 3_000;
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < frames; i++) {
            all.append(String.format("%06d\n", i));
        }
        int[] seen = new int[1];
        loop.serve((self, in) -> {
            ByteBuffer frame = in.slice(in.position(), 7);
            in.position(in.position() + 7);
            seen[0]++;
            self.write(frame);
            self.pauseReading();
            self.resumeReading();
        });
        Loop.Client client = loop.connect();
        client.channel.write(ByteBuffer.wrap(all.toString().getBytes()));
        loop.until(() -> seen[0] > 0, "the first frame");
        assertTrue(seen[0] < frames, "a resume is on its way");
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        assertEquals(all.toString(), client.receiveText(all.length()));
        client.awaitEnd();
        assertEquals(frames, seen[0]);
        client.channel.close();
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(1, List.of()), end.get());
    }

    @Test
    void stuckClientIsCutAtTheDeadlineAndOthersDoNotWaitForIt() throws Exception {
        loop.serve(ServerOptions.builder().maxPending(64 << 20), (self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.allocate(32 << 20));
        });
        Loop.Client stuck = loop.connect().send("x");
        loop.settle();
        Loop.Client idle = loop.connect();
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        idle.awaitEnd();
        idle.channel.close();
        idle.awaitClose();
        long unsent = stuck.recorder.connection.pending();
        loop.advance(Duration.ofMillis(9_999));
        assertFalse(end.isDone());
        loop.advance(Duration.ofMillis(1));
        loop.until(end::isDone, "the end");
        DrainReport report = end.get();
        assertEquals(2, report.connections());
        assertEquals(1, report.flushed());
        assertEquals(unsent, report.bytesLost());
        assertEquals(
                List.of(new DrainReport.Cut(1, stuck.channel.getLocalAddress(), new CloseReason(Kind.DRAIN_DEADLINE, null, unsent))),
                report.cuts());
        stuck.awaitReset();
    }

    @Test
    void connectionThatIsAskedForInTheMomentOfTheDeadlineIsNotMade() throws Exception {
        try (ServerSocketChannel target = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            InetSocketAddress address = (InetSocketAddress) target.getLocalAddress();
            loop.serve(ServerOptions.builder().idleTimeout(Duration.ZERO), new Handler() {
                @Override
                public void onOpen(Connection self) {
                    self.hold();
                    self.schedule(Duration.ofMillis(900), () -> assertTrue(self.connect(address, Duration.ofSeconds(10), outward -> {
                        Recorder recorder = new Recorder(outward, new Handler() {
                            @Override
                            public void onOpen(Connection other) {
                                other.hold();
                            }

                            @Override
                            public void onRead(Connection other, ByteBuffer in) {}
                        });
                        loop.recorders.add(recorder);
                        return recorder;
                    })));
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {}
            });
            loop.connect();
            CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(1));
            loop.settle();
            loop.advance(Duration.ofSeconds(1)); // both in one turn
            loop.until(end::isDone, "the end");
            assertEquals(1, end.get().cut());
            Recorder outward = loop.recorders.get(1);
            assertEquals("c", outward.callbacks());
            assertEquals(Kind.CONNECT_FAILURE, outward.reason.kind());
        }
    }

    @ExpectsLog("the end of a connection")
    @Test
    void connectionWhoseCutFindsNoMemoryIsCutAllTheSame() throws Exception {
        AtomicBoolean none = new AtomicBoolean(true);
        SocketIo without = new SocketIo() {
            @Override
            public void resetOnClose(SocketChannel channel) {
                if (none.getAndSet(false)) {
                    throw new OutOfMemoryError("by the test");
                }
                SocketIo.super.resetOnClose(channel);
            }
        };
        loop.serve(ServerOptions.builder(), without, connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.hold();
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {}
        });
        loop.connect();
        loop.connect();
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(5));
        loop.settle();
        loop.advance(Duration.ofSeconds(5));
        loop.until(end::isDone, "the end");
        assertEquals(2, end.get().cut());
        loop.failuresOnPurpose = 1;
    }

    @Test
    void secondDrainMayOnlyBringTheDeadlineForward() throws Exception {
        loop.serve(ServerOptions.builder().lingerTimeout(Duration.ofMinutes(1)), (self, in) -> self.write(in));
        Loop.Client client = loop.connect();
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        loop.server.drain(Duration.ofSeconds(100));
        loop.settle();
        loop.server.drain(Duration.ofSeconds(5));
        loop.settle();
        loop.advance(Duration.ofMillis(4_999));
        assertFalse(end.isDone());
        loop.advance(Duration.ofMillis(1));
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(1, List.of()), end.get(), "it only waited for the peer's end");
        client.awaitEnd();
    }

    @Test
    void serverWithoutConnectionsDrainsAtOnce() throws Exception {
        loop.serve((self, in) -> {});
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        loop.until(end::isDone, "the end");
        assertEquals(0, end.get().connections());
    }

    @Test
    void servesIpv6() throws IOException {
        loop.server = ReactorServer.open(
                loop.reactor,
                SelectorProvider.provider(),
                new InetSocketAddress(InetAddress.getByName("::1"), 0),
                ServerOptions.defaults(),
                connection -> {
                    Recorder recorder = new Recorder(connection, (self, in) -> self.write(in));
                    loop.recorders.add(recorder);
                    return recorder;
                });
        assertEquals("six", loop.connect().send("six").receiveText(3));
    }

    @Test
    void serverThatCannotBeOpenedLeavesNothingWithItsReactor() throws Exception {
        loop.serve((self, in) -> {});
        BufferPoolMXBean direct = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .findAny()
                .orElseThrow();
        long before = direct.getMemoryUsed();
        for (int i = 0; i < 500; i++) { // whose reads have a buffer of 64 KiB each
            assertThrows(IOException.class, () -> ReactorServer.open(
                    loop.reactor, SelectorProvider.provider(), loop.server.address(), ServerOptions.defaults(), connection -> (self, in) -> {}));
        }
        loop.until(() -> {
            System.gc();
            return direct.getMemoryUsed() - before < 8 << 20;
        }, "their memory");
    }

    @Test
    void reactorThatEndsTakesItsServerWithIt() throws IOException {
        loop.serve((self, in) -> {});
        Loop.Client client = loop.connect();
        CompletableFuture<DrainReport> end = loop.server.termination();
        loop.reactor.close();
        assertTrue(end.isCompletedExceptionally());
        assertEquals("oc", client.recorder.callbacks());
        loop.reactorEnded = true;
    }
}
