package dev.sluice.simulation;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.Figures;
import dev.sluice.harness.Seed;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorServer;
import dev.sluice.reactor.Recorder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The real reactor on the simulated network, as a user's test would hold them. */
@Timeout(60)
class SimulationTest {

    private SimulatedNetwork network;
    private Reactor reactor;
    private ReactorServer server;
    private final List<Recorder> recorders = new ArrayList<>();

    private void serve(long seed, Conditions conditions, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        network = new SimulatedNetwork(seed, conditions);
        reactor = Reactor.open(network.clock(), network);
        server = ReactorServer.open(reactor, network, network.address(0), options.build(), connection -> {
            Recorder recorder = new Recorder(connection, factory.create(connection), true);
            recorders.add(recorder);
            return recorder;
        });
    }

    private static final Handler.Factory ECHO = connection -> (self, in) -> self.write(in);

    private void until(BooleanSupplier condition) throws IOException {
        for (int turns = 0; !condition.getAsBoolean(); turns++) {
            assertTrue(turns < 10_000_000, "in vain");
            reactor.runOnce(Duration.ofSeconds(1)); // what a peer does is no reason for the selector to return
        }
    }

    private long now() {
        return network.clock().getAsLong();
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        if (server == null) {
            return;
        }
        server.drain(Duration.ofSeconds(10));
        until(() -> server.termination().isDone());
        List<String> violations = new ArrayList<>();
        recorders.forEach(recorder -> violations.addAll(recorder.check()));
        assertEquals(List.of(), violations);
        ServerStats stats = server.stats();
        assertEquals(0, stats.open());
        assertEquals(0, stats.pending());
        assertEquals(0, reactor.stats().failures());
        reactor.close();
    }

    /** The buffer of a direction is small, so that the writes fall short. */
    @Test
    void tasksForWhatIsWrittenRunInTheirOrderAndAddressesAreKnownAfterTheClose() throws IOException {
        int pieces = 200;
        List<Integer> ran = new ArrayList<>();
        List<Integer> tooSoon = new ArrayList<>();
        serve(7, new Conditions(2_000, 100_000, 300_000_000, 8 << 10, 0, 0), ServerOptions.builder(), connection -> (self, in) -> {
            in.position(in.limit());
            for (int i = 0; i < pieces; i++) {
                int number = i;
                self.write(ByteBuffer.allocate(1_000));
                self.whenWritten(() -> {
                    ran.add(number);
                    if (self.pending() > 1_000L * (pieces - 1 - number)) {
                        tooSoon.add(number);
                    }
                });
            }
            self.close();
        });
        Peer peer = network.connect(server.address());
        peer.send(new byte[1]);
        until(() -> peer.isEnded());
        peer.end();
        until(() -> recorders.get(0).isClosed());
        assertEquals(IntStream.range(0, pieces).boxed().toList(), ran);
        assertEquals(List.of(), tooSoon);
        assertEquals(1_000 * pieces, peer.received().length);
        assertEquals(1, recorders.get(0).connection.id());
        assertEquals(server.address(), recorders.get(0).connection.localAddress());
        assertEquals(peer.address(), recorders.get(0).connection.remoteAddress());
    }

    @Test
    void echoTakesTwoTrips() throws IOException {
        serve(1, Conditions.GOOD, ServerOptions.builder(), ECHO);
        Peer peer = network.connect(server.address());
        until(() -> server.stats().open() == 1);
        long start = now();
        long[] end = new long[1];
        peer.onReceived(bytes -> end[0] = now());
        peer.send("hello".getBytes());
        until(() -> peer.received().length == 5);
        assertArrayEquals("hello".getBytes(), peer.received());
        assertEquals(100_000, end[0] - start);
        peer.end();
        until(peer::isEnded);
        assertEquals(Kind.PEER, recorders.get(0).reason.kind());
    }

    @Test
    void fiveMinutesOfIdlingPassAtOnce() throws IOException {
        serve(1, Conditions.GOOD, ServerOptions.builder(), ECHO);
        long start = now();
        Peer peer = network.connect(server.address());
        until(peer::isEnded);
        assertEquals(Kind.IDLE, recorders.get(0).reason.kind());
        long minutes = Duration.ofNanos(now() - start).toMinutes();
        assertEquals(5, minutes);
    }

