package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
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
import dev.sluice.simulation.Conditions;
import dev.sluice.simulation.SimulatedNetwork;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Outbound connections: how they come to be, how they fail, and that nothing of them is forgotten. */
class ConnectorTest {

    private static final Duration SECOND = Duration.ofSeconds(1);

    private final Loop loop = new Loop();
    private final List<SocketChannel> others = new ArrayList<>();
    private Connector connector;

    @BeforeEach
    void open() {
        connector = Connector.open(loop.reactor, ServerOptions.builder().maxConnections(50).build());
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        if (!loop.reactorEnded) {
            connector.drain(Duration.ZERO);
            loop.until(() -> connector.drain(Duration.ZERO).isDone(), "the connector's end");
        }
        for (SocketChannel other : others) {
            other.close();
        }
        loop.close();
        ServerStats stats = connector.stats();
        assertEquals(stats.get(ServerStats.Counter.OPENED), stats.get(ServerStats.Counter.CLOSED));
        assertEquals(0, stats.pending());
    }

    private Recorder connect(InetSocketAddress address, Duration timeout, Handler handler) {
        int before = loop.recorders.size();
        assertTrue(connector.connect(address, timeout, connection -> {
            Recorder recorder = new Recorder(connection, handler);
            loop.recorders.add(before, recorder);
            return recorder;
        }));
        loop.until(() -> loop.recorders.size() > before, "connected or failed");
        return loop.recorders.get(before);
    }

    /** An address of this machine on which nobody listens, nor will: it is taken by a socket that does not. */
    private InetSocketAddress nobody() throws IOException {
        SocketChannel holder = SocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        others.add(holder);
        return (InetSocketAddress) holder.getLocalAddress();
    }

