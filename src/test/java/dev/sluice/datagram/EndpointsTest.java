package dev.sluice.datagram;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.ExpectsLog;
import dev.sluice.reactor.Reactor;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.spi.SelectorProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One handler, both kinds of endpoint; in the end every datagram is accounted for. */
@Timeout(60)
class EndpointsTest {

    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final int POOL_SIZE = 3;
    private static final Executor THREADS = task -> new Thread(task, "test").start();
    private static final DatagramHandler ECHO = (endpoint, sender, data) -> endpoint.send(data, sender);

    enum Kind {
        REACTOR, THREAD, POOL, VIRTUAL;

        DatagramEndpoint start(DatagramOptions options, DatagramHandler handler) throws IOException {
            return start(new InetSocketAddress(LOOPBACK, 0), options, handler);
        }

        DatagramEndpoint start(InetSocketAddress address, DatagramOptions options, DatagramHandler handler) throws IOException {
            try {
                return switch (this) {
                    case REACTOR -> ReactorEndpoint.start(address, options, handler);
                    case THREAD -> BlockingEndpoint.start(address, options, Threads.platform(), handler);
                    case POOL -> BlockingEndpoint.start(address, options, Threads.pool(POOL_SIZE), handler);
                    case VIRTUAL -> BlockingEndpoint.start(address, options, Threads.virtual(), handler);
                };
            } catch (UnsupportedOperationException e) {
                Assumptions.abort(e.getMessage());
                throw e;
            }
        }
    }

    private DatagramEndpoint endpoint;
    private DatagramSocket client;

    private void start(Kind kind, DatagramOptions options, DatagramHandler handler) throws IOException {
        endpoint = kind.start(options, handler);
        client = new DatagramSocket(0, LOOPBACK);
        client.setSoTimeout(20_000);
    }

    private void send(byte... data) throws IOException {
        sendTo(endpoint.address(), data);
    }

    private void sendTo(InetSocketAddress address, byte... data) throws IOException {
        client.send(new DatagramPacket(data, data.length, address));
    }