    @Test
    void resetAfterThePeersEndIsNoticedWithoutAnIdleLimit() throws IOException {
        serve(1, Conditions.GOOD, ServerOptions.builder().idleTimeout(Duration.ZERO), connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onEof(Connection self) {} // ours stays open
        });
        Peer peer = network.connect(server.address());
        peer.end();
        until(() -> !recorders.isEmpty() && recorders.get(0).callbacks().endsWith("e"));
        long ended = now();
        network.in(Duration.ofHours(1).toNanos(), peer::reset);
        until(() -> recorders.get(0).isClosed());
        assertEquals(Kind.RESET, recorders.get(0).reason.kind());
        assertEquals(60, Duration.ofNanos(now() - ended).toMinutes(), "and half a minute at most");
    }

    @Test
    void peerThatTakesNothingStalls() throws IOException {
        serve(1, Conditions.GOOD, ServerOptions.builder(), connection -> (self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.allocate(1 << 20));
        });
        Peer peer = network.connect(server.address());
        peer.pause();
        peer.send(new byte[1]);
        until(() -> !recorders.isEmpty() && recorders.get(0).isClosed());
        CloseReason reason = recorders.get(0).reason;
        assertEquals(Kind.WRITE_STALL, reason.kind());
        assertEquals((1 << 20) - (256 << 10), reason.unsent());
        until(peer::isReset);
    }

    @Test
    void bytesThatArrivedBeforeAResetAreRead() throws IOException {
        ByteArrayOutputStream heard = new ByteArrayOutputStream();
        serve(1, Conditions.GOOD, ServerOptions.builder(), connection -> (self, in) -> {
            while (in.hasRemaining()) {
                heard.write(in.get());
            }
        });
        Peer peer = network.connect(server.address());
        peer.send(new byte[1_000]);
        network.in(60_000, peer::reset); // the connection is there, the bytes are on their way
        until(() -> !recorders.isEmpty() && recorders.get(0).isClosed());
        assertEquals(Kind.RESET, recorders.get(0).reason.kind());
        assertEquals(1_000, heard.size());
    }

    @Test
    void portsDoNotRunOut() throws IOException {
        serve(1, Conditions.GOOD, ServerOptions.builder(), ECHO);
        for (int i = 0; i < 30_000; i++) {
            network.connect(server.address()).reset();
        }
        Peer peer = network.connect(server.address());
        peer.send(new byte[3]);
        until(() -> peer.received().length == 3);
        assertTrue(peer.address().getPort() != server.address().getPort());
    }

    @Test
    void nobodyListeningIsAReset() throws IOException {
        serve(1, Conditions.GOOD, ServerOptions.builder(), ECHO);
        Peer lost = network.connect(network.address(9));
        until(lost::isReset);
        assertThrows(BindException.class, () -> network.openServerSocketChannel().bind(server.address(), 1));
        assertThrows(UnsupportedOperationException.class, network::openSocketChannel);
        assertThrows(UnsupportedOperationException.class, () -> {
            try (DatagramChannel none = network.openDatagramChannel()) {
                assertFalse(none.isOpen());
            }
        });
        assertThrows(IllegalArgumentException.class, () -> new Conditions(0, 0, 0, 1, 0, 0));
    }

    @Test
    void aServerHasSeveralListeners() throws IOException {
        network = new SimulatedNetwork(1, Conditions.BAD);
        reactor = Reactor.open(network.clock(), network);
        List<Listener> listeners = List.of(Listener.at(network.address(7)), Listener.at(network.address(9)));
        server = ReactorServer.open(reactor, network, listeners, ServerOptions.defaults(), ECHO);
        assertEquals(List.of(network.address(7), network.address(9)), server.addresses());
        List<Peer> peers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Peer peer = network.connect((InetSocketAddress) server.addresses().get(i % 2));
            peer.send(new byte[] {(byte) i});
            peers.add(peer);
        }
        until(() -> peers.stream().allMatch(peer -> peer.received().length == 1));
        for (int i = 0; i < 10; i++) {
            assertEquals(i, peers.get(i).received()[0]);
        }
        assertThrows(BindException.class, () -> ReactorServer.open(
                reactor, network, List.of(Listener.at(network.address(5)), listeners.get(0)), ServerOptions.defaults(), ECHO));
        try (ServerSocketChannel free = network.openServerSocketChannel()) {
            assertEquals(network.address(5), free.bind(network.address(5), 1).getLocalAddress());
        }
    }

    // ---- ports ----------------------------------------------------------------------------------------------------------

    /** The number of ports that clients have, one of which the listener has taken. */
    private static final int PORTS = 28_232 - 1;

    @Test
    void portsAreUsedAgainAndNeverByTwoConnectionsAtATime() throws IOException {
        Set<SocketAddress> open = new HashSet<>();
        Set<SocketAddress> all = new HashSet<>();
        serve(1, Conditions.GOOD, ServerOptions.builder().idleTimeout(Duration.ZERO), connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                all.add(self.remoteAddress());
                assertTrue(open.add(self.remoteAddress()), "a port is in use already");
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                self.write(in);
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                open.remove(self.remoteAddress());
            }
        });
        List<Peer> stay = List.of(network.connect(server.address()), network.connect(server.address()));
        for (int i = 0; i < PORTS - 1_000; i++) {
            network.connect(network.address(9)); // where nobody listens
        }
        Random random = new Random(1);
        for (int i = 0; i < 3_000; i++) {
            Peer peer = network.connect(server.address());
            peer.send(new byte[1]);
            if (random.nextInt(5) == 0) {
                network.in(random.nextInt(200_000), peer::reset);
            } else {
                peer.end();
            }
            reactor.runOnce(Duration.ofNanos(100_000)); // two trips: a few are open at a time
        }
        until(() -> open.size() == stay.size());
        int[] ports = all.stream().mapToInt(address -> ((InetSocketAddress) address).getPort()).sorted().toArray();
        assertTrue(ports[0] >= 32_768 && ports[ports.length - 1] == 60_999, ports[0] + " to " + ports[ports.length - 1]);
        assertEquals(0, server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
        stay.forEach(Peer::end);
    }

    @Test
    void portsThatAreAllInUseFailAsAnAddressThatIsNotAvailable() throws IOException {
        serve(1, Conditions.GOOD, ServerOptions.builder(), ECHO);
        List<Peer> all = new ArrayList<>();
        for (int i = 0; i < PORTS; i++) {
            all.add(network.connect(server.address()));
        }
        UncheckedIOException failure = assertThrows(UncheckedIOException.class, () -> network.connect(server.address()));
        assertEquals(BindException.class, failure.getCause().getClass());
        assertThrows(BindException.class, () -> network.openServerSocketChannel().bind(network.address(0), 1), "none is free for a listener");
        network.connect(network.address(9)); // to another server there are as many
        all.get(1_000).reset();
        assertEquals(all.get(1_000).address(), network.connect(server.address()).address());
        all.forEach(Peer::reset);
        assertEquals(all.get(1_001).address().getPort(), bindAnyPort(), "free for a listener, too");
    }

    private int bindAnyPort() throws IOException {
        try (ServerSocketChannel listener = network.openServerSocketChannel().bind(network.address(0), 1)) {
            return ((InetSocketAddress) listener.getLocalAddress()).getPort();
        }
    }

    // ---- at random ------------------------------------------------------------------------------------------------------

    /** Echoes, and now and then does something else. */
    private static final class Whim implements Handler {
        private final Random random;

        Whim(long seed) {
            random = new Random(seed);
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            if (random.nextInt(50) == 0) {
                in.position(in.position() + random.nextInt(in.remaining() + 1)); // bytes that are not answered: see prefix
                self.close();
            } else if (random.nextInt(20) == 0) {
                self.pauseReading();
                self.schedule(Duration.ofMillis(random.nextInt(5_000)), self::resumeReading);
            } else if (random.nextInt(200) == 0) {
                throw new IllegalStateException("a whim");
            } else {
                self.write(in);
            }
        }
    }

    /** A client that sends what it likes when it likes; what comes back must be the beginning of it. */
    private final class Visitor {
        private final Peer peer;
        private final Random random;
        private final ByteArrayOutputStream sent = new ByteArrayOutputStream();
        private int words;

        Visitor(Random random) {
            this.random = random;
            this.peer = network.connect(server.address());
            this.words = random.nextInt(10);
            next();
        }

        private void next() {
            network.in((long) (random.nextDouble() * 60e9), this::act);
        }

        private void act() {
            if (words-- > 0) {
                byte[] word = new byte[1 + random.nextInt(3_000)];
                random.nextBytes(word);
                sent.writeBytes(word);
                peer.send(word);
                next();
            } else if (random.nextInt(5) == 0) {
                peer.reset();
            } else if (random.nextInt(10) == 0) {
                peer.pause();
            } else {
                peer.end();
            }
        }

        /** Returns whether it was served to its end. */
        boolean check(Map<SocketAddress, CloseReason> reasons) {
            byte[] back = peer.received();
            assertArrayEquals(back, Arrays.copyOf(sent.toByteArray(), back.length), "a prefix of what was sent");
            CloseReason reason = reasons.get(peer.address());
            boolean whole = reason != null && reason.kind() == Kind.PEER && peer.isEnded();
            if (whole) {
                assertEquals(sent.size(), back.length, "all of it");
            }
            return whole;
        }
    }

    /** Runs so many visitors over about so many seconds each after the other; returns a trace of all that happened. */
    private String run(long seed, int visitors, int secondsBetween) throws IOException {
        recorders.clear();
        Random handlers = new Random(seed + 1);
        serve(seed, Conditions.BAD, ServerOptions.builder().maxConnections(500), connection -> new Whim(handlers.nextLong()));
        Random clients = new Random(seed + 2);
        List<Visitor> all = new ArrayList<>();
        Runnable[] arrive = new Runnable[1];
        arrive[0] = () -> {
            all.add(new Visitor(new Random(clients.nextLong())));
            if (all.size() < visitors) {
                network.in((long) (clients.nextDouble() * 2e9 * secondsBetween), arrive[0]);
            }
        };
        network.in(0, arrive[0]);
        until(() -> all.size() == visitors);
        until(() -> server.stats().open() == 0);
        StringBuilder trace = new StringBuilder();
        for (Recorder recorder : recorders) {
            trace.append(recorder.callbacks()).append(' ').append(recorder.reason.kind()).append(' ').append(recorder.reason.unsent());
            trace.append('\n');
        }
        Map<SocketAddress, CloseReason> reasons = new HashMap<>();
        recorders.forEach(recorder -> reasons.put(recorder.connection.remoteAddress(), recorder.reason));
        long whole = all.stream().filter(visitor -> visitor.check(reasons)).count();
        assertTrue(whole > visitors / 3, whole + " of " + visitors + " got all");
        return trace.append(now()).append(' ').append(server.stats()).toString().replaceAll("busyNs=\\d+", "");
    }

    @ExpectsLog({"handler failed on", "cannot accept a connection"})
    @Test
    void sameSeedIsTheSameRun() throws IOException {
        String first = run(42, 300, 1);
        nothingIsLeft();
        String second = run(42, 300, 1);
        assertEquals(first, second);
        nothingIsLeft();
        assertNotEquals(first, run(43, 300, 1));
    }

    @ExpectsLog({"handler failed on", "cannot accept a connection"})
    @Test
    void tenThousandConnectionsOverHours() throws IOException {
        long start = System.nanoTime();
        String trace = run(Seed.VALUE, 10_000, 2);
        Duration virtual = Duration.ofNanos(now());
        Figures.tell("SimulationTest 10000 connections, %d hours in %d ms", virtual.toHours(), (System.nanoTime() - start) / 1_000_000);
        assertTrue(virtual.toHours() >= 4);
        for (Kind kind : List.of(Kind.PEER, Kind.LOCAL, Kind.RESET, Kind.IDLE, Kind.HANDLER_FAILURE)) {
            assertTrue(trace.contains(" " + kind + " "), kind + " happens");
        }
    }
}