    /** A listener whose backlog is full: the kernel drops who wants to connect, so that no answer comes. */
    private ServerSocketChannel silent() throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1);
        for (int i = 0; i < 4; i++) {
            SocketChannel other = SocketChannel.open();
            others.add(other);
            other.configureBlocking(false);
            other.connect(listener.getLocalAddress());
        }
        return listener;
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    @Test
    void connectsAndTalks() throws IOException {
        loop.serve((self, in) -> self.write(in));
        StringBuilder answer = new StringBuilder();
        Recorder client = connect(loop.server.address(), SECOND, new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.write(bytes("hello"));
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                answer.append(StandardCharsets.ISO_8859_1.decode(in));
                if (answer.length() == 5) {
                    self.close();
                }
            }
        });
        loop.until(client::isClosed, "the end");
        assertEquals("hello", answer.toString());
        assertEquals(loop.server.address(), client.connection.remoteAddress());
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), client.reason);
        assertEquals(1, connector.stats().closedBy(Kind.LOCAL));
        assertEquals(5, connector.stats().get(ServerStats.Counter.BYTES_WRITTEN));
    }

    @Test
    void anyThreadMayConnectWhileTheLoopSleeps() throws Exception {
        try (ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
                Reactor reactor = Reactor.open()) {
            Connector outward = Connector.open(reactor, ServerOptions.defaults());
            FutureTask<Void> running = new FutureTask<>(() -> {
                reactor.run();
                return null;
            });
            new Thread(running, "outward").start();
            CompletableFuture<String> answer = new CompletableFuture<>();
            assertTrue(outward.connect((InetSocketAddress) listener.getLocalAddress(), SECOND, connection ->
                    (self, in) -> answer.complete(StandardCharsets.ISO_8859_1.decode(in).toString())));
            try (SocketChannel accepted = listener.accept()) {
                accepted.write(bytes("hello"));
                assertEquals("hello", answer.get(10, TimeUnit.SECONDS));
                CompletableFuture<DrainReport> drained = outward.drain(SECOND);
                accepted.shutdownOutput();
                assertEquals(new DrainReport(1, List.of()), drained.get(10, TimeUnit.SECONDS));
            }
            reactor.stop();
            running.get(10, TimeUnit.SECONDS);
            assertEquals(1, outward.stats().get(ServerStats.Counter.CLOSED));
        }
    }

    @Test
    void oneThatIsRefusedHearsOfItsEndAlone() throws IOException {
        Recorder client = connect(nobody(), SECOND, (self, in) -> {});
        assertEquals("c", client.callbacks());
        assertEquals(Kind.CONNECT_FAILURE, client.reason.kind());
        assertInstanceOf(IOException.class, client.reason.cause());
        assertEquals(0, client.reason.unsent());
        ServerStats stats = connector.stats();
        assertEquals(List.of(1L, 1L, 1L), List.of(stats.get(ServerStats.Counter.OPENED), stats.get(ServerStats.Counter.CLOSED), stats.closedBy(Kind.CONNECT_FAILURE)));
        assertEquals(0, stats.get(ServerStats.Counter.REFUSED));
    }

    @Test
    void oneWithoutAnAnswerIsGivenUpInTime() throws IOException {
        try (ServerSocketChannel listener = silent()) {
            AtomicBoolean failed = new AtomicBoolean();
            connector.connect((InetSocketAddress) listener.getLocalAddress(), SECOND, connection -> {
                failed.set(true);
                Recorder recorder = new Recorder(connection, (self, in) -> {});
                loop.recorders.add(recorder);
                return recorder;
            });
            loop.turn();
            long selects = loop.reactor.stats().callbacks();
            loop.advance(SECOND.minusMillis(1));
            assertFalse(failed.get());
            assertEquals(selects, loop.reactor.stats().callbacks(), "nobody spins meanwhile");
            loop.advance(Duration.ofMillis(1));
            CloseReason reason = loop.recorders.get(0).reason;
            assertEquals(Kind.CONNECT_FAILURE, reason.kind());
            assertInstanceOf(SocketTimeoutException.class, reason.cause());
            assertEquals("no answer within 1000 ms", reason.cause().getMessage());
        }
    }

    @Test
    void waitsFromTheConnectOnAndNotFromTheBeginningOfALongTurn() throws IOException {
        try (ServerSocketChannel listener = silent()) {
            loop.reactor.execute(() -> loop.nowNs += 10 * SECOND.toNanos()); // a task that takes its time
            connector.connect((InetSocketAddress) listener.getLocalAddress(), SECOND, connection -> {
                Recorder recorder = new Recorder(connection, (self, in) -> {});
                loop.recorders.add(recorder);
                return recorder;
            });
            loop.turn();
            loop.advance(SECOND.minusMillis(1));
            assertEquals(List.of(), loop.recorders);
            loop.advance(Duration.ofMillis(1));
            assertEquals(Kind.CONNECT_FAILURE, loop.recorders.get(0).reason.kind());
        }
    }

    @Test
    void zeroWaitsAsLongAsTheSystemDoes() throws IOException {
        try (ServerSocketChannel listener = silent()) {
            connector.connect((InetSocketAddress) listener.getLocalAddress(), Duration.ZERO, connection -> {
                Recorder recorder = new Recorder(connection, (self, in) -> {});
                loop.recorders.add(recorder);
                return recorder;
            });
            loop.advance(Duration.ofDays(300));
            assertEquals(List.of(), loop.recorders);
            assertEquals(0, loop.reactor.deadlines.size());
            connector.drain(Duration.ofHours(1));
            loop.settle();
            assertEquals("given up before it was connected", loop.recorders.get(0).reason.cause().getMessage());
            assertTrue(connector.drain(Duration.ZERO).isDone());
        }
    }

    @Test
    void addressThatWasNotResolvedFailsTheSameWay() {
        Recorder client = connect(InetSocketAddress.createUnresolved("nobody.invalid", 1), SECOND, (self, in) -> {});
        assertInstanceOf(UnresolvedAddressException.class, client.reason.cause());
        assertEquals("c", client.callbacks());
    }

    @Test
    void aboveTheLimitNothingIsAttempted() throws IOException {
        loop.serve((self, in) -> self.write(in));
        List<Recorder> clients = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            clients.add(connect(loop.server.address(), SECOND, (self, in) -> {}));
        }
        Recorder refused = connect(loop.server.address(), SECOND, (self, in) -> {});
        assertEquals("50 connections are open, the limit", refused.reason.cause().getMessage());
        assertEquals(1, connector.stats().get(ServerStats.Counter.REFUSED));
        assertEquals(50, connector.stats().get(ServerStats.Counter.OPENED));
        clients.get(0).connection.abort();
        loop.until(clients.get(0)::isClosed, "room");
        assertFalse(connect(loop.server.address(), SECOND, (self, in) -> {}).isClosed());
    }

    @ExpectsLog("handler failed on")
    @Test
    void factoryOrHandlerThatThrowsLosesItsOwnConnection() throws IOException {
        loop.serve((self, in) -> self.write(in));
        connector.connect(loop.server.address(), SECOND, connection -> {
            throw new IllegalStateException("a factory that throws");
        });
        connector.connect(nobody(), SECOND, connection -> {
            throw new IllegalStateException("a factory that throws");
        });
        loop.until(() -> connector.stats().get(ServerStats.Counter.CLOSED) == 2, "both are gone");
        assertEquals(2, connector.stats().get(ServerStats.Counter.HANDLER_FAILURES));
        assertEquals(1, connector.stats().closedBy(Kind.HANDLER_FAILURE));
        assertEquals(1, connector.stats().closedBy(Kind.CONNECT_FAILURE));
    }

    @Test
    void handlerOfOneThatFailedMayConnectAgain() throws IOException {
        loop.serve((self, in) -> self.write(in));
        Recorder[] second = new Recorder[1];
        Recorder first = connect(nobody(), SECOND, new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                assertFalse(self.isOpen());
                assertFalse(self.write(bytes("nobody takes it")));
                assertFalse(self.execute(() -> {}));
                self.close();
                self.abort();
                connector.connect(loop.server.address(), SECOND, connection -> {
                    second[0] = new Recorder(connection, (other, in) -> {});
                    loop.recorders.add(second[0]);
                    return second[0];
                });
            }
        });
        loop.until(() -> second[0] != null, "the second attempt");
        assertEquals("c", first.callbacks());
        assertTrue(second[0].connection.isOpen());
        assertEquals(15, connector.stats().get(ServerStats.Counter.BYTES_DISCARDED));
    }

    @Test
    void drainFlushesAndLetsNobodyInAnyMore() throws IOException {
        loop.serve((self, in) -> self.write(in));
        Recorder client = connect(loop.server.address(), SECOND, new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.write(bytes("last words"));
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
            }
        });
        connector.drain(SECOND);
        loop.until(client::isClosed, "the end");
        loop.settle();
        assertEquals(new DrainReport(1, List.of()), connector.drain(SECOND).join());
        Recorder late = connect(loop.server.address(), SECOND, (self, in) -> {});
        assertEquals("the connector drains", late.reason.cause().getMessage());
        assertEquals(1, connector.stats().get(ServerStats.Counter.REFUSED));
    }

    @Test
    void reactorThatEndsTakesConnectionsAndAttemptsWithIt() throws IOException {
        loop.serve((self, in) -> self.write(in));
        Recorder open = connect(loop.server.address(), SECOND, (self, in) -> {});
        try (ServerSocketChannel listener = silent()) {
            connector.connect((InetSocketAddress) listener.getLocalAddress(), SECOND, connection -> {
                Recorder recorder = new Recorder(connection, (self, in) -> {});
                loop.recorders.add(recorder);
                return recorder;
            });
            loop.turn();
            int before = loop.recorders.size();
            loop.reactor.close();
            loop.reactorEnded = true;
            assertEquals(Kind.LOCAL, open.reason.kind());
            assertEquals(before + 1, loop.recorders.size());
            assertFalse(connector.connect(loop.server.address(), SECOND, connection -> (self, in) -> {}));
            assertThrows(CompletionException.class, () -> connector.drain(SECOND).join());
        }
    }

    // ---- again and again ------------------------------------------------------------------------------------------------

    private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(100), SECOND);

    /** Attempts of {@link #keep}, and when each was opened or failed. */
    private final List<Recorder> attempts = new ArrayList<>();
    private final List<Long> times = new ArrayList<>();

    private Reconnecting keep(InetSocketAddress address) {
        return connector.keepConnected(address, SECOND, BACKOFF, connection -> {
            Recorder recorder = new Recorder(connection, (self, in) -> in.position(in.limit()));
            attempts.add(recorder);
            loop.recorders.add(recorder);
            times.add(loop.nowNs);
            return recorder;
        });
    }

    private void awaitAttempts(int count) {
        loop.until(() -> {
            advanceWhileNothingIsConnecting();
            return attempts.size() >= count && attempts.stream().limit(count).allMatch(Recorder::isClosed);
        }, count + " attempts");
    }

    private long waitedMs(int attempt) {
        return (times.get(attempt) - times.get(attempt - 1)) / 1_000_000;
    }

    private void assertBackedOff(int attempt, long mostMs) {
        assertTrue(waitedMs(attempt) >= mostMs / 2 && waitedMs(attempt) <= mostMs + 3, "before attempt " + attempt + ": " + waitedMs(attempt) + " ms");
    }

    @Test
    void keepsConnectedWithBackOff() throws IOException {
        InetSocketAddress address = nobody();
        keep(address);
        awaitAttempts(8);
        assertTrue(attempts.stream().allMatch(attempt -> attempt.callbacks().equals("c")));
        for (int i = 1; i < 8; i++) {
            assertBackedOff(i, Math.min(100L << (i - 1), 1_000));
        }

        others.get(0).close(); // it held the port
        try (ServerSocketChannel listener = ServerSocketChannel.open().bind(address)) {
            listener.configureBlocking(false);
            SocketChannel accepted = awaitAccept(listener);
            loop.until(() -> attempts.size() == 9 && attempts.get(8).callbacks().equals("o"), "open");
            accepted.write(bytes("x"));
            loop.until(() -> attempts.get(8).callbacks().equals("or"), "of use");
            accepted.close();
            long closed = loop.nowNs;
            SocketChannel again = awaitAccept(listener);
            assertTrue(loop.nowNs - closed <= 102_000_000, "from the shortest time");
            loop.until(() -> attempts.size() == 10 && attempts.get(9).callbacks().equals("o"), "open again");
            assertEquals("orec", attempts.get(8).callbacks());
            connector.drain(SECOND);
            again.close();
        }
        int all = attempts.size();
        loop.until(() -> connector.drain(SECOND).isDone(), "the drain");
        loop.advance(Duration.ofSeconds(10));
        assertEquals(all, attempts.size(), "a connector that drains tries no more");
    }

    /** Accepts and closes, as a server at its limit does. */
    private void closeAll(ServerSocketChannel listener) throws IOException {
        for (SocketChannel accepted; (accepted = listener.accept()) != null; ) {
            accepted.close();
        }
    }

    private ServerSocketChannel listener() throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        listener.configureBlocking(false);
        return listener;
    }

    private void awaitRefusals(ServerSocketChannel listener, int count) {
        loop.until(() -> {
            try {
                closeAll(listener);
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
            advanceWhileNothingIsConnecting();
            return attempts.size() >= count && attempts.stream().limit(count).allMatch(Recorder::isClosed);
        }, count + " refusals");
    }

    @Test
    void serverThatIsFullIsLeftAloneForLongerEachTime() throws IOException {
        try (ServerSocketChannel listener = listener()) {
            keep((InetSocketAddress) listener.getLocalAddress());
            awaitRefusals(listener, 8);
            assertEquals("oec", attempts.get(0).callbacks());
            for (int i = 1; i < 8; i++) {
                assertBackedOff(i, Math.min(100L << (i - 1), 1_000));
            }
        }
    }

    @Test
    void connectionThatLivesForTheLongestDelayBeginsItAnewAndAShorterOneDoesNot() throws IOException {
        try (ServerSocketChannel listener = listener()) {
            keep((InetSocketAddress) listener.getLocalAddress());
            awaitRefusals(listener, 4);
            live(listener, 4, 999, 800);
            live(listener, 5, 1_000, 1_000);
            live(listener, 6, 0, 100);
        }
    }

    /** Waits for an attempt, which must come in time, and lets its connection live for a while. */
    private void live(ServerSocketChannel listener, int attempt, long lifeMs, long mostMs) throws IOException {
        SocketChannel accepted = awaitAccept(listener);
        loop.until(() -> attempts.size() > attempt && attempts.get(attempt).callbacks().equals("o"), "open");
        assertBackedOff(attempt, mostMs);
        loop.nowNs += lifeMs * 1_000_000;
        times.set(attempt, loop.nowNs); // the next wait begins here
        accepted.close();
        loop.until(attempts.get(attempt)::isClosed, "the end");
    }

    @Test
    void handleThatIsClosedWhileItWaitsMakesNoMoreAttempts() throws Exception {
        Reconnecting closed = keep(nobody());
        awaitAttempts(2);
        Thread elsewhere = new Thread(closed::close);
        elsewhere.start();
        elsewhere.join();
        loop.advance(Duration.ofSeconds(10));
        assertEquals(2, attempts.size());
        assertTrue(closed.termination().isDone() && !closed.termination().isCompletedExceptionally());
        assertEquals(0, loop.reactor.deadlines.size());
        closed.close();
        loop.settle();
    }

    @Test
    void handleThatIsClosedGivesUpTheAttemptThatIsBeingMade() throws IOException {
        try (ServerSocketChannel listener = silent()) {
            Reconnecting closed = keep((InetSocketAddress) listener.getLocalAddress());
            loop.turn();
            closed.close();
            loop.settle();
            assertEquals("given up before it was connected", attempts.get(0).reason.cause().getMessage());
            assertEquals("c", attempts.get(0).callbacks());
            loop.advance(Duration.ofSeconds(10));
            assertEquals(1, attempts.size());
            assertTrue(closed.termination().isDone());
        }
    }

    @Test
    void handleThatIsClosedLeavesItsConnectionOpen() throws IOException {
        try (ServerSocketChannel listener = listener()) {
            Reconnecting closed = keep((InetSocketAddress) listener.getLocalAddress());
            SocketChannel accepted = awaitAccept(listener);
            loop.until(() -> attempts.size() == 1, "open");
            closed.close();
            loop.settle();
            assertTrue(attempts.get(0).connection.isOpen());
            accepted.close();
            loop.until(attempts.get(0)::isClosed, "the end");
            loop.advance(Duration.ofSeconds(10));
            assertEquals(1, attempts.size());
        }
    }

    @Test
    void handleThatIsClosedAtOnceAttemptsNothing() throws IOException {
        keep(nobody()).close();
        loop.settle();
        assertEquals(List.of(), attempts);
        assertEquals(0, connector.stats().get(ServerStats.Counter.OPENED));
    }

    @ExpectsLog("no more attempts to connect")
    @Test
    void attemptThatCannotSucceedIsToldAndNotRepeated() throws IOException {
        Reconnecting hopeless = keep(InetSocketAddress.createUnresolved("nobody.invalid", 1));
        loop.settle();
        loop.advance(Duration.ofSeconds(10));
        assertEquals(1, attempts.size());
        assertInstanceOf(UnresolvedAddressException.class, attempts.get(0).reason.cause());
        CompletionException told = assertThrows(CompletionException.class, () -> hopeless.termination().join());
        assertInstanceOf(UnresolvedAddressException.class, told.getCause());
        assertThrows(IllegalArgumentException.class, () -> keep(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
        assertThrows(NullPointerException.class, () -> connector.keepConnected(nobody(), SECOND, null, connection -> null));
    }

    @ExpectsLog("no more attempts to connect")
    @Test
    void providerWithoutSuchSocketsIsToldAndNotAskedAgain() throws IOException {
        SimulatedNetwork network = new SimulatedNetwork(1, Conditions.GOOD);
        try (Reactor reactor = Reactor.open(network.clock(), network)) {
            Connector simulated = Connector.open(reactor, ServerOptions.defaults());
            List<CloseReason> reasons = new ArrayList<>();
            Reconnecting hopeless = simulated.keepConnected(network.address(1), SECOND, BACKOFF, connection -> new Handler() {
                @Override
                public void onRead(Connection self, ByteBuffer in) {}

                @Override
                public void onClose(Connection self, CloseReason reason) {
                    reasons.add(reason);
                }
            });
            for (int i = 0; i < 10; i++) {
                reactor.runOnce(SECOND);
            }
            assertEquals(1, reasons.size());
            assertInstanceOf(UnsupportedOperationException.class, reasons.get(0).cause());
            assertTrue(hopeless.termination().isCompletedExceptionally());
        }
    }

    @Test
    void connectorThatHasDrainedTellsSoOnce() throws IOException {
        connector.drain(SECOND);
        loop.settle();
        Reconnecting late = keep(nobody());
        loop.settle();
        loop.advance(Duration.ofSeconds(10));
        assertEquals(1, attempts.size());
        assertEquals("the connector drains", attempts.get(0).reason.cause().getMessage());
        assertTrue(late.termination().isDone());
    }

    @Test
    void attemptsEndWithTheReactor() throws IOException {
        Reconnecting waits = keep(nobody());
        awaitAttempts(1);
        loop.reactor.close();
        loop.reactorEnded = true;
        assertThrows(CompletionException.class, () -> waits.termination().join());
        assertThrows(CompletionException.class, () -> keep(nobody()).termination().join());
        assertEquals(1, attempts.size());
    }

    @Test
    void limitOfConnectionsIsNoReasonToGiveUp() throws IOException {
        loop.serve((self, in) -> self.write(in));
        List<Recorder> clients = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            clients.add(connect(loop.server.address(), SECOND, (self, in) -> {}));
        }
        keep(loop.server.address());
        loop.until(() -> attempts.size() == 1, "refused");
        clients.get(0).connection.abort();
        loop.until(() -> {
            loop.nowNs += 1_000_000;
            return attempts.size() == 2;
        }, "let in");
        assertTrue(attempts.get(1).connection.isOpen());
    }

    /** By a millisecond; what the kernel takes its time for must not seem to take any. */
    private void advanceWhileNothingIsConnecting() {
        int[] tenants = new int[1];
        loop.reactor.forEachHandler(handler -> tenants[0]++);
        loop.nowNs += tenants[0] == 0 ? 1_000_000 : 0;
    }

    private SocketChannel awaitAccept(ServerSocketChannel listener) throws IOException {
        SocketChannel[] accepted = new SocketChannel[1];
        loop.until(() -> {
            try {
                advanceWhileNothingIsConnecting();
                accepted[0] = listener.accept();
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
            return accepted[0] != null;
        }, "a connection");
        others.add(accepted[0]);
        return accepted[0];
    }

    @Test
    void backOffDoublesUpToItsLimitAndLeavesOutARandomHalf() {
        Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5));
        java.util.Random random = new java.util.Random(1);
        for (int failures = 1; failures < 200; failures++) {
            long most = failures > 6 ? 5_000 : Math.min(100L << (failures - 1), 5_000);
            long delay = backoff.delay(failures, random).toMillis();
            assertTrue(delay >= most / 2 && delay <= most, failures + ": " + delay);
        }
        assertThrows(IllegalArgumentException.class, () -> new Backoff(Duration.ZERO, SECOND));
        assertThrows(IllegalArgumentException.class, () -> new Backoff(SECOND, Duration.ofMillis(1)));
        assertThrows(IllegalArgumentException.class, () -> new Backoff(SECOND, Duration.ofDays(400)));
    }

    @Test
    void drainWithoutATimeoutIsNone() throws Exception {
        assertThrows(NullPointerException.class, () -> connector.drain(null));
        loop.until(() -> connector.drain(SECOND).isDone(), "the connector's end");
    }
}
