package dev.sluice.contract;

import dev.sluice.ServerStats;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.contract.Rig.Client;
import dev.sluice.reactor.Recorder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every engine promises of work on other threads, of what a connection owes, of frames, and of connections that go out. */
@Timeout(60)
abstract class WorkContract extends FramesContract {

    private static String text(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        return new String(copy, StandardCharsets.ISO_8859_1);
    }

    // ---- work on other threads ------------------------------------------------------------------------------------------

    @Test
    void offloadedResultComesBackToItsConnection() throws Exception {
        AtomicReference<Thread> caller = new AtomicReference<>();
        AtomicReference<Thread> worker = new AtomicReference<>();
        Client client = serve((self, in) -> {
            String question = text(in);
            caller.set(Thread.currentThread());
            self.offload(() -> {
                worker.set(Thread.currentThread());
                return question + "!";
            }, (answer, failure) -> self.write(text(answer + failure)));
        }).connect();
        assertEquals("what!null", client.send("what").receive(9));
        assertFalse(worker.get() == caller.get());
        assertEquals(1, rig.server.stats().get(ServerStats.Counter.TASKS_TAKEN));
    }

    @Test
    void whatAnOffloadedTaskThrowsComesBack() throws Exception {
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                throw new StackOverflowError("too deep");
            }, (answer, failure) -> self.write(text(answer + " " + failure.getMessage())));
        }).connect();
        assertEquals("null too deep", client.send("x").receive(13));
        assertEquals(0, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @Test
    void callbackThatThrowsIsAHandlerThatThrows() throws Exception {
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> null, (answer, failure) -> {
                throw new IllegalStateException("on purpose");
            });
        }).connect();
        client.send("x");
        assertEquals(Kind.HANDLER_FAILURE, client.awaitClose().kind());
    }

    @Test
    void callbacksComeInTheOrderInWhichTasksEnd() throws Exception {
        CountDownLatch first = new CountDownLatch(1);
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                first.await();
                return "one";
            }, (answer, failure) -> self.write(text(answer)));
            self.offload(() -> "two", (answer, failure) -> {
                self.write(text(answer));
                first.countDown();
            });
        }).connect();
        assertEquals("twoone", client.send("x").receive(6));
    }

    @Test
    void peersEndWaitsForWhatIsOffloaded() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                gate.await();
                return "the answer";
            }, (answer, failure) -> self.write(text(answer)));
        }).connect();
        client.send("x").socket.shutdownOutput();
        rig.await(() -> client.recorder.callbacks().endsWith("e"), "the peer's end");
        assertTrue(client.connection().isOpen());
        gate.countDown();
        assertEquals("the answer", client.receiveAll());
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
    }

    @Test
    void noCallbackComesAfterTheClose() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        AtomicInteger calls = new AtomicInteger();
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                gate.await();
                return null;
            }, (answer, failure) -> calls.incrementAndGet());
        }).connect();
        client.send("x");
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_TAKEN) == 1, "the task");
        client.connection().abort();
        client.awaitClose();
        gate.countDown();
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_DONE) == 1, "the end of the task");
        rig.close();
        assertEquals(0, calls.get());
    }

    @Test
    void fullQueuePausesReadingAndLosesNothing() throws Exception {
        Semaphore gate = new Semaphore(0);
        int lines = 20_000;
        AtomicInteger seen = new AtomicInteger();
        Client client = serve(
                ServerOptions.builder().offloadThreads(1).offloadQueue(10),
                connection -> new Framed(connection, new Lines(100), (self, frame) -> {
                    String line = text(frame);
                    seen.incrementAndGet();
                    self.offload(() -> {
                        gate.acquire();
                        return line;
                    }, (answer, failure) -> self.write(text(answer + "\n")));
                })).connect();
        CompletableFuture<Void> sending = Rig.inBackground(() -> {
            StringBuilder all = new StringBuilder();
            for (int i = 0; i < lines; i++) {
                all.append(i).append('\n');
            }
            client.send(all.toString()).socket.shutdownOutput();
            return null;
        });
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.WORKERS_FULL) == 1, "the queue is full");
        assertTrue(seen.get() <= 12, seen + " lines were taken"); // one runs, ten wait, one was told
        gate.release(lines);
        String answers = client.receiveAll();
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < lines; i++) {
            expected.append(i).append('\n');
        }
        assertEquals(expected.toString(), answers);
        sending.get(20, TimeUnit.SECONDS);
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_DONE) == lines, "the books of the last task");
        assertEquals(Kind.PEER, client.awaitClose().kind());
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
    void drainWaitsForWhatIsOffloaded() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                gate.await();
                return "the answer";
            }, (answer, failure) -> self.write(text(answer)));
        }).connect();
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
    void serverThatIsClosedFromAnOffloadedTaskEnds() throws Exception {
        CompletableFuture<Server> server = new CompletableFuture<>();
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                server.get().close();
                return "bye";
            }, (answer, failure) -> self.write(text(answer)));
        }).connect();
        server.complete(rig.server);
        assertEquals("bye", client.send("x").receiveAll());
        client.socket.close();
        assertEquals(0, rig.server.termination().get(20, TimeUnit.SECONDS).cut());
    }

    @Test
    void whatWaitedForRoomWhileItWasPausedIsOfferedOnceThereIsSome() throws Exception {
        Semaphore gate = new Semaphore(0);
        serve(ServerOptions.builder().offloadThreads(1).offloadQueue(1), connection -> (self, in) -> {
            if (in.get(in.position()) == 'a') {
                in.get();
                while (self.offload(() -> {
                    gate.acquire();
                    return null;
                }, (answer, failure) -> {})) {
                    continue;
                }
                self.pauseReading();
                return;
            }
            self.write(in);
        });
        for (int round = 1; round <= 20; round++) {
            Client client = rig.connect().send("ab");
            int full = round;
            rig.await(() -> rig.server.stats().get(ServerStats.Counter.WORKERS_FULL) == full, "the queue is full");
            CountDownLatch resumed = new CountDownLatch(1);
            client.connection().execute(() -> client.connection().resumeReading());
            client.connection().execute(resumed::countDown);
            resumed.await();
            gate.release(3);
            assertEquals("b", client.receive(1), "round " + round);
            client.socket.close();
            client.awaitClose();
        }
    }

    @Test
    void whatTheLastCallbackOffloadsIsRunAndHeldByNobody() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        AtomicInteger calls = new AtomicInteger();
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                self.hold();
                self.offload(runs::incrementAndGet, (answer, failure) -> calls.incrementAndGet());
            }
        }).connect();
        client.socket.close();
        client.awaitClose();
        rig.await(() -> runs.get() == 1, "the task");
        rig.close();
        assertEquals(0, calls.get());
    }

    // ---- holds ----------------------------------------------------------------------------------------------------------

    @Test
    void heldConnectionClosesWhenTheLastHoldIsReleased() throws Exception {
        List<Hold> holds = new CopyOnWriteArrayList<>();
        Client client = serve((self, in) -> {
            in.position(in.limit());
            holds.add(self.hold());
            holds.add(self.hold());
            self.close();
            assertFalse(self.isReading());
        }).connect();
        client.send("x");
        rig.await(() -> holds.size() == 2, "both holds");
        client.send("nobody reads this");
        holds.get(0).close();
        holds.get(0).close();
        assertTrue(client.connection().isOpen());
        assertTrue(client.connection().write(text("owed")));
        assertEquals("owed", client.receive(4));
        holds.get(1).close();
        assertEquals("", client.receiveAll());
        client.socket.close();
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), client.awaitClose());
        assertEquals("orc", client.recorder.callbacks());
    }

    /** Waits until a client that says nothing was closed for that: as long as anybody may be idle. */
    private void awaitIdleTime() throws Exception {
        Client witness = rig.connect();
        assertEquals(Kind.IDLE, witness.awaitClose().kind());
    }

    @Test
    void connectionIsNotIdleWhileWorkIsOffloaded() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve(ServerOptions.builder().idleTimeout(Duration.ofMillis(200)), connection -> (self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                gate.await();
                return "the answer";
            }, (answer, failure) -> self.write(text(answer)));
        }).connect();
        client.send("x").socket.shutdownOutput();
        rig.await(() -> client.recorder.callbacks().endsWith("e"), "the peer's end");
        awaitIdleTime();
        awaitIdleTime();
        gate.countDown();
        assertEquals("the answer", client.receiveAll());
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void connectionIsNotIdleWhileItIsHeldAndIdlesAnewOnceItIsNot() throws Exception {
        List<Hold> holds = new CopyOnWriteArrayList<>();
        Duration limit = Duration.ofMillis(300);
        Client client = serve(ServerOptions.builder().idleTimeout(limit), connection -> (self, in) -> {
            in.position(in.limit());
            holds.add(self.hold());
            holds.add(self.hold());
        }).connect();
        client.send("x");
        rig.await(() -> holds.size() == 2, "the holds");
        awaitIdleTime();
        holds.get(0).close();
        awaitIdleTime();
        assertTrue(client.connection().isOpen());
        long releasedNs = System.nanoTime();
        holds.get(1).close();
        assertEquals(new CloseReason(Kind.IDLE, null, 0), client.awaitClose());
        long idledNs = System.nanoTime() - releasedNs;
        assertTrue(idledNs >= limit.toNanos(), idledNs + " ns after the last release");
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
        assertEquals(List.of(new DrainReport.Cut(client.connection().remoteAddress(), new CloseReason(Kind.DRAIN_DEADLINE, null, 0))), report.cuts());
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

    // ---- the buffer that is lent ----------------------------------------------------------------------------------------

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
    void everyCallbackFindsItsBufferInNetworkOrder() throws Exception {
        List<ByteOrder> found = new CopyOnWriteArrayList<>();
        Client client = serve(spoiling(found, 1)).connect();
        for (int i = 0; i < 3; i++) {
            assertEquals("x", client.send("?").receive(1));
        }
        client.socket.close();
        client.awaitClose();
        Client other = rig.connect();
        assertEquals("x", other.send("?").receive(1));
        assertEquals(Collections.nCopies(4, ByteOrder.BIG_ENDIAN), found);
    }

    @Test
    void whatWasLeftUnreadComesBackInNetworkOrder() throws Exception {
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

    // ---- frames ---------------------------------------------------------------------------------------------------------

    @Test
    void framesThatWaitBehindAPauseComeWithoutNewBytes() throws Exception {
        AtomicInteger seen = new AtomicInteger();
        AtomicReference<Runnable> resume = new AtomicReference<>();
        Client client = serve(ServerOptions.builder(), connection -> new Framed(connection, new Lines(10), (self, frame) -> {
            if (seen.incrementAndGet() == 3) {
                self.pauseReading();
                resume.set(() -> self.execute(self::resumeReading));
            }
            self.write(frame);
        })).connect();
        assertEquals("012", client.send("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n").receive(3));
        assertEquals(3, seen.get());
        resume.get().run();
        assertEquals("3456789", client.receive(7));
    }

    @Test
    void handlerThatPausesAtEveryFrameIsOfferedABoundedRemainder() throws Exception {
        int frames = 100_000; // 2 MB, sent at once
        int most = (64 << 10) + (16 << 10); // the limit, and what reads that had begun brought
        AtomicInteger longest = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger();
        AtomicInteger misplaced = new AtomicInteger();
        Client client = serve(ServerOptions.builder().maxRemainder(64 << 10), connection -> {
            Handler framed = new Framed(connection, new Lines(100), (self, frame) -> {
                misplaced.addAndGet(text(frame).equals(numbered(seen.getAndIncrement())) ? 0 : 1);
                self.pauseReading();
                self.execute(self::resumeReading);
            });
            return (self, in) -> {
                longest.accumulateAndGet(in.remaining(), Math::max);
                if (in.remaining() > most) {
                    self.abort(); // it need not grow further
                    return;
                }
                framed.onRead(self, in);
            };
        }).connect();
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < frames; i++) {
            all.append(numbered(i)).append('\n');
        }
        CompletableFuture<Void> sending = Rig.inBackground(() -> {
            try {
                client.send(all.toString()).socket.shutdownOutput();
            } catch (IOException e) {
                // it was aborted, which is told below
            }
            return null;
        });
        CloseReason reason = client.awaitClose();
        sending.get(20, TimeUnit.SECONDS);
        assertTrue(longest.get() <= most, longest + " bytes were offered at once, after " + seen + " frames");
        assertEquals(0, misplaced.get(), "frames that are not the next");
        assertEquals(new CloseReason(Kind.PEER, null, 0), reason, "after " + seen + " frames");
        assertEquals(frames, seen.get());
    }

    @Test
    void handlerThatResumesWithinEachCallbackIsOfferedAllThatItLeft() throws Exception {
        int frames = 3_000;
        List<String> seen = new ArrayList<>();
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                if (in.remaining() >= 20) {
                    self.pauseReading();
                    byte[] frame = new byte[20];
                    in.get(frame);
                    seen.add(new String(frame, StandardCharsets.US_ASCII));
                    self.resumeReading();
                }
            }

            @Override
            public void onEof(Connection self) {
                seen.add("the end");
                self.close();
            }
        }).connect();
        List<String> sent = IntStream.range(0, frames).mapToObj(i -> numbered(i) + "\n").toList();
        client.send(String.join("", sent)).socket.shutdownOutput();
        client.awaitClose();
        assertEquals(sent, seen.subList(0, seen.size() - 1));
        assertEquals("the end", seen.get(seen.size() - 1));
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

    private static String numbered(int frame) {
        return String.format("frame %013d", frame);
    }

    @Test
    void pausesAndResumptionsInQuickTurnEndNothing() throws Exception {
        int bytes = 60_000_000;
        AtomicInteger read = new AtomicInteger();
        Client client = serve((self, in) -> {
            if (read.getAndAdd(in.remaining()) == 0) {
                self.execute(() -> pauseAndResume(self, read, bytes));
            }
            in.position(in.limit());
        }).connect();
        CompletableFuture<Void> sending = Rig.inBackground(() -> {
            try {
                byte[] block = new byte[500]; // many reads, many of them while reading is paused
                for (int sent = 0; sent < bytes; sent += block.length) {
                    client.out.write(block);
                }
                client.socket.shutdownOutput();
            } catch (IOException e) {
                // it was closed, which is told below
            }
            return null;
        });
        CloseReason reason = client.awaitClose();
        sending.get(20, TimeUnit.SECONDS);
        assertEquals(new CloseReason(Kind.PEER, null, 0), reason, "after " + read + " bytes");
        assertEquals(bytes, read.get());
    }

    private static void pauseAndResume(Connection self, AtomicInteger read, int bytes) {
        self.pauseReading();
        self.execute(() -> {
            self.resumeReading();
            if (read.get() < bytes) {
                self.execute(() -> pauseAndResume(self, read, bytes));
            }
        });
    }

    @Test
    void framesThatWaitForOutputComeWhenItHasLeft() throws Exception {
        byte[] answer = new byte[50_000];
        int lines = 400; // 20 MB of answers, more than the kernel holds
        AtomicInteger seen = new AtomicInteger();
        serve(
                ServerOptions.builder().maxPending(256 << 10).highWater(64 << 10).lowWater(16 << 10).sendBuffer(64 << 10),
                connection -> new Framed(connection, new Lines(10), (self, frame) -> {
                    seen.incrementAndGet();
                    self.write(ByteBuffer.wrap(answer));
                }));
        Client client = rig.connectOnly(64 << 10);
        client.send("a\n".repeat(lines));
        rig.await(() -> rig.server.stats().pending() > 16 << 10, "answers wait"); // and the client takes none
        assertTrue(seen.get() < lines);
        assertEquals(lines * answer.length, client.in.readNBytes(lines * answer.length).length);
        assertEquals(0, rig.server.stats().get(ServerStats.Counter.CLOSED));
    }

    @Test
    void frameThatIsTooLongEndsTheConnection() throws Exception {
        Client client = serve(ServerOptions.builder(), connection -> new Framed(connection, new Lines(10), (self, frame) -> self.write(frame))).connect();
        client.send("0123456789\n01234567890");
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.PROTOCOL, reason.kind());
        assertEquals("a frame of more than 10 bytes", reason.cause().getMessage());
        assertEquals(0, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @Test
    void handlerMayAnswerARejectedFrameAndHearsOfUnfinishedOnes() throws Exception {
        AtomicInteger unfinished = new AtomicInteger(-1);
        FrameHandler polite = new FrameHandler() {
            @Override
            public void onFrame(Connection self, ByteBuffer frame) {
                self.write(frame);
            }

            @Override
            public void onReject(Connection self, ProtocolException cause) {
                self.write(text("too long"));
                self.close();
            }

            @Override
            public void onEof(Connection self, int bytes) {
                unfinished.set(bytes);
                self.close();
            }
        };
        serve(ServerOptions.builder(), connection -> new Framed(connection, new Lines(4), polite));
        Client rude = rig.connect();
        assertEquals("goodtoo long", rude.send("good\nnot good\nmore\n").receiveAll());
        rude.socket.close();
        assertEquals(Kind.LOCAL, rude.awaitClose().kind());
        Client hasty = rig.connect();
        hasty.send("a\nbcd").socket.shutdownOutput();
        assertEquals("a", hasty.receiveAll());
        assertEquals(3, unfinished.get());
    }

    // ---- frames that wait when the server drains --------------------------------------------------------------------------

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

    // ---- connections that go out ------------------------------------------------------------------------------------------

    @Test
    void whatComesFromElsewhereDoesNotKeepTheConnectionFromReading() throws Exception {
        AtomicInteger reads = new AtomicInteger();
        serve(
                ServerOptions.builder().sendBuffer(16 << 10).highWater(4 << 20).maxPending(8 << 20),
                connection -> (self, in) -> {
                    in.position(in.limit());
                    if (reads.incrementAndGet() == 1) {
                        Rig.inBackground(() -> self.write(ByteBuffer.allocate(2 << 20))).join(); // more than the kernel takes
                    }
                });
        Client client = rig.connectOnly(16 << 10);
        client.send("a");
        rig.await(() -> reads.get() == 1, "the first");
        client.send("b"); // whoever relays has to read on, or two who write before they read would wait for ever
        rig.await(() -> reads.get() == 2, "the second");
        assertEquals(2 << 20, client.in.readNBytes(2 << 20).length);
    }

    @Test
    void whatTheHandlerWroteDoesNotKeepAConnectionFromReadingThatIsReadWhileOutputWaits() throws Exception {
        AtomicInteger reads = new AtomicInteger();
        serve(ServerOptions.builder().sendBuffer(16 << 10).highWater(4 << 20).maxPending(8 << 20), connection -> new Handler() {
            @Override
            public boolean readsWhileOutputWaits() {
                return true;
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                if (reads.incrementAndGet() == 1) {
                    self.write(ByteBuffer.allocate(2 << 20)); // more than the kernel takes
                }
            }
        });
        Client client = rig.connectOnly(16 << 10);
        client.send("a");
        rig.await(() -> reads.get() == 1, "the first");
        client.send("b");
        rig.await(() -> reads.get() == 2, "the second");
        assertEquals(2 << 20, client.in.readNBytes(2 << 20).length);
    }

    /** Relays one connection to an address, as far as a test needs it. */
    private static final class Relay implements Handler {
        private final InetSocketAddress target;
        private final Duration timeout;
        private final List<Recorder> outbound;
        private Connection upstream;
        private Hold hold;

        Relay(InetSocketAddress target, Duration timeout, List<Recorder> outbound) {
            this.target = target;
            this.timeout = timeout;
            this.outbound = outbound;
        }

        @Override
        public void onOpen(Connection self) {
            self.pauseReading();
            hold = self.hold();
            assertTrue(self.connect(target, timeout, connection -> {
                Recorder recorder = new Recorder(connection, new Handler() {
                    @Override
                    public void onOpen(Connection other) {
                        self.execute(() -> {
                            upstream = other;
                            self.resumeReading();
                        });
                    }

                    @Override
                    public void onRead(Connection other, ByteBuffer in) {
                        self.write(in);
                    }

                    @Override
                    public void onClose(Connection other, CloseReason reason) {
                        self.write(text(reason.kind() == Kind.CONNECT_FAILURE ? "cannot connect" : ""));
                        hold.close();
                        self.close();
                    }
                }, false);
                outbound.add(recorder);
                return recorder;
            }));
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            upstream.write(in);
        }

        @Override
        public void onEof(Connection self) {
            upstream.shutdownOutput();
        }
    }

    private final List<Recorder> outbound = new CopyOnWriteArrayList<>();

    private Client relayTo(InetSocketAddress target, Duration timeout, ServerOptions.Builder options) throws IOException {
        return serve(options, connection -> new Relay(target, timeout, outbound)).connect();
    }

    private ServerSocket listener(int backlog) throws IOException {
        return new ServerSocket(0, backlog, InetAddress.getLoopbackAddress());
    }

    private static InetSocketAddress addressOf(ServerSocket listener) {
        return (InetSocketAddress) listener.getLocalSocketAddress();
    }

    @Test
    void connectionGoesOutAndItsBytesComeBack() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = relayTo(addressOf(listener), Duration.ofSeconds(10), ServerOptions.builder());
            Socket target = listener.accept();
            client.send("ping");
            assertEquals("ping", new String(target.getInputStream().readNBytes(4), StandardCharsets.ISO_8859_1));
            target.getOutputStream().write("pong".getBytes(StandardCharsets.ISO_8859_1));
            assertEquals("pong", client.receive(4));
            client.socket.shutdownOutput();
            assertEquals(-1, target.getInputStream().read());
            target.close();
            assertEquals("", client.receiveAll());
            client.awaitClose();
            rig.await(() -> outbound.get(0).isClosed(), "the other side");
            assertEquals(List.of(), outbound.get(0).check());
            assertEquals(2, rig.server.stats().get(ServerStats.Counter.OPENED));
        }
    }

    @Test
    void connectThatIsRefusedIsToldByOnCloseAlone() throws Exception {
        try (Socket holder = new Socket()) { // of a port on which nobody listens
            holder.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            InetSocketAddress nobody = (InetSocketAddress) holder.getLocalSocketAddress();
            Client client = relayTo(nobody, Duration.ofSeconds(10), ServerOptions.builder());
            assertEquals("cannot connect", client.receiveAll());
            assertEquals("c", outbound.get(0).callbacks());
            assertEquals(nobody, outbound.get(0).connection.remoteAddress());
            assertEquals(1, rig.server.stats().closedBy(Kind.CONNECT_FAILURE));
        }
    }

    @Test
    void addressThatWasNotResolvedIsAFailureToConnect() throws Exception {
        Client client = relayTo(InetSocketAddress.createUnresolved("nowhere.invalid", 1), Duration.ZERO, ServerOptions.builder());
        assertEquals("cannot connect", client.receiveAll());
    }

    /** Fills a listener, so that whoever connects then has no answer. */
    private static List<Socket> fill(ServerSocket listener) throws IOException {
        List<Socket> fillers = new ArrayList<>();
        for (int i = 0; i < 2; i++) { // the kernel takes one more than the backlog
            fillers.add(new Socket(listener.getInetAddress(), listener.getLocalPort()));
        }
        return fillers;
    }

    @Test
    void connectWithoutAnAnswerTimesOut() throws Exception {
        try (ServerSocket listener = listener(1)) {
            List<Socket> fillers = fill(listener);
            Client client = relayTo(addressOf(listener), Duration.ofMillis(300), ServerOptions.builder());
            assertEquals("cannot connect", client.receiveAll());
            rig.await(outbound.get(0)::isClosed, "the end of its last callback");
            assertTrue(outbound.get(0).reason.cause() instanceof java.net.SocketTimeoutException, outbound.get(0).reason.toString());
            for (Socket filler : fillers) {
                filler.close();
            }
        }
    }

    @Test
    void connectAtTheLimitIsRefused() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = relayTo(addressOf(listener), Duration.ofSeconds(10), ServerOptions.builder().maxConnections(1));
            assertEquals("cannot connect", client.receiveAll());
            assertEquals("c", outbound.get(0).callbacks());
            assertEquals(1, rig.server.stats().get(ServerStats.Counter.REFUSED));
            assertEquals(1, rig.server.stats().get(ServerStats.Counter.OPENED));
        }
    }

    @Test
    void connectionThatWasRefusedMayBeEndedInItsLastCallback() throws Exception {
        AtomicReference<CloseReason> told = new AtomicReference<>();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (ServerSocket listener = listener(50)) {
            Handler refused = new Handler() {
                @Override
                public void onRead(Connection other, ByteBuffer in) {}

                @Override
                public void onClose(Connection other, CloseReason reason) {
                    told.set(reason);
                    try {
                        assertFalse(other.write(text("x")));
                        other.shutdownOutput();
                        other.close();
                        other.abort();
                    } catch (Throwable t) {
                        thrown.set(t);
                        throw t;
                    }
                }
            };
            serve(ServerOptions.builder().maxConnections(1), connection -> new Handler() {
                @Override
                public void onOpen(Connection self) {
                    connectFrom(self, addressOf(listener), refused);
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {
                    self.write(in);
                }
            });
            Client client = rig.connect();
            rig.await(() -> !outbound.isEmpty() && outbound.get(0).isClosed(), "it is told");
            assertEquals(Kind.CONNECT_FAILURE, told.get().kind());
            assertNull(thrown.get());
            assertEquals("x", client.send("x").receive(1));
            assertEquals(0, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
            assertEquals(List.of(), outbound.get(0).check());
        }
    }

    @Test
    void drainLetsTheAnswerThroughThatIsStillToCome() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = relayTo(addressOf(listener), Duration.ofSeconds(10), ServerOptions.builder());
            Socket target = listener.accept();
            client.send("question");
            assertEquals("question", new String(target.getInputStream().readNBytes(8), StandardCharsets.ISO_8859_1));
            CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofSeconds(20));
            assertEquals(-1, target.getInputStream().read()); // no question comes any more
            target.getOutputStream().write("answer".getBytes(StandardCharsets.ISO_8859_1));
            target.close();
            assertEquals("answer", client.receiveAll());
            client.socket.close();
            DrainReport report = drained.get(20, TimeUnit.SECONDS);
            assertEquals(0, report.cut());
            assertEquals(2, report.connections());
        }
    }

    @Test
    void drainEndsConnectionsThatNobodyHasToDoWith() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = serve(new Handler() {
                @Override
                public void onOpen(Connection self) {
                    self.connect(addressOf(listener), Duration.ofSeconds(10), connection -> {
                        Recorder recorder = new Recorder(connection, (other, in) -> in.position(in.limit()), false);
                        outbound.add(recorder);
                        return recorder;
                    });
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {}
            }).connect();
            Socket target = listener.accept();
            rig.await(() -> !outbound.isEmpty() && outbound.get(0).callbacks().equals("o"), "it is connected");
            client.socket.close();
            client.awaitClose();
            CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofSeconds(20));
            assertEquals(-1, target.getInputStream().read());
            target.close();
            assertEquals(1, drained.get(20, TimeUnit.SECONDS).connections());
            rig.await(outbound.get(0)::isClosed, "its last callback");
            assertNull(outbound.get(0).reason.cause());
            assertEquals("oc", outbound.get(0).callbacks());
        }
    }

    /** The drain has asked a connection that went out to leave; it still owes something, for which it makes another. */
    @Test
    void drainDoesNotWaitForAConnectionThatBeginsWhenOnlyThoseThatWentOutAreLeft() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Hold[] hold = new Hold[1];
            Handler late = new Handler() {
                @Override
                public void onOpen(Connection other) {
                    hold[0].close();
                }

                @Override
                public void onRead(Connection other, ByteBuffer in) {}

                @Override
                public void onClose(Connection other, CloseReason reason) {
                    hold[0].close(); // again, or as it was not connected
                }
            };
            Handler early = new Handler() {
                @Override
                public void onOpen(Connection other) {
                    hold[0] = other.hold();
                }

                @Override
                public void onRead(Connection other, ByteBuffer in) {}

                @Override
                public void onEof(Connection other) {
                    connectFrom(other, addressOf(listener), late);
                    other.close();
                }
            };
            Client client = serve(new Handler() {
                @Override
                public void onOpen(Connection self) {
                    connectFrom(self, addressOf(listener), early);
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {}
            }).connect();
            Socket first = listener.accept();
            rig.await(() -> !outbound.isEmpty() && outbound.get(0).callbacks().equals("o"), "it is connected");
            client.socket.close();
            client.awaitClose();
            Rig.inBackground(() -> {
                try (Socket second = listener.accept()) { // if it comes to that
                    return second.getInputStream().read();
                }
            });
            CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofMinutes(10));
            assertEquals(-1, first.getInputStream().read());
            first.close();
            assertEquals(0, drained.get(10, TimeUnit.SECONDS).cut());
            rig.await(() -> outbound.size() == 2 && outbound.stream().allMatch(Recorder::isClosed), "their last callbacks");
            assertEquals("oec", outbound.get(0).callbacks());
            assertEquals(List.of(), outbound.get(1).check());
        }
    }

    @Test
    void drainGivesUpAConnectWithoutAnAnswerOnceThoseWhoWantedItAreGone() throws Exception {
        try (ServerSocket listener = listener(1)) {
            List<Socket> fillers = fill(listener);
            Client gone = serve(new Handler() {
                @Override
                public void onOpen(Connection self) {
                    connectFrom(self, addressOf(listener), (other, in) -> {});
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {
                    in.position(in.limit());
                }
            }).connect();
            gone.socket.close();
            gone.awaitClose();
            rig.await(() -> rig.server.stats().get(ServerStats.Counter.CLOSED) == 1, "its end");
            long start = System.nanoTime();
            DrainReport report = rig.server.drain(Duration.ofMinutes(5)).get(20, TimeUnit.SECONDS);
            long tookMs = (System.nanoTime() - start) / 1_000_000;
            assertTrue(tookMs < 5_000, tookMs + " ms, as long as the connect may take");
            assertEquals(new DrainReport(1, List.of()), report);
            rig.await(() -> outbound.size() == 1 && outbound.get(0).isClosed(), "it is told");
            assertEquals("c", outbound.get(0).callbacks());
            assertEquals(Kind.CONNECT_FAILURE, outbound.get(0).reason.kind());
            assertEquals("given up before it was connected", outbound.get(0).reason.cause().getMessage());
            for (Socket filler : fillers) {
                filler.close();
            }
        }
    }

    private void connectFrom(Connection self, InetSocketAddress target, Handler handler) {
        assertTrue(self.connect(target, Duration.ofSeconds(10), other -> {
            Recorder recorder = new Recorder(other, handler, false);
            outbound.add(recorder);
            return recorder;
        }));
    }
}
