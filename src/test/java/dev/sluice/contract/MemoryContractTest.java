package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** The memory that all connections of a server share. */
class MemoryContractTest extends EngineContract {

    private static final int BUDGET = 1 << 20;

    /** Echoes, and in its last callback says that it holds much. */
    private static final Handler HOLDS_AT_LAST = new Handler() {
        @Override
        public void onRead(Connection self, ByteBuffer in) {
            self.write(in);
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            self.holdMemory(700 << 10);
        }
    };

    private void serveWithLittleMemory(ServerOptions.Builder options, Handler handler) throws IOException {
        serve(options.maxMemory(BUDGET), connection -> handler);
    }

    /** Has the handler of a client say so, in a task. */
    private static void hold(Client client, long bytes) throws Exception {
        CompletableFuture<Void> said = new CompletableFuture<>();
        assertTrue(client.connection().execute(() -> {
            client.connection().holdMemory(bytes);
            said.complete(null);
        }));
        said.get(20, TimeUnit.SECONDS);
    }

    private void awaitPause() {
        rig.await(() -> rig.server.stats().get(Counter.READ_PAUSES) > 0, "a connection is not read");
    }

    @Test
    void whatAHandlerHoldsMakesMemoryShortUntilItHoldsLess() throws Exception {
        Handler lines = (self, in) -> { // answers a whole line, and leaves another unread
            if (in.get(in.limit() - 1) == '\n') {
                in.position(in.limit());
                self.write(text("ok\n"));
            }
        };
        serveWithLittleMemory(ServerOptions.builder(), lines);
        Client holder = rig.connect();
        Client other = rig.connect();
        hold(holder, 700 << 10);
        hold(holder, 900 << 10); // not beside it
        CompletableFuture<Client> sent = Rig.inBackground(() -> other.send("x".repeat(200_000) + "\n"));
        awaitPause();
        hold(holder, 200 << 10);
        assertEquals("ok\n", other.receive(3));
        sent.get(20, TimeUnit.SECONDS);
        assertEquals("ok\n", holder.send("\n").receive(3));
        assertEquals(2, rig.server.stats().open());
    }

    @Test
    void handlerThatHoldsMoreThanThereIsLosesItsConnection() throws Exception {
        serveWithLittleMemory(ServerOptions.builder(), ECHO);
        Client other = rig.connect();
        for (long bytes : new long[] {BUDGET, BUDGET + 1, Long.MAX_VALUE}) {
            Client holder = rig.connect();
            hold(holder, bytes);
            assertEquals(new CloseReason(Kind.MEMORY, null, 0), holder.awaitClose());
            assertTrue(holder.awaitReset());
        }
        assertEquals("y", other.send("y").receive(1));
        assertEquals(3, rig.server.stats().closedBy(Kind.MEMORY));
    }

    @Test
    void aboveTheLimitTheLargestIsClosedWhoeverSaidMore() throws Exception {
        serveWithLittleMemory(ServerOptions.builder(), ECHO);
        Client small = rig.connect();
        Client large = rig.connect();
        hold(large, 700 << 10);
        hold(small, 500 << 10);
        assertEquals(Kind.MEMORY, large.awaitClose().kind());
        assertEquals("y", small.send("y").receive(1));
        assertEquals(1, rig.server.stats().closedBy(Kind.MEMORY));
    }

    @Test
    void handlerThatHoldsMuchIsNotReadWhileMemoryIsShort() throws Exception {
        Handler holding = (self, in) -> {
            if (in.get(in.position()) == 'h') {
                self.holdMemory(2 << 10);
            }
            self.write(in);
        };
        serveWithLittleMemory(ServerOptions.builder(), holding);
        Client most = rig.connect();
        Client client = rig.connect();
        hold(most, 1000 << 10); // nothing is left for reading
        hold(client, 1 << 10);
        assertEquals("y", client.send("y").receive(1));
        assertEquals(0, rig.server.stats().get(Counter.READ_PAUSES));
        assertEquals("h", client.send("h").receive(1));
        client.send("z");
        awaitPause();
        hold(client, 1 << 10);
        assertEquals("z", client.receive(1));
    }

    /** It waits for nothing; were its client to send more, it would not be read. */
    @Test
    void connectionWhoseHandlerHoldsMostIsClosedWhenAnotherHasWaitedTooLong() throws Exception {
        serveWithLittleMemory(ServerOptions.builder().writeTimeout(Duration.ofMillis(200)), ECHO);
        Client most = rig.connect();
        Client client = rig.connect();
        hold(most, 1000 << 10);
        hold(client, 2 << 10);
        client.send("y"); // a read that blocks may bring this
        client.send("z");
        assertEquals(Kind.MEMORY, most.awaitClose().kind());
        assertEquals("yz", client.receive(2));
    }