    private byte[] receive() throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[70_000], 70_000);
        client.receive(packet);
        assertEquals(endpoint.address(), packet.getSocketAddress());
        return java.util.Arrays.copyOf(packet.getData(), packet.getLength());
    }

    private static void await(Callable<Boolean> condition, String what) {
        Awaitility.await(what).pollInterval(Duration.ofMillis(1)).pollDelay(Duration.ZERO).atMost(Duration.ofSeconds(20)).until(condition);
    }

    @AfterEach
    void booksBalance() throws Exception {
        if (endpoint == null) {
            return;
        }
        drainAndCheckTheBooks();
        assertFalse(endpoint.send(ByteBuffer.allocate(1), endpoint.address()));
        new DatagramSocket(endpoint.address()).close(); // the port is free
        client.close();
        await(EndpointsTest::hasNoThreadLeft, "its threads end");
    }

    private void drainAndCheckTheBooks() throws Exception {
        DatagramStats end = endpoint.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS);
        assertEquals(end.offered(), end.sent() + end.dropped() + end.failed(), end.toString());
        assertEquals(0, end.queued());
    }

    private static boolean hasNoThreadLeft() {
        return Thread.getAllStackTraces().keySet().stream().noneMatch(thread -> thread.getName().startsWith("sluice"));
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void answersWhatItIsSent(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), ECHO);
        for (int length : new int[] {1, 0, 1_500, 9_000, DatagramEndpoint.LONGEST}) {
            byte[] data = new byte[length];
            new java.util.Random(length).nextBytes(data);
            send(data);
            assertArrayEquals(data, receive());
        }
        DatagramStats stats = endpoint.stats();
        assertEquals(5, stats.received());
        assertEquals(10_501 + DatagramEndpoint.LONGEST, stats.receivedBytes());
        assertEquals(0, stats.truncated() + stats.dropped() + stats.failed());
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void oneThatIsTooLongIsCountedAndNotHandled(Kind kind) throws Exception {
        start(kind, DatagramOptions.builder().maxSize(100).build(), ECHO);
        send(new byte[101]);
        send(new byte[100]);
        assertEquals(100, receive().length);
        await(() -> endpoint.stats().truncated() == 1, "the other, which several threads may take up in any order");
        assertEquals(2, endpoint.stats().received());
    }

    @ExpectsLog("handler failed on")
    @ParameterizedTest
    @EnumSource(Kind.class)
    void handlerThatThrowsHarmsNoOther(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            if (data.get(0) == 'x') {
                throw new StackOverflowError("on purpose");
            }
            self.send(data, sender);
        });
        send((byte) 'x');
        send((byte) 'y');
        assertArrayEquals(new byte[] {'y'}, receive());
        await(() -> endpoint.stats().handlerFailures() == 1, "the other, which several threads may take up in any order");
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void peersThatAreNotThereAreNoFailure(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), ECHO);
        for (int i = 0; i < 20; i++) {
            try (DatagramSocket gone = new DatagramSocket(0, LOOPBACK)) {
                gone.send(new DatagramPacket(new byte[] {1}, 1, endpoint.address())); // its answer finds nobody
            }
        }
        await(() -> endpoint.stats().received() == 20, "all of them");
        send((byte) 1);
        receive();
        assertEquals(0, endpoint.stats().receiveFailures());
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void oneFromItsOwnAddressIsNotAnsweredForEver(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), ECHO);
        assertTrue(endpoint.send(ByteBuffer.allocate(10), endpoint.address()));
        await(() -> endpoint.stats().received() == 1, "it");
        send((byte) 1);
        assertArrayEquals(new byte[] {1}, receive());
        await(() -> endpoint.stats().sent() == 2, "the answer's place in the books");
        assertEquals(2, endpoint.stats().received());
        assertEquals(1, endpoint.stats().fromSelf());
    }

    /** The wildcard stands for all of them: each is where a datagram of its own can come from. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void oneFromAnyAddressOfTheMachineIsItsOwnWhereItListensOnAll(Kind kind) throws Exception {
        List<InetAddress> all = NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .filter(address -> !address.isLinkLocalAddress()) // which wants to be told the interface
                .toList();
        endpoint = kind.start(new InetSocketAddress(0), DatagramOptions.defaults(), ECHO);
        client = new DatagramSocket(0, LOOPBACK);
        client.setSoTimeout(20_000);
        int port = endpoint.address().getPort();
        for (InetAddress address : all) {
            assertTrue(endpoint.send(ByteBuffer.allocate(10), new InetSocketAddress(address, port)));
        }
        await(() -> endpoint.stats().received() >= all.size(), "all of them");
        sendTo(new InetSocketAddress(LOOPBACK, port), (byte) 1);
        client.receive(new DatagramPacket(new byte[10], 10));
        assertEquals(all.size(), endpoint.stats().fromSelf());
        assertEquals(all.size() + 1, endpoint.stats().received());
        drainAndCheckTheBooks();
        new DatagramSocket(port).close(); // is free
        endpoint = null;
    }

    /** Such as a server of the same kind: nothing says that it answers everything. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void peerWithTheSamePortNumberElsewhereIsAnswered(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), ECHO);
        InetAddress elsewhere = InetAddress.getByAddress(new byte[] {127, 0, 0, 2});
        try (DatagramSocket peer = new DatagramSocket(endpoint.address().getPort(), elsewhere)) {
            peer.setSoTimeout(20_000);
            peer.send(new DatagramPacket(new byte[] {7}, 1, endpoint.address()));
            peer.receive(new DatagramPacket(new byte[10], 10));
        }
        assertEquals(0, endpoint.stats().fromSelf());
    }

    @ExpectsLog("cannot send to")
    @ParameterizedTest
    @EnumSource(Kind.class)
    void datagramsThatTheKernelRefusesAreCounted(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            self.send(ByteBuffer.allocate(DatagramEndpoint.LONGEST + 100), sender);
            self.send(ByteBuffer.allocate(1), InetSocketAddress.createUnresolved("nowhere.invalid", 1));
            self.send(data, sender);
        });
        send((byte) 1);
        receive();
        assertEquals(2, endpoint.stats().failed());
    }

    /** As many bytes as a buffer can have, which take no memory. */
    private static ByteBuffer largest() throws IOException {
        Path file = Files.createTempFile("sluice", null);
        try (FileChannel sparse = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE)) {
            sparse.write(ByteBuffer.allocate(1), Integer.MAX_VALUE - 1L);
            return sparse.map(FileChannel.MapMode.READ_ONLY, 0, Integer.MAX_VALUE);
        }
    }

    @ExpectsLog("cannot send to")
    @ParameterizedTest
    @EnumSource(Kind.class)
    void oneThatNoDatagramCanBeIsRefusedAndTakesNoRoom(Kind kind) throws Exception {
        ByteBuffer largest = largest();
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            assertTrue(self.send(largest.duplicate(), sender));
            self.send(data, sender);
        });
        ByteBuffer data = largest.duplicate();
        assertTrue(endpoint.send(data, client.getLocalSocketAddress()));
        assertFalse(data.hasRemaining());
        send((byte) 1);
        assertArrayEquals(new byte[] {1}, receive());
        assertTrue(endpoint.send(ByteBuffer.allocate(100), client.getLocalSocketAddress()));
        assertEquals(100, receive().length);
        assertEquals(2, endpoint.stats().failed());
        assertEquals(0, endpoint.stats().handlerFailures());
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void argumentsThatAreNoneChangeNothing(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), ECHO);
        assertThrows(NullPointerException.class, () -> endpoint.send(null, client.getLocalSocketAddress()));
        assertThrows(NullPointerException.class, () -> endpoint.drain(null));
        send((byte) 1);
        receive();
        await(() -> endpoint.stats().sent() == 1, "the answer's place in the books");
        assertEquals(1, endpoint.stats().offered());
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void anyThreadSends(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), ECHO);
        Thread.currentThread().interrupt(); // which closes nothing
        ByteBuffer data = ByteBuffer.wrap(new byte[] {1, 2, 3});
        assertTrue(endpoint.send(data, client.getLocalSocketAddress()));
        assertFalse(data.hasRemaining());
        assertTrue(Thread.interrupted());
        assertArrayEquals(new byte[] {1, 2, 3}, receive());
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void handlerThatInterruptsItsThreadLosesNothing(Kind kind) throws Exception {
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            Thread.currentThread().interrupt();
            assertTrue(self.send(data, sender));
            assertTrue(Thread.currentThread().isInterrupted(), "the flag is the handler's");
        });
        for (int i = 0; i < 20; i++) {
            send((byte) i);
            assertArrayEquals(new byte[] {(byte) i}, receive());
        }
        await(() -> endpoint.stats().sent() == 20, "all of them, as a handler goes on after its send");
        endpoint.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS);
        assertEquals(0, endpoint.stats().handlerFailures());
    }

    /** It closes the port, as the JDK has it. What is wanted is that nobody takes that for a good end. */
    @ExpectsLog("a thread of the port's was interrupted while it waited")
    @ParameterizedTest
    @EnumSource(value = Kind.class, names = "REACTOR", mode = EnumSource.Mode.EXCLUDE)
    void interruptOfAThreadThatWaitsEndsTheEndpointAndIsToldAsItsFailure(Kind kind) throws Exception {
        AtomicReference<Thread> receiver = new AtomicReference<>();
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            receiver.set(Thread.currentThread());
            self.send(data, sender);
        });
        send((byte) 1);
        receive();
        DatagramEndpoint interrupted = endpoint;
        endpoint = null; // it does not end well
        CompletableFuture<DatagramStats> end = interrupted.termination();
        await(() -> {
            receiver.get().interrupt(); // again, as it has no effect until the thread waits
            sendTo(interrupted.address(), (byte) 2); // of several threads one waits for the kernel, the others for that one
            return end.isDone();
        }, "the end");
        assertEquals(ClosedByInterruptException.class, assertThrows(ExecutionException.class, end::get).getCause().getClass());
        assertThrows(ExecutionException.class, () -> interrupted.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS));
        assertFalse(interrupted.send(ByteBuffer.allocate(1), client.getLocalSocketAddress()));
        DatagramStats stats = interrupted.stats();
        assertEquals(stats.offered(), stats.sent() + stats.dropped() + stats.failed(), stats.toString());
        new DatagramSocket(interrupted.address()).close(); // the port is free
        client.close();
        await(EndpointsTest::hasNoThreadLeft, "its threads end");
    }

    /** While the endpoint's own thread may not have taken its first breath. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void datagramsSentAtOnceAfterTheStartLeave(Kind kind) throws Exception {
        try (DatagramSocket peer = new DatagramSocket(0, LOOPBACK)) {
            for (int round = 0; round < 200; round++) {
                DatagramEndpoint fresh = kind.start(DatagramOptions.defaults(), ECHO);
                for (int i = 0; i < 50; i++) {
                    assertTrue(fresh.send(ByteBuffer.allocate(0), peer.getLocalSocketAddress()));
                }
                assertEquals(50, fresh.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS).sent());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void queueIsBounded(Kind kind) throws Exception {
        CountDownLatch gate = new CountDownLatch(kind == Kind.REACTOR ? 1 : 0);
        start(kind, DatagramOptions.builder().maxSize(100).maxQueued(10_000).build(), (self, sender, data) -> gate.await());
        send((byte) 1); // keeps the loop
        await(() -> endpoint.stats().received() == 1, "it");
        int dropped = 0;
        for (int i = 0; i < 100_000 && dropped == 0; i++) {
            dropped += endpoint.send(ByteBuffer.allocate(100), client.getLocalSocketAddress()) ? 0 : 1;
        }
        assertTrue(dropped > 0, "never full");
        assertTrue(endpoint.stats().queued() <= 10_000 / 100);
        assertTrue(endpoint.stats().dropped() > 0);
        gate.countDown();
    }

    /** One that is offered has no room, and one that arrives is too long: cause and effect are close together. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void snapshotOfTheCountersNeverContradictsItself(Kind kind) throws Exception {
        start(kind, DatagramOptions.builder().maxSize(0).maxQueued(0).build(), ECHO);
        AtomicBoolean stop = new AtomicBoolean();
        CompletableFuture<Void> offering = CompletableFuture.runAsync(() -> {
            ByteBuffer data = ByteBuffer.allocate(1);
            while (!stop.get()) {
                for (int i = 0; i < 1_000; i++) {
                    endpoint.send(data.clear(), endpoint.address());
                }
            }
        }, THREADS);
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> assertDoesNotThrow(() -> {
            while (!stop.get()) {
                send((byte) 1);
            }
        }), THREADS);
        try {
            for (int i = 0; i < 100_000; i++) {
                DatagramStats stats = endpoint.stats();
                assertTrue(stats.queued() >= 0 && stats.received() >= stats.truncated() + stats.handlerFailures(), stats::toString);
                assertEquals(stats.offered(), stats.sent() + stats.queued() + stats.dropped() + stats.failed(), stats::toString);
            }
            await(() -> endpoint.stats().dropped() > 1_000 && endpoint.stats().truncated() > 0, "both have happened");
        } finally {
            stop.set(true);
            offering.get(20, TimeUnit.SECONDS);
            sending.get(20, TimeUnit.SECONDS);
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void drainHandlesWhatHasArrived(Kind kind) throws Exception {
        AtomicInteger handled = new AtomicInteger();
        CountDownLatch first = new CountDownLatch(1);
        CountDownLatch gate = new CountDownLatch(1);
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            first.countDown();
            gate.await();
            handled.incrementAndGet();
            self.send(data, sender);
        });
        for (int i = 0; i < 50; i++) {
            send((byte) i);
        }
        first.await();
        var end = endpoint.drain(Duration.ofSeconds(Long.MAX_VALUE)); // as long as it takes
        gate.countDown();
        assertEquals(50, end.get(20, TimeUnit.SECONDS).sent());
        assertEquals(50, handled.get());
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void datagramsSentAroundTheEndAreAccountedFor(Kind kind) throws Exception {
        try (DatagramSocket peer = new DatagramSocket(0, LOOPBACK)) {
            SocketAddress to = peer.getLocalSocketAddress();
            for (int round = 0; round < 20; round++) {
                DatagramEndpoint ending = kind.start(DatagramOptions.defaults(), ECHO);
                CompletableFuture<DatagramStats> end = ending.termination();
                List<Thread> senders = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    Thread sender = new Thread(() -> {
                        while (!end.isDone()) {
                            ending.send(ByteBuffer.allocate(1), to);
                        }
                    });
                    sender.start();
                    senders.add(sender);
                }
                await(() -> ending.stats().sent() > 0, "the first");
                ending.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS);
                for (Thread sender : senders) {
                    sender.join();
                }
                DatagramStats stats = ending.stats();
                assertEquals(0, stats.queued(), stats.toString());
                assertEquals(stats.offered(), stats.sent() + stats.dropped() + stats.failed(), stats.toString());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void asManyHandlersRunAtATimeAsThereAreThreads(Kind kind) throws Exception {
        int threads = kind == Kind.POOL ? POOL_SIZE : 1;
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        AtomicInteger virtual = new AtomicInteger();
        CountDownLatch all = new CountDownLatch(threads);
        CountDownLatch gate = new CountDownLatch(1);
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
            virtual.addAndGet(Thread.currentThread().getThreadGroup().getName().equals("VirtualThreads") ? 1 : 0);
            all.countDown();
            gate.await();
            inside.decrementAndGet();
        });
        for (int i = 0; i < 2 * POOL_SIZE; i++) {
            send((byte) i);
        }
        all.await();
        gate.countDown();
        await(() -> endpoint.stats().received() == 2 * POOL_SIZE, "the rest");
        assertEquals(threads, most.get());
        assertEquals(kind == Kind.VIRTUAL ? 2 * POOL_SIZE : 0, virtual.get());
    }

    @Test
    void noThreadsAreNoKindOfThreads() {
        assertThrows(IllegalArgumentException.class, () -> BlockingEndpoint.start(
                new InetSocketAddress(LOOPBACK, 0), DatagramOptions.defaults(), Threads.pool(0), ECHO));
    }

    /** At the deadline threads that block let go of the port; on a reactor there is no other thread that could. */
    @ParameterizedTest
    @EnumSource(Kind.class)
    void handlerThatBlocksKeepsNobodysPortAndIsWaitedFor(Kind kind) throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch gate = new CountDownLatch(1);
        AtomicReference<Boolean> over = new AtomicReference<>();
        start(kind, DatagramOptions.defaults(), (self, sender, data) -> {
            inside.countDown();
            gate.await();
            over.set(self.termination().isDone());
            assertEquals(kind == Kind.REACTOR, self.send(data, sender));
        });
        try {
            send((byte) 1);
            assertTrue(inside.await(20, TimeUnit.SECONDS));
            CompletableFuture<DatagramStats> end = endpoint.drain(Duration.ofMillis(100));
            if (kind != Kind.REACTOR) {
                await(() -> isFree(endpoint.address()), "the port");
            }
            assertThrows(TimeoutException.class, () -> end.get(300, TimeUnit.MILLISECONDS));
            gate.countDown();
            assertEquals(1, end.get(20, TimeUnit.SECONDS).offered(), "the last counters");
            assertEquals(false, over.get(), "whether it had ended before the handler returned");
            assertEquals(0, end.get().handlerFailures());
        } finally {
            gate.countDown();
        }
    }

    private static boolean isFree(InetSocketAddress address) {
        try (DatagramSocket socket = new DatagramSocket(address)) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void livesOnAReactorOfTheCallers() throws Exception {
        Reactor reactor = Reactor.open();
        ReactorEndpoint own = ReactorEndpoint.open(reactor, new InetSocketAddress(LOOPBACK, 0), DatagramOptions.defaults(), ECHO);
        try (DatagramSocket peer = new DatagramSocket(0, LOOPBACK)) {
            peer.setSoTimeout(20_000);
            peer.send(new DatagramPacket(new byte[] {7}, 1, own.address()));
            while (own.stats().sent() == 0) {
                reactor.runOnce(Duration.ofSeconds(1));
            }
            DatagramPacket packet = new DatagramPacket(new byte[10], 10);
            peer.receive(packet);
            assertEquals(7, packet.getData()[0]);
        }
        var end = own.drain(Duration.ofSeconds(1));
        while (!end.isDone()) {
            reactor.runOnce(Duration.ofSeconds(1));
        }
        reactor.close();
    }

    @Test
    void leavesNoTimerOnAReactorOfTheCallers() throws Exception {
        AtomicLong nowNs = new AtomicLong();
        Reactor reactor = Reactor.open(nowNs::get, SelectorProvider.provider());
        ReactorEndpoint own = ReactorEndpoint.open(reactor, new InetSocketAddress(LOOPBACK, 0), DatagramOptions.defaults(), ECHO);
        var end = own.drain(Duration.ofHours(1));
        while (!end.isDone()) {
            reactor.runOnce(Duration.ZERO);
        }
        nowNs.addAndGet(Duration.ofHours(2).toNanos());
        reactor.runOnce(Duration.ZERO);
        assertEquals(0, reactor.stats().timers());
        reactor.close();
    }

    @Test
    void endsWithAReactorOfTheCallers() throws Exception {
        Reactor reactor = Reactor.open();
        ReactorEndpoint own = ReactorEndpoint.open(reactor, new InetSocketAddress(LOOPBACK, 0), DatagramOptions.defaults(), ECHO);
        var end = own.termination();
        reactor.close();
        assertTrue(end.isDone(), "who asked before is told");
        assertEquals(end.get(), own.drain(Duration.ofSeconds(1)).get(20, TimeUnit.SECONDS), "and who asks now");
        new DatagramSocket(own.address()).close(); // the port is free
        assertFalse(own.send(ByteBuffer.allocate(1), own.address()));
        assertEquals(1, own.stats().dropped());
    }

    @Test
    void serverThatMayNotUseTheReactorKeepsNoPort() throws Exception {
        InetSocketAddress address;
        try (DatagramSocket free = new DatagramSocket(0, LOOPBACK)) {
            address = (InetSocketAddress) free.getLocalSocketAddress();
        }
        Reactor reactor = Reactor.open();
        Thread loop = new Thread(() -> assertDoesNotThrow(reactor::run));
        loop.start();
        CountDownLatch runs = new CountDownLatch(1);
        reactor.execute(runs::countDown);
        runs.await();
        assertThrows(IllegalStateException.class, () -> ReactorEndpoint.open(reactor, address, DatagramOptions.defaults(), ECHO));
        new DatagramSocket(address).close(); // the port is free
        reactor.close();
        loop.join();
    }

    @Test
    void badOptionsAreNamed() {
        assertEquals("maxSize must be between 0 and 65507, was 65508",
                assertThrows(IllegalArgumentException.class, () -> DatagramOptions.builder().maxSize(65_508).build()).getMessage());
        for (DatagramOptions.Builder bad : List.of(
                DatagramOptions.builder().maxSize(-1),
                DatagramOptions.builder().maxQueued(-1),
                DatagramOptions.builder().maxQueued((1 << 30) + 1),
                DatagramOptions.builder().sendBuffer(-1),
                DatagramOptions.builder().receiveBuffer((1 << 30) + 1))) {
            assertThrows(IllegalArgumentException.class, bad::build);
        }
    }

    @Test
    void optionsAreAValue() {
        DatagramOptions options =
                DatagramOptions.builder().maxSize(1).maxQueued(2).sendBuffer(3).receiveBuffer(4).build();
        assertEquals(options, options.toBuilder().build());
        assertEquals(options.hashCode(), options.toBuilder().build().hashCode());
        assertEquals("DatagramOptions[maxSize=1, maxQueued=2, sendBuffer=3, receiveBuffer=4]", options.toString());
        for (DatagramOptions other : List.of(
                options.toBuilder().maxSize(0).build(),
                options.toBuilder().maxQueued(0).build(),
                options.toBuilder().sendBuffer(0).build(),
                options.toBuilder().receiveBuffer(0).build(),
                DatagramOptions.defaults())) {
            assertNotEquals(options, other);
        }
    }
}
