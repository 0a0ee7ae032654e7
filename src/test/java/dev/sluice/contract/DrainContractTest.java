package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A drain answers what has arrived, waits for what is owed, and cuts what is left at its deadline. */
class DrainContractTest extends EngineContract {

    /** The rig drains it in the end. */
    @Test
    void drainWithoutATimeoutIsNone() throws Exception {
        Client client = serve(ECHO).connect();
        assertThrows(NullPointerException.class, () -> rig.server.drain(null));
        assertEquals("x", client.send("x").receive(1));
        assertEquals("y", rig.connect().send("y").receive(1));
    }

    @Test
    void drainHandlesWhatHasArrivedAndTellsTheEnd() throws Exception {
        serve(ECHO);
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            clients.add(rig.connect());
        }
        for (Client client : clients) {
            client.send("last question");
        }
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(10));
        for (Client client : clients) {
            assertEquals("last question", client.receiveAll());
            client.socket.close();
        }
        assertEquals(new DrainReport(10, List.of()), end.get(20, TimeUnit.SECONDS));
        assertThrows(IOException.class, () -> rig.connectOnly());
    }

    @Test
    void drainServesWhatTheBacklogHolds() throws Exception {
        serve(ECHO);
        Client client = rig.connectOnly().send("early");
        rig.server.drain(Duration.ofSeconds(10));
        assertEquals("early", client.receiveAll());
    }

    @Test
    void clientsThatHaveJustConnectedAreAnsweredInADrainThatWaitsForQuiet() throws Exception {
        serve((Handler) Connection::write);
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            clients.add(rig.connectOnly());
        }
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(1), Duration.ofSeconds(30)); // as long as a loaded machine needs to send
        CompletableFuture.runAsync(() -> {}, CompletableFuture.delayedExecutor(20, TimeUnit.MILLISECONDS)).get();
        for (Client client : clients) {
            client.send("hello");
        }
        for (Client client : clients) { // those of a pool are served in the order in which they came
            assertEquals("hello", client.receiveAll());
            client.socket.close();
        }
        assertEquals(new DrainReport(200, List.of()), end.get(30, TimeUnit.SECONDS));
    }

    @Test
    void clientThatIsStuckIsCutAtTheDeadline() throws Exception {
        serve(ServerOptions.builder().maxPending(64 << 20), connection -> DEAF);
        Client stuck = rig.connect();
        Client idle = rig.connect();
        long waiting = rig.fill(stuck, 4 << 20);
        long start = System.nanoTime();
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofMillis(700));
        assertEquals("", idle.receiveAll());
        DrainReport report = end.get(20, TimeUnit.SECONDS);
        long tookMs = (System.nanoTime() - start) / 1_000_000;
        assertEquals(2, report.connections());
        assertEquals(1, report.cut());
        assertEquals(stuck.recorder.reason.unsent(), report.bytesLost());
        // a write call that blocks tells what the kernel has taken of its 16 KiB when it returns, here for the close
        assertEquals(waiting, report.bytesLost(), 16 << 10);
        assertEquals(Kind.DRAIN_DEADLINE, stuck.recorder.reason.kind());
        assertEquals(stuck.connection().remoteAddress(), report.cuts().get(0).remote());
        assertTrue(tookMs >= 650 && tookMs < 5_000, tookMs + " ms");
    }

    @Test
    void secondDrainHurriesTheFirst() throws Exception {
        serve(ServerOptions.builder().maxPending(64 << 20), connection -> DEAF);
        rig.fill(rig.connect(), 1 << 20);
        CompletableFuture<DrainReport> first = rig.server.drain(Duration.ofMinutes(10));
        CompletableFuture<DrainReport> second = rig.server.drain(Duration.ZERO);
        assertEquals(1, second.get(20, TimeUnit.SECONDS).cut());
        assertEquals(first.get(), second.get());
    }

    @Test
    void drainWaitsForWhatIsOffloaded() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve(answeringBehind(gate)).connect();
        client.send("x");
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_TAKEN) == 1, "the task");
        CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofSeconds(20));
        rig.await(() -> client.recorder.callbacks().endsWith("e"), "it is told that nothing more is read");
        gate.countDown();
        assertEquals("the answer", client.receiveAll());
        client.socket.close();
        assertEquals(0, drained.get(20, TimeUnit.SECONDS).cut());
        client.awaitClose();
        assertEquals("orec", client.recorder.callbacks());
    }

    @Test
    void heldConnectionIsCutAtTheDrainsDeadline() throws Exception {
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.hold();
        }).connect();
        client.send("x");
        rig.await(() -> client.recorder.callbacks().equals("or"), "the hold");
        DrainReport report = rig.server.drain(Duration.ofMillis(200)).get(20, TimeUnit.SECONDS);
        assertEquals(1, report.connections());
        assertEquals(Kind.DRAIN_DEADLINE, client.awaitClose().kind());
        assertEquals("orec", client.recorder.callbacks());
        assertEquals(1, report.cut(), "though no output waits");
        assertEquals(0, report.flushed());
        assertEquals(0, report.bytesLost());
        assertEquals(List.of(new DrainReport.Cut(client.connection().id(), client.connection().remoteAddress(), new CloseReason(Kind.DRAIN_DEADLINE, null, 0))), report.cuts());
    }

    /** Takes its first byte, which says what it does then. */
    private static final class Unfinished implements Handler {
        private final CountDownLatch gate;

        Unfinished(CountDownLatch gate) {
            this.gate = gate;
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            switch (in.get()) {
                case 'h' -> self.hold();
                case 'o' -> self.offload(() -> {
                    gate.await();
                    return null;
                }, (nothing, failure) -> {});
                case 'p' -> self.pauseReading();
                default -> {
                    in.position(in.position() - 1); // waits for more
                    return;
                }
            }
            self.write(text("."));
        }
    }

    @Test
    void drainCountsWhatWasOwedAndWhatWasUnreadAtItsDeadline() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        serve(ServerOptions.builder(), connection -> new Unfinished(gate));
        try {
            Client held = rig.connect();
            assertEquals(".", held.send("h").receive(1));
            Client offloaded = rig.connect();
            assertEquals(".", offloaded.send("o").receive(1));
            Client paused = rig.connect();
            assertEquals(".", paused.send("pabc").receive(1));
            paused.send("defg");
            Client pausedAndEnded = rig.connect();
            assertEquals(".", pausedAndEnded.send("p").receive(1));
            pausedAndEnded.send("hij").socket.shutdownOutput();
            Client idle = rig.connect();
            CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofMillis(500));
            assertEquals("", idle.receiveAll());
            idle.socket.close();
            DrainReport report = end.get(20, TimeUnit.SECONDS);
            assertEquals(5, report.connections());
            assertEquals(4, report.cut());
            assertEquals(0, report.bytesLost());
            assertEquals(2, report.owed());
            assertEquals(10, report.bytesUnread());
        } finally {
            gate.countDown();
        }
    }

    @Test
    void drainCountsAnIncompleteMessageAsUnread() throws Exception {
        Client client = serve(ServerOptions.builder(), connection -> new Unfinished(null)).connect();
        client.send("abc");
        rig.await(() -> client.recorder.callbacks().equals("or"), "it waits for more");
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        assertEquals("", client.receiveAll());
        client.socket.close();
        assertEquals(new DrainReport(1, List.of(), 0, 3), end.get(20, TimeUnit.SECONDS));
    }

    @Test
    void inputThatAHandlerDeclinedIsNotCountedAsUnread() throws Exception {
        Client client = serve((self, in) -> self.close()).connect();
        client.send("abc");
        assertEquals("", client.receiveAll());
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        client.socket.close();
        DrainReport report = end.get(20, TimeUnit.SECONDS);
        assertEquals(0, report.cut());
        assertEquals(0, report.bytesUnread());
    }

    /** As a relay does while its target is slow: paused with bytes unread, held, and resumed when its server drains already. */
    private static final class PausedAndHeld implements Handler {
        private final boolean fromTheBeginning;
        private Hold hold;

        PausedAndHeld(boolean fromTheBeginning) {
            this.fromTheBeginning = fromTheBeginning;
        }

        @Override
        public void onOpen(Connection self) {
            hold = self.hold();
            if (fromTheBeginning) {
                self.pauseReading();
            }
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            if (in.get(in.position()) == '1') {
                self.write(in.slice(in.position(), 1));
                in.position(in.position() + 1);
                self.pauseReading();
                return;
            }
            self.write(in);
        }

        @Override
        public void onEof(Connection self) {
            self.close();
            hold.close();
        }
    }

    @Test
    void drainWaitsForAPausedHandlerThatOwesTheBytesItLeftUnread() throws Exception {
        Client client = serve(ServerOptions.builder(), connection -> new PausedAndHeld(false)).connect();
        assertEquals("1", client.send("123").receive(1));
        drainWaitsUntilItIsResumed(client, "or", "23", "orrec");
    }

    @Test
    void drainWaitsForAPausedHandlerThatHasNotSeenWhatArrived() throws Exception {
        Client client = serve(ServerOptions.builder(), connection -> new PausedAndHeld(true)).connect();
        client.send("23");
        drainWaitsUntilItIsResumed(client, "o", "23", "orec");
    }

    private void drainWaitsUntilItIsResumed(Client client, String before, String rest, String after) throws Exception {
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        awaitTimer(client.connection());
        assertEquals(before, client.recorder.callbacks(), "it is not told the end of what it has not seen");
        client.connection().execute(() -> client.connection().resumeReading());
        assertEquals(rest, client.receiveAll());
        client.socket.close();
        assertEquals(new DrainReport(1, List.of()), end.get(20, TimeUnit.SECONDS));
        client.awaitClose();
        assertEquals(after, client.recorder.callbacks());
    }

    /** Nothing is owed to one who has taken all, paused, and resumed. */
    @Test
    void drainEndsASilentConnectionThatHasPausedAndResumed() throws Exception {
        AtomicInteger resumed = new AtomicInteger();
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.pauseReading();
            self.execute(() -> {
                self.resumeReading();
                resumed.incrementAndGet();
            });
        }).connect();
        client.send("all that is said");
        rig.await(() -> resumed.get() > 0, "resumed");
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofMinutes(5));
        assertEquals("", client.receiveAll());
        client.socket.close();
        assertEquals(0, end.get(20, TimeUnit.SECONDS).cut());
    }

    /** Waits for a timer of the connection, which comes due when a drain has had time to look at it more than once. */
    private static void awaitTimer(Connection connection) throws Exception {
        CountDownLatch due = new CountDownLatch(1);
        assertTrue(connection.execute(() -> connection.schedule(Duration.ofMillis(200), due::countDown)));
        assertTrue(due.await(20, TimeUnit.SECONDS));
    }

    @Test
    void drainAnswersFramesThatWaitBehindASlowPeer() throws Exception {
        int lines = 6;
        byte[] answer = new byte[1 << 20]; // more than the kernel holds
        AtomicInteger seen = new AtomicInteger();
        serve(
                ServerOptions.builder().sendBuffer(64 << 10),
                connection -> new Framed(connection, new Lines(10), (self, frame) -> {
                    seen.incrementAndGet();
                    self.write(ByteBuffer.wrap(answer));
                }));
        Client client = rig.connectOnly(64 << 10);
        client.send("a\n".repeat(lines));
        assertEquals(answer.length, client.in.readNBytes(answer.length).length);
        rig.await(() -> seen.get() == 2, "the second is taken, and being answered");
        assertEquals(2L * lines, rig.server.stats().get(ServerStats.Counter.BYTES_READ));
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        awaitTimer(rig.recorders.get(0).connection);
        int rest = (lines - 1) * answer.length;
        assertEquals(rest, client.in.readAllBytes().length, "bytes of the answers that were left");
        assertEquals(lines, seen.get());
        client.socket.close();
        assertEquals(new DrainReport(1, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    @Test
    void drainOffersNothingAgainWhileTheWorkersHaveNoRoom() throws Exception {
        int lines = 10_000; // more than one read takes
        CountDownLatch gate = new CountDownLatch(1);
        AtomicInteger offers = new AtomicInteger();
        AtomicInteger answered = new AtomicInteger();
        Client client = serve(ServerOptions.builder().offloadThreads(1).offloadQueue(10), connection -> {
            Handler framed = new Framed(connection, new Lines(10), (self, frame) -> self.offload(() -> {
                gate.await();
                return null;
            }, (nothing, failure) -> {
                answered.incrementAndGet();
                self.write(text("x"));
            }));
            return counting(offers, framed);
        }).connect();
        client.send("abc\n".repeat(lines));
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.WORKERS_FULL) == 1, "the queue is full");
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        int before = offers.get();
        long pauses = rig.server.stats().get(ServerStats.Counter.READ_PAUSES);
        try {
            awaitTimer(client.connection());
            int again = offers.get() - before;
            assertTrue(again <= 5, "offered " + again + " times though there is no room");
            assertTrue(rig.server.stats().get(ServerStats.Counter.READ_PAUSES) - pauses <= 5, "pauses");
        } finally {
            gate.countDown();
        }
        assertEquals("x".repeat(lines), client.receiveAll());
        assertEquals(lines, answered.get());
        client.socket.close();
        assertEquals(new DrainReport(1, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    @Test
    void drainOffersNothingAgainWhileOutputWaits() throws Exception {
        int lines = 10_000; // more than one read takes
        int before = 6 << 20; // more than the kernel takes
        AtomicInteger offers = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger();
        serve(ServerOptions.builder().sendBuffer(64 << 10), connection -> counting(offers, new Framed(connection, new Lines(10), (self, frame) -> {
            if (seen.incrementAndGet() == 1) {
                Rig.inBackground(() -> self.write(ByteBuffer.allocate(before))).join(); // on threads, it is the writer's
            }
            self.write(text("x"));
        })));
        Client client = rig.connectOnly(64 << 10);
        client.send("abc\n".repeat(lines));
        rig.await(() -> seen.get() > 0 && rig.server.stats().pending() > 1 << 20, "output waits");
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        int offered = offers.get();
        awaitTimer(rig.recorders.get(0).connection);
        int again = offers.get() - offered;
        byte[] all = client.in.readAllBytes();
        client.socket.close();
        assertTrue(again <= 5, "offered " + again + " times though there is no room");
        assertEquals(before + lines, all.length);
        assertEquals(new DrainReport(1, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    private static Handler counting(AtomicInteger offers, Handler handler) {
        return (self, in) -> {
            offers.incrementAndGet();
            handler.onRead(self, in);
        };
    }
}