    @ExpectsLog("handler failed on")
    @Test
    void whatAHandlerHoldsIsForgottenHoweverItsConnectionEnds() throws Exception {
        serveWithLittleMemory(ServerOptions.builder(), HOLDS_AT_LAST);
        Map<String, Consumer<Client>> ends = Map.of(
                "LOCAL by abort", client -> client.connection().abort(),
                "LOCAL by close", client -> {
                    client.connection().close();
                    rig.await(() -> !client.connection().isOpen(), "its close");
                    shut(client, false);
                },
                "HANDLER_FAILURE", client -> client.connection().execute(() -> {
                    throw new IllegalStateException("as the test wants it");
                }),
                "PEER", client -> shut(client, false),
                "RESET", client -> shut(client, true));
        for (Map.Entry<String, Consumer<Client>> end : ends.entrySet()) {
            Client client = rig.connect();
            hold(client, 700 << 10);
            assertTrue(client.connection().isOpen(), end.getKey());
            end.getValue().accept(client);
            assertEquals(end.getKey().split(" ")[0], client.awaitClose().kind().name());
        }
        Client last = rig.connect();
        hold(last, 700 << 10);
        assertEquals("y", last.send("y").receive(1));
    }

    private static void shut(Client client, boolean resets) {
        try {
            if (resets) {
                client.socket.setSoLinger(true, 0);
                client.socket.close();
            } else {
                client.socket.shutdownOutput();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void whatAHandlerHoldsIsSaidOnTheConnectionsThreadAndNotBelowZero() throws Exception {
        List<Throwable> thrown = new CopyOnWriteArrayList<>();
        serve((self, in) -> {
            thrown.add(assertThrows(IllegalArgumentException.class, () -> self.holdMemory(-1)));
            thrown.add(assertThrows(IllegalArgumentException.class, () -> self.holdMemory(Long.MIN_VALUE)));
            self.holdMemory(0);
            self.write(in);
        });
        Client client = rig.connect();
        assertEquals("y", client.send("y").receive(1));
        assertEquals(2, thrown.size());
        assertThrows(IllegalStateException.class, () -> client.connection().holdMemory(1));
    }

    @Test
    void newcomerForWhichThereIsNoMemoryIsRefused() throws Exception {
        List<ServerObserver.Refusal> refusals = new CopyOnWriteArrayList<>();
        serve(ServerOptions.builder().maxMemory(64 << 10).maxConnections(1_000).observer(new ServerObserver() {
            @Override
            public void refused(SocketAddress remote, Refusal why) {
                refusals.add(why);
            }
        }), connection -> ECHO);
        int most = 64 << 10 >> (engine.keepsToOneThread ? 10 : 11);
        for (int i = 0; i < most; i++) {
            rig.connectOnly();
        }
        rig.await(() -> rig.server.stats().open() == most, "all that there is room for");
        assertEquals(-1, rig.connectOnly().in.read());
        rig.await(() -> !refusals.isEmpty(), "the observer");
        assertEquals(List.of(ServerObserver.Refusal.MEMORY), refusals);
        assertEquals(most, rig.server.stats().open());
    }

    @Test
    void largeRequestsAreEchoedThoughMemoryForLargeReadsIsTaken() throws Exception {
        serve(ServerOptions.builder().maxMemory(64 << 10), connection -> ECHO); // one large buffer
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Client client = rig.connect();
            clients.add(client);
            assertEquals("x".repeat(4_000), client.send("x".repeat(4_000)).receive(4_000));
        }
        for (Client client : clients) {
            assertEquals("y".repeat(2_000), client.send("y".repeat(2_000)).receive(2_000));
        }
    }

    /** Clients that fill three quarters of the budget side by side, each with the first part of a line; a whole one is answered. */
    private List<Client> fill(int bytesOfEach) throws Exception {
        serveWithLittleMemory(ServerOptions.builder().idleTimeout(Duration.ZERO), (self, in) -> {
            if (in.get(in.limit() - 1) == '\n') {
                self.write(text(in.remaining() + "."));
                in.position(in.limit());
            }
        });
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            clients.add(rig.connect());
        }
        for (Client client : clients) {
            client.send("x".repeat(bytesOfEach));
        }
        awaitAllThatMayBeRead(clients.size() * bytesOfEach);
        return clients;
    }

    /** Loops know late that memory is short: they may read it all. */
    private void awaitAllThatMayBeRead(int sent) {
        rig.await(() -> rig.server.stats().get(Counter.BYTES_READ) == sent || rig.server.stats().get(Counter.READ_PAUSES) > 0, "what was sent, or a pause");
    }

    @Test
    void drainLetsThoseThatWaitForMemoryReadWhatHasArrived() throws Exception {
        List<Client> clients = fill(80_000);
        for (Client client : clients) {
            client.send("x".repeat(70_000) + "\n");
        }
        awaitAllThatMayBeRead(clients.size() * 150_001);
        CompletableFuture<DrainReport> report = rig.server.drain(Duration.ofSeconds(20));
        for (Client client : clients) {
            assertEquals("150001.", client.receiveAll());
        }
        assertEquals(0, report.get(20, TimeUnit.SECONDS).cut());
    }

    @Test
    void drainWaitsForNoneThatLacksOnlyMemory() throws Exception {
        fill(128 << 10);
        assertEquals(0, rig.server.drain(Duration.ofSeconds(30)).get(15, TimeUnit.SECONDS).cut());
    }
}
