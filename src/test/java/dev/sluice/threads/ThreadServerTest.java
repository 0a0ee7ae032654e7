package dev.sluice.threads;

import static dev.sluice.threads.Served.await;
import static dev.sluice.threads.Served.receive;
import static dev.sluice.threads.Served.receiveAll;
import static dev.sluice.threads.Served.send;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.internal.ChunkDepot;
import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.SocketIo;
import dev.sluice.reactor.Reactor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The contracts that only the thread engines have: pools, threads that run out, reads and writes that block. */
@Timeout(60)
class ThreadServerTest {

    private static final Handler.Factory ECHO = connection -> (self, in) -> self.write(in);

    private Served served;

    private void serve(ServerOptions.Builder options, Threads threads, Handler.Factory factory) throws IOException {
        served = new Served(ThreadServer.start(Served.ANY, options.build(), threads, factory));
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        if (served != null) {
            served.close();
        }
    }

    private long closedBy(Kind kind) {
        return served.server.stats().closedBy(kind);
    }

    private long waiting() {
        return served.server.stats().get(ServerStats.Counter.WAITING);
    }

    // ---- pool ---------------------------------------------------------------------------------------------------------

    @Test
    void connectionsWaitForAThreadInTheirOrderAndAreCounted() throws Exception {
        serve(ServerOptions.builder(), Threads.pool(2), ECHO);
        List<Socket> clients = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            clients.add(send(served.connect(), "client " + i));
            int opened = i + 1;
            await(() -> served.server.stats().get(ServerStats.Counter.OPENED) == opened, "admitted");
        }
        assertEquals("client 0", receive(clients.get(0), 8));
        assertEquals("client 1", receive(clients.get(1), 8));
        assertEquals(4, waiting());
        clients.get(1).close();
        assertEquals("client 2", receive(clients.get(2), 8));
        assertEquals(3, waiting());
        clients.get(0).close();
        assertEquals("client 3", receive(clients.get(3), 8));
        assertEquals(2, waiting());
        assertEquals(0, clients.get(4).getInputStream().available());
    }

    @Test
    void waitingCountsAsIdleAndCallsNoHandler() throws Exception {
        AtomicInteger handlers = new AtomicInteger();
        serve(ServerOptions.builder().idleTimeout(Duration.ofMillis(300)), Threads.pool(1), connection -> {
            handlers.incrementAndGet();
            return (self, in) -> self.write(in);
        });
        Socket busy = served.connect();
        assertEquals("x", receive(send(busy, "x"), 1));
        List<Socket> waiting = List.of(served.connect(), served.connect());
        while (closedBy(Kind.IDLE) < 2) {
            assertEquals("y", receive(send(busy, "y"), 1));
        }
        for (Socket each : waiting) {
            assertEquals("", receiveAll(each));
        }
        assertEquals(0, waiting());
        assertEquals(1, handlers.get());
    }

    @Test
    void drainServesThoseWhoWait() throws Exception {
        serve(ServerOptions.builder(), Threads.pool(1), ECHO);
        List<Socket> clients = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            clients.add(send(served.connect(), "client " + i));
        }
        await(() -> waiting() == 9, "one is served");
        CompletableFuture<DrainReport> end = served.server.drain(Duration.ofSeconds(20));
        for (int i = 0; i < 10; i++) {
            assertEquals("client " + i, receiveAll(clients.get(i)));
            clients.get(i).close();
        }
        assertEquals(new DrainReport(10, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    @Test
    void drainsDeadlineEndsThoseWhoWaitToo() throws Exception {
        serve(ServerOptions.builder(), Threads.pool(1), connection -> (self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.allocate(8 << 20));
        });
        Socket stuck = send(served.connect(), "?");
        receive(stuck, 1);
        List<Socket> waiting = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            waiting.add(served.connect());
        }
        await(() -> waiting() == 100, "a hundred wait");
        DrainReport report = served.server.drain(Duration.ofMillis(200)).get(20, TimeUnit.SECONDS);
        assertEquals(101, report.connections());
        assertEquals(101, report.cut(), "a connection that was never served has not ended well");
        assertEquals(101, closedBy(Kind.DRAIN_DEADLINE), "the thread that is freed comes to none of them");
        for (Socket each : waiting) {
            assertTrue(isOver(each));
        }
    }

    private static boolean isOver(Socket client) {
        try {
            return client.getInputStream().read() < 0;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void poolHasAtLeastOneThread() {
        assertEquals("a pool has 1 to 100000 threads, not 0",
                assertThrows(IllegalArgumentException.class, () -> Threads.pool(0)).getMessage());
        assertThrows(IllegalArgumentException.class, () -> Threads.pool(100_001));
    }

    // ---- threads that are not to be had ---------------------------------------------------------------------------------

    /** Threads of the platform, while there are some. */
    private static ThreadFactory scarce(AtomicBoolean none, String name) {
        return work -> {
            if (none.get()) {
                throw new OutOfMemoryError("unable to create native thread (by the test)");
            }
            return new Thread(work, name);
        };
    }

    private void serveScarcely(AtomicBoolean noThread, AtomicBoolean noHelper, Handler.Factory factory) throws IOException {
        served = new Served(ThreadServer.start(
                Served.LISTENERS,
                ServerOptions.defaults(),
                Seams.machine(() -> new ConnectionThreads(scarce(noThread, "sluice-own"), scarce(noHelper, "sluice-helper"), 0, true), SocketIo.PLAIN),
                ThreadService.callbacks(factory)));
    }

    @ExpectsLog("a connection was refused")
    @Test
    void connectionForWhichThereIsNoThreadIsRefused() throws Exception {
        AtomicBoolean none = new AtomicBoolean();
        serveScarcely(none, new AtomicBoolean(), ECHO);
        Socket there = served.connect();
        assertEquals("x", receive(send(there, "x"), 1));
        none.set(true);
        assertTrue(isOver(served.connect()));
        await(() -> served.server.stats().get(ServerStats.Counter.REFUSED) == 1, "refused");
        assertEquals(1, served.server.stats().get(ServerStats.Counter.OPENED));
        assertEquals("y", receive(send(there, "y"), 1));
        none.set(false);
        assertEquals("z", receive(send(served.connect(), "z"), 1));
    }

    private static Handler echoThatKeeps(AtomicReference<CloseReason> reason) {
        return new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                self.write(in);
            }

            @Override
            public void onClose(Connection self, CloseReason why) {
                reason.set(why);
            }
        };
    }

    @Test
    void connectionForWhichThereIsNoWriterEndsWithTheCause() throws Exception {
        AtomicBoolean none = new AtomicBoolean();
        AtomicReference<CloseReason> reason = new AtomicReference<>();
        AtomicReference<Connection> connection = new AtomicReference<>();
        serveScarcely(new AtomicBoolean(), none, self -> {
            connection.set(self);
            return echoThatKeeps(reason);
        });
        Socket client = served.connect();
        assertEquals("x", receive(send(client, "x"), 1));
        none.set(true);
        connection.get().write(ByteBuffer.allocate(10));
        assertTrue(isOver(client));
        await(() -> reason.get() != null, "onClose");
        assertEquals(Kind.MEMORY, reason.get().kind());
        assertEquals(OutOfMemoryError.class, reason.get().cause().getClass());
        assertEquals(10, reason.get().unsent());
        none.set(false);
    }

    /** Memory for what is written, and of the JDK's own. */
    @ParameterizedTest
    @ValueSource(strings = {"chunk", "read", "write"})
    void connectionForWhichThereIsNoMemoryEndsWithTheCause(String what) throws Exception {
        OutOfMemoryError none = new OutOfMemoryError("by the test");
        AtomicReference<CloseReason> reason = new AtomicReference<>();
        Seams machine = Seams.machine(Threads.platform()::open, new SocketIo() {
            @Override
            public int read(SocketChannel channel, ByteBuffer into) throws IOException {
                if (what.equals("read")) {
                    throw none;
                }
                return SocketIo.super.read(channel, into);
            }

            @Override
            public int write(SocketChannel channel, ByteBuffer from) throws IOException {
                if (what.equals("write")) {
                    throw none;
                }
                return SocketIo.super.write(channel, from);
            }
        });
        served = new Served(ThreadServer.start(
                Served.LISTENERS,
                ServerOptions.defaults(),
                new Seams(
                        machine.sockets(),
                        machine.socketIo(),
                        machine.clock(),
                        machine.locks(),
                        () -> new ChunkPool(new ChunkDepot()) {
                            @Override
                            public Chunk take() {
                                if (what.equals("chunk")) {
                                    throw none;
                                }
                                return super.take();
                            }
                        },
                        machine.connections(),
                        machine.loop(),
                        machine.threads(),
                        machine.workers(),
                        machine.livenessNs()),
                ThreadService.callbacks(each -> echoThatKeeps(reason))));
        Socket client = served.connect();
        client.getOutputStream().write('x');
        assertTrue(isOver(client));
        await(() -> reason.get() != null, "onClose");
        assertEquals(Kind.MEMORY, reason.get().kind());
        assertSame(none, reason.get().cause());
    }

    @Test
    void threadThatFindsNoMemoryToBeKnownByServesAllTheSame() throws Exception {
        AtomicBoolean none = new AtomicBoolean(true);
        ThreadFactory unknown = work -> new Thread(work, "sluice-own") {
            @Override
            public int hashCode() {
                if (none.get()) {
                    throw new OutOfMemoryError("by the test");
                }
                return super.hashCode();
            }
        };
        served = new Served(ThreadServer.start(
                Served.LISTENERS,
                ServerOptions.defaults(),
                Seams.machine(() -> new ConnectionThreads(unknown, unknown, 0, false), SocketIo.PLAIN),
                ThreadService.callbacks(ECHO)));
        Socket client = served.connect();
        assertEquals("x", receive(send(client, "x"), 1));
        none.set(false);
    }

    @Test
    void connectionWhoseFailureCannotBeToldIsNotWaitedFor() throws Exception {
        InetSocketAddress unspeakable = new InetSocketAddress(InetAddress.getLoopbackAddress(), 1) {
            @Override
            public String toString() {
                throw new OutOfMemoryError("by the test");
            }
        };
        AtomicBoolean told = new AtomicBoolean();
        serve(ServerOptions.builder(), Threads.platform(), connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.connect(unspeakable, Duration.ofSeconds(5), other -> new Handler() {
                    @Override
                    public void onRead(Connection me, ByteBuffer in) {}

                    @Override
                    public void onClose(Connection me, CloseReason reason) {
                        told.set(true);
                        throw new IllegalStateException("on purpose");
                    }
                });
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {}
        });
        served.connect();
        await(told::get, "its end");
        served.server.drain(Duration.ofSeconds(1)).get(20, TimeUnit.SECONDS);
        assertEquals(1, served.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @Test
    void poolWhoseThreadsAreNotToBeHadDoesNotStart() {
        AtomicBoolean none = new AtomicBoolean(true);
        assertThrows(
                OutOfMemoryError.class,
                () -> ThreadServer.start(
                        Served.LISTENERS,
                        ServerOptions.defaults(),
                        Seams.machine(() -> new ConnectionThreads(scarce(none, "sluice-own"), scarce(none, "sluice-helper"), 3, true), SocketIo.PLAIN),
                ThreadService.callbacks(ECHO)));
    }

    // ---- calls that block -------------------------------------------------------------------------------------------------

    /** Platform threads, a pool, and virtual threads where there are some. */
    static Stream<Threads> kinds() {
        Stream<Threads> platform = Stream.of(Threads.platform(), Threads.pool(3));
        return Runtime.version().feature() < 21 ? platform : Stream.concat(platform, Stream.of(Threads.virtual()));
    }

    /** A server without an idle limit that looks at connections very often. */
    private void serveWatchfully(ServerOptions.Builder options, Threads threads, Handler.Factory factory) throws IOException {
        serveWatchfully(options, threads, SocketIo.PLAIN, factory);
    }

    private void serveWatchfully(ServerOptions.Builder options, Threads threads, SocketIo socketIo, Handler.Factory factory)
            throws IOException {
        served = new Served(ThreadServer.start(
                Served.LISTENERS,
                options.idleTimeout(Duration.ZERO).build(),
                Seams.machine(threads::open, socketIo).lookingEvery(Duration.ofMillis(20)),
                ThreadService.callbacks(factory)));
    }

    private void resetIsNoticed(Socket client) throws IOException {
        Awaitility.await().during(Duration.ofMillis(100)).until(() -> served.server.stats().open() > 0); // some looks
        client.setSoLinger(true, 0);
        client.close();
        await(() -> closedBy(Kind.RESET) == 1, "the reset");
    }

    /** Does as a test says when it opens, takes all input, and leaves its side open after the peer's end. */
    private static Handler.Factory still(Consumer<Connection> onOpen, CountDownLatch ended) {
        return connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                onOpen.accept(self);
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
            }

            @Override
            public void onEof(Connection self) {
                ended.countDown();
            }
        };
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void resetOfAHalfClosedPeerIsNoticed(Threads threads) throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        serveWatchfully(ServerOptions.builder(), threads, still(self -> {}, ended));
        Socket client = served.connect();
        client.shutdownOutput();
        assertTrue(ended.await(10, TimeUnit.SECONDS));
        resetIsNoticed(client);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void resetIsNoticedThoughThereIsMoreUnreadThanMayWait(Threads threads) throws Exception {
        serveWatchfully(ServerOptions.builder().maxRemainder(64 << 10), threads, still(Connection::pauseReading, new CountDownLatch(1)));
        Socket client = served.connect();
        client.getOutputStream().write(new byte[200_000]);
        resetIsNoticed(client);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void resetOfAPeerThatEndedItsSideWhileReadingWasPausedIsNoticed(Threads threads) throws Exception {
        serveWatchfully(ServerOptions.builder(), threads, still(Connection::pauseReading, new CountDownLatch(1)));
        Socket client = served.connect();
        client.shutdownOutput();
        resetIsNoticed(client);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void resetIsNoticedWhileACloseWaitsForAHold(Threads threads) throws Exception {
        serveWatchfully(ServerOptions.builder(), threads, still(self -> {
            self.hold();
            self.close();
        }, new CountDownLatch(1)));
        Socket client = served.connect();
        await(() -> served.server.stats().get(ServerStats.Counter.OPENED) == 1, "it is open");
        resetIsNoticed(client);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void resetIsNoticedWhileTheWorkersHaveNoRoom(Threads threads) throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        serveWatchfully(ServerOptions.builder().offloadThreads(1).offloadQueue(1), threads, still(self -> {
            while (self.offload(() -> {
                gate.await();
                return null;
            }, (nothing, failure) -> {})) {
                continue;
            }
        }, new CountDownLatch(1)));
        try {
            Socket client = served.connect();
            await(() -> served.server.stats().get(ServerStats.Counter.WORKERS_FULL) == 1, "the queue is full");
            resetIsNoticed(client);
        } finally {
            gate.countDown();
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void connectionIsNotIdleWhileItsHandlerIsAtWork(Threads threads) throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        serve(ServerOptions.builder().idleTimeout(Duration.ofMillis(200)), threads, connection -> (self, in) -> {
            inside.countDown();
            goOn.await(20, TimeUnit.SECONDS);
            self.write(in);
        });
        Socket client = send(served.connect(), "question");
        assertTrue(inside.await(10, TimeUnit.SECONDS));
        for (int i = 0; i < 2; i++) {
            assertEquals("", receiveAll(served.connect()), "idles for as long as anybody may");
        }
        goOn.countDown();
        assertEquals("question", receive(client, 8));
        assertEquals("", receiveAll(client), "and idles, too");
        await(() -> closedBy(Kind.IDLE) == 3, "all three");
    }

    @Test
    void resetOfOneThatWaitsForAThreadIsNoticed() throws Exception {
        AtomicInteger handlers = new AtomicInteger();
        serveWatchfully(ServerOptions.builder(), Threads.pool(1), connection -> {
            handlers.incrementAndGet();
            return (self, in) -> self.write(in);
        });
        Socket busy = served.connect();
        assertEquals("x", receive(send(busy, "x"), 1));
        Socket client = send(served.connect(), "unread");
        await(() -> waiting() == 1, "it waits");
        resetIsNoticed(client);
        assertEquals(0, waiting());
        assertEquals(1, handlers.get());
        assertEquals("y", receive(send(busy, "y"), 1));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void connectionThatIsLookedAtGoesOnAsBefore(Threads threads) throws Exception {
        AtomicReference<Connection> connection = new AtomicReference<>();
        CountDownLatch ended = new CountDownLatch(1);
        serveWatchfully(ServerOptions.builder(), threads, still(connection::set, ended));
        Socket client = served.connect();
        client.shutdownOutput();
        assertTrue(ended.await(10, TimeUnit.SECONDS));
        int bytes = 2 << 20; // more than the kernel takes at once: a write that did not wait would spin, or fall short
        for (int i = 0; i < 20; i++) {
            connection.get().write(ByteBuffer.allocate(bytes));
            assertEquals(bytes, client.getInputStream().readNBytes(bytes).length);
            Awaitility.await().during(Duration.ofMillis(25)).until(connection.get()::isOpen); // a look
        }
        connection.get().close();
        assertEquals("", receiveAll(client));
        await(() -> closedBy(Kind.PEER) == 1, "the end");
    }

    /** A look takes the channel from the thread that reads or writes: it would wait for that, and every connection of the server with it. */
    @Test
    void lookWaitsForNobodyWhoReadsLastBytesBetweenTwoWrites() throws Exception {
        SocketIo takesNothing = new SocketIo() {
            @Override
            public int write(SocketChannel channel, ByteBuffer from) {
                Thread.yield();
                return 0;
            }
        };
        AtomicReference<Connection> connection = new AtomicReference<>();
        serveWatchfully(ServerOptions.builder(), Threads.platform(), takesNothing, each -> {
            connection.compareAndSet(null, each);
            return (me, in) -> in.position(in.limit());
        });
        Socket client = send(served.connect(), "x");
        await(() -> served.server.stats().get(ServerStats.Counter.READS) == 2, "its thread reads on");
        connection.get().write(ByteBuffer.allocate(10));
        connection.get().close();
        await(() -> served.server.stats().get(ServerStats.Counter.WRITES) > 1_000, "its writer tries again and again");
        send(client, "y");
        await(() -> served.server.stats().get(ServerStats.Counter.READS) == 3, "its thread reads the last bytes");
        Awaitility.await().during(Duration.ofMillis(200)).until(() -> served.server.stats().open() == 1); // some looks
        for (int opened = 2; opened < 5; opened++) { // the loop is there
            served.connect();
            int expected = opened;
            await(() -> served.server.stats().get(ServerStats.Counter.OPENED) == expected, "a newcomer");
        }
        client.setSoLinger(true, 0);
        client.close();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void bytesThatCameWhileReadingWasPausedComeInTheirOrder(Threads threads) throws Exception {
        StringBuffer heard = new StringBuffer();
        AtomicReference<Connection> connection = new AtomicReference<>();
        serveWatchfully(ServerOptions.builder(), threads, self -> {
            connection.set(self);
            return (me, in) -> {
                if (heard.length() == 0) {
                    me.pauseReading();
                }
                heard.append(StandardCharsets.ISO_8859_1.decode(in));
            };
        });
        Socket client = send(served.connect(), "0");
        await(() -> heard.toString().equals("0"), "the first");
        for (int i = 1; i < 6; i++) {
            send(client, Integer.toString(i));
            Awaitility.await().during(Duration.ofMillis(25)).until(() -> heard.toString().equals("0")); // a look
        }
        connection.get().execute(() -> connection.get().resumeReading());
        await(() -> heard.toString().equals("012345"), "all of them");
    }

    @Test
    void drainWaitsForATaskThatAHelperIsIn() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicReference<Connection> connection = new AtomicReference<>();
        serve(ServerOptions.builder(), Threads.platform(), self -> {
            connection.set(self);
            return (me, in) -> in.position(in.limit());
        });
        Socket client = send(served.connect(), "a");
        await(() -> served.server.stats().get(ServerStats.Counter.READS) == 2, "its thread reads on");
        connection.get().execute(() -> {
            inside.countDown();
            try {
                goOn.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            connection.get().write(ByteBuffer.wrap(new byte[] {'b'}));
        });
        assertTrue(inside.await(10, TimeUnit.SECONDS));
        CompletableFuture<DrainReport> end = served.server.drain(Duration.ofSeconds(20));
        Awaitility.await().during(Duration.ofMillis(200)).until(connection.get()::isOpen); // four looks
        goOn.countDown();
        assertEquals("b", receiveAll(client));
        client.close();
        assertEquals(new DrainReport(1, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void connectionThatIsCutWhileItsHandlerIsAtWorkWasOwedSomething(Threads threads) throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        serve(ServerOptions.builder(), threads, connection -> (self, in) -> {
            in.get();
            inside.countDown();
            goOn.await(20, TimeUnit.SECONDS);
        });
        Socket client = send(served.connect(), "wxy");
        assertTrue(inside.await(10, TimeUnit.SECONDS));
        send(client, "z");
        CompletableFuture<DrainReport> end = served.server.drain(Duration.ofMillis(100));
        assertTrue(isOver(client));
        goOn.countDown();
        DrainReport report = end.get(20, TimeUnit.SECONDS);
        assertEquals(1, report.cut());
        assertEquals(1, report.owed());
        assertEquals(3, report.bytesUnread());
    }

    @Test
    void foreignWritesLeaveWhileACallbackTakesItsTime() throws Exception {
        AtomicReference<Connection> connection = new AtomicReference<>();
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch inside = new CountDownLatch(1);
        AtomicInteger writable = new AtomicInteger();
        serve(ServerOptions.builder(), Threads.platform(), self -> {
            connection.set(self);
            return new Handler() {
                @Override
                public void onRead(Connection self, ByteBuffer in) throws Exception {
                    in.position(in.limit());
                    inside.countDown();
                    goOn.await(20, TimeUnit.SECONDS);
                }

                @Override
                public void onWritable(Connection self) {
                    writable.incrementAndGet();
                }
            };
        });
        Socket client = send(served.connect(), "?");
        assertTrue(inside.await(10, TimeUnit.SECONDS));
        for (int i = 0; i < 10; i++) {
            connection.get().write(ByteBuffer.allocate(100_000));
            assertEquals(100_000, client.getInputStream().readNBytes(100_000).length);
        }
        assertEquals(0, writable.get(), "callbacks do not overlap");
        goOn.countDown();
        await(() -> writable.get() > 0, "and come in their turn");
    }

    @Test
    void wireThatFailsIsAReset() throws Exception {
        List<CloseReason> reasons = new CopyOnWriteArrayList<>();
        AtomicBoolean readFails = new AtomicBoolean();
        SocketIo failing = new SocketIo() {
            @Override
            public int read(SocketChannel channel, ByteBuffer into) throws IOException {
                if (readFails.get()) {
                    throw new IllegalStateException("scripted");
                }
                return SocketIo.super.read(channel, into);
            }

            @Override
            public int write(SocketChannel channel, ByteBuffer from) throws IOException {
                throw new IOException("scripted");
            }
        };
        served = new Served(ThreadServer.start(
                Served.LISTENERS,
                ServerOptions.defaults(),
                Seams.machine(Threads.platform()::open, failing),
                ThreadService.callbacks(self -> new Handler() {
                    @Override
                    public void onRead(Connection self, ByteBuffer in) {
                        self.write(in);
                    }

                    @Override
                    public void onClose(Connection self, CloseReason reason) {
                        reasons.add(reason);
                    }
                })));
        assertTrue(isOver(send(served.connect(), "12345")));
        await(() -> reasons.size() == 1, "onClose");
        assertEquals(Kind.RESET, reasons.get(0).kind());
        assertEquals(5, reasons.get(0).unsent());
        readFails.set(true);
        assertTrue(isOver(served.connect()));
        await(() -> reasons.size() == 2, "onClose");
        assertEquals("scripted", reasons.get(1).cause().getMessage());
    }

    @Test
    void writeReturnsThoughBytesOfAClosedConnectionAreStillBeingWritten() throws Exception {
        CountDownLatch kernelTakes = new CountDownLatch(1);
        AtomicInteger beingWritten = new AtomicInteger();
        SocketIo stuck = new SocketIo() {
            private void await() {
                beingWritten.incrementAndGet();
                try {
                    kernelTakes.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }

            @Override
            public int write(SocketChannel channel, ByteBuffer from) throws IOException {
                await();
                return SocketIo.super.write(channel, from);
            }

            @Override
            public long write(SocketChannel channel, ByteBuffer[] from, int count) throws IOException {
                await();
                return SocketIo.super.write(channel, from, count);
            }
        };
        List<Connection> connections = new CopyOnWriteArrayList<>();
        served = new Served(ThreadServer.start(
                Served.LISTENERS,
                ServerOptions.builder().maxMemory(75 << 10).build(), // 5 connections, with 2 KiB each, and 64 KiB
                Seams.machine(Threads.platform()::open, stuck),
                ThreadService.callbacks(each -> {
                    connections.add(each);
                    return ECHO.create(each);
                })));
        try {
            for (int i = 1; i <= 5; i++) {
                served.connect();
                int there = i;
                await(() -> connections.size() == there, "a connection");
            }
            for (int i = 0; i < 4; i++) { // all that may wait, and all of it is being written
                connections.get(i).write(ByteBuffer.allocate(16 << 10));
                int writers = i + 1;
                await(() -> beingWritten.get() == writers, "a writer");
            }
            CompletableFuture<Void> write =
                    CompletableFuture.runAsync(() -> connections.get(4).write(ByteBuffer.allocate(8 << 10)));
            await(() -> connections.stream().anyMatch(each -> !each.isOpen()), "one is closed for the limit");
            write.get(5, TimeUnit.SECONDS); // no writer has come back yet
        } finally {
            kernelTakes.countDown();
        }
        await(() -> closedBy(Kind.MEMORY) > 0, "its end");
    }

    @Test
    void connectionWhoseEndFindsNoMemoryIsClosedAllTheSame() throws Exception {
        AtomicReference<Connection> connection = new AtomicReference<>();
        AtomicReference<CloseReason> reason = new AtomicReference<>();
        AtomicInteger failures = new AtomicInteger();
        SocketIo without = new SocketIo() {
            @Override
            public void resetOnClose(SocketChannel channel) {
                failures.incrementAndGet();
                throw new OutOfMemoryError("by the test");
            }
        };
        served = new Served(ThreadServer.start(
                Served.LISTENERS,
                ServerOptions.builder().maxPending(1 << 20).build(),
                Seams.machine(Threads.platform()::open, without),
                ThreadService.callbacks(each -> {
                    connection.set(each);
                    return echoThatKeeps(reason);
                })));
        Socket client = served.connect();
        assertEquals("x", receive(send(client, "x"), 1));
        await(() -> served.server.stats().get(ServerStats.Counter.READS) == 2, "its thread reads on");
        try {
            while (connection.get().isOpen()) {
                connection.get().write(ByteBuffer.allocate(100_000)); // until more waits than may
            }
        } catch (OutOfMemoryError e) {
            // the writer may be told, or not
        }
        assertEquals(1, failures.get());
        try {
            await(() -> reason.get() != null, "onClose");
        } finally {
            client.close(); // or the server would not end
        }
        assertEquals(Kind.QUEUE_LIMIT, reason.get().kind());
    }

    // ---- start and end ----------------------------------------------------------------------------------------------------

    @Test
    void portThatIsTakenLeavesNothingBehind() throws Exception {
        serve(ServerOptions.builder(), Threads.platform(), ECHO);
        InetSocketAddress taken = served.server.address();
        assertThrows(
                IOException.class, () -> ThreadServer.start(taken, ServerOptions.defaults(), Threads.pool(3), ECHO));
        served.close();
        served = null;
        try (ThreadServer again = ThreadServer.start(taken, ServerOptions.defaults(), Threads.platform(), ECHO)) {
            assertEquals(taken, again.address(), "the port is free at once");
        }
    }

    @Test
    void closedServerHasCalledEveryLastCallback() throws Exception {
        AtomicInteger closed = new AtomicInteger();
        ThreadServer server = ThreadServer.start(Served.ANY, ServerOptions.defaults(), Threads.platform(), c -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                Thread.yield();
                closed.incrementAndGet();
            }
        });
        List<Socket> clients = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            clients.add(new Socket(server.address().getAddress(), server.address().getPort()));
        }
        await(() -> server.stats().get(ServerStats.Counter.OPENED) == 20, "all");
        for (Socket client : clients) {
            client.close();
        }
        server.close();
        assertEquals(20, closed.get());
        assertTrue(server.termination().isDone());
    }

    @Test
    void serverWhoseLoopHasFailedEndsAfterTheLastCallbacksToo() throws Exception {
        CountDownLatch closing = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicReference<Reactor> loop = new AtomicReference<>();
        Handler handler = new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) throws Exception {
                closing.countDown();
                goOn.await();
            }
        };
        served = new Served(ThreadServer.start(Served.ANY, ServerOptions.defaults(), Threads.pool(1), each -> {
            loop.set(((ThreadConnection) each).context.reactor);
            return handler;
        }));
        served.connect();
        served.connect();
        await(() -> waiting() == 1, "one is served, one waits for a thread");
        loop.get().stop(); // stands for a select that fails
        closing.await();
        CompletableFuture<DrainReport> end = served.server.termination();
        assertThrows(TimeoutException.class, () -> end.get(300, TimeUnit.MILLISECONDS));
        goOn.countDown();
        assertThrows(ExecutionException.class, () -> end.get(20, TimeUnit.SECONDS), "there was no drain, and so there is no report");
        assertEquals(2, served.server.stats().get(ServerStats.Counter.CLOSED));
        assertEquals(0, waiting());
        await(() -> Served.threads() == 0, "the server's threads end");
        for (Socket client : served.clients) {
            client.close();
        }
        served = null; // which would drain it
    }

    @Test
    void kindsOfThreadsTellThemselves() {
        assertEquals("a pool of 3 platform threads", Threads.pool(3).toString());
        assertEquals("a platform thread for each connection", Threads.platform().toString());
    }

    @Test
    @EnabledForJreRange(max = JRE.JAVA_20)
    void virtualThreadsAreNotThereBeforeJava21() {
        String message = assertThrows(UnsupportedOperationException.class, Threads::virtual).getMessage();
        assertEquals("virtual threads need Java 21 or later, this is Java " + System.getProperty("java.version"), message);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void virtualThreadsServe() throws Exception {
        AtomicReference<Thread> thread = new AtomicReference<>();
        serve(ServerOptions.builder(), Threads.virtual(), connection -> (self, in) -> {
            thread.set(Thread.currentThread());
            self.write(in);
        });
        assertEquals("x", receive(send(served.connect(), "x"), 1));
        assertTrue((boolean) Thread.class.getMethod("isVirtual").invoke(thread.get()));
        assertFalse(thread.get().getName().isEmpty());
        assertEquals("a virtual thread for each connection", Threads.virtual().toString());
    }
}
