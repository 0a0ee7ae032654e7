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
import dev.sluice.ServerStats.Counter;
import dev.sluice.Timer;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Steps of the loop that find no memory: each is done in a later turn, once, and nothing is lost. */
class SurvivalTest {

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    /** Throws at some uses, and counts them. */
    private static final class Lack {
        private int from;
        private int times;

        Lack(int from, int times) {
            this.from = from;
            this.times = times;
        }

        void maybe() {
            if (--from < 0 && times-- > 0) {
                throw new OutOfMemoryError("by the test");
            }
        }
    }

    private static SocketIo closing(Lack lack) {
        return new SocketIo() {
            @Override
            public void close(SocketChannel channel) {
                lack.maybe();
                SocketIo.super.close(channel);
            }
        };
    }

    // ---- the end of a connection ----------------------------------------------------------------------------------------

    @ExpectsLog("the end of a connection")
    @Test
    void endThatFindsNoMemoryComesInALaterTurn() throws IOException {
        loop.serve(ServerOptions.builder(), closing(new Lack(0, 3)), connection -> (self, in) -> self.write(in));
        Loop.Client client = loop.connect();
        client.channel.shutdownOutput();
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
        assertEquals(1, loop.server.stats().get(Counter.CLOSED));
        loop.failuresOnPurpose = 3;
    }

    @ExpectsLog("the end of a connection")
    @Test
    void resetThatFindsNoMemoryIsNotForgotten() throws IOException {
        Lack lack = new Lack(0, 2);
        SocketIo without = new SocketIo() {
            @Override
            public void resetOnClose(SocketChannel channel) {
                lack.maybe();
                SocketIo.super.resetOnClose(channel);
            }
        };
        loop.serve(ServerOptions.builder(), without, connection -> (self, in) -> {
            in.position(in.limit());
            self.abort();
        });
        Loop.Client client = loop.connect().send("x");
        client.awaitReset();
        assertEquals(Kind.LOCAL, client.awaitClose().kind());
        loop.failuresOnPurpose = 2;
    }

    /** A tenant of the selector as connections are. */
    private final class Tenant implements ReadyHandler.AtEndOfTurn {
        private final Lack lack;
        private boolean closed = true;
        private int reaped;

        Tenant(Lack lack) {
            this.lack = lack;
        }

        @Override
        public void ready(int readyOps) {}

        @Override
        public void flush() {}

        @Override
        public void reap() {
            lack.maybe();
            closed = false;
            reaped++;
        }

        @Override
        public boolean isToReap() {
            return closed;
        }
    }

    @ExpectsLog("the end of a connection")
    @Test
    void connectionThatHasClosedAndIsNotListedIsFoundAmongTheKeys() throws IOException {
        try (ServerSocketChannel one = ServerSocketChannel.open(); ServerSocketChannel other = ServerSocketChannel.open()) {
            Tenant tenant = new Tenant(new Lack(0, 1));
            Tenant second = new Tenant(new Lack(0, 0));
            loop.reactor.register(one, 0, tenant);
            loop.reactor.register(other, 0, second);
            loop.settle();
            assertEquals(0, second.reaped, "nothing says that there is one");
            loop.reactor.unlisted = true;
            loop.turn();
            assertEquals(1, second.reaped);
            loop.settle();
            assertEquals(1, tenant.reaped);
            assertEquals(1, second.reaped);
        }
        loop.failuresOnPurpose = 1;
    }

    @Test
    void keyWhoseRegistrationFailedHalfWayIsCancelled() throws IOException {
        try (ServerSocketChannel channel = ServerSocketChannel.open().bind(null)) {
            channel.configureBlocking(false);
            SelectionKey key = channel.register(loop.reactor.selector, SelectionKey.OP_ACCEPT);
            try (SocketChannel client = SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), channel.socket().getLocalPort()))) {
                assertTrue(client.isConnected());
                loop.turn();
                loop.reactor.forEachHandler(handler -> {
                    throw new AssertionError("a handler: " + handler);
                });
                assertTrue(key.isValid());
                loop.reactor.unlisted = true;
                loop.turn();
                assertFalse(key.isValid());
            }
        }
    }

    @ExpectsLog("the end of a connection")
    @Test
    void drainWaitsForAnEndThatFindsNoMemory() throws Exception {
        loop.serve(ServerOptions.builder(), closing(new Lack(1, 1)), connection -> (self, in) -> {});
        loop.connect();
        loop.connect();
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(1));
        loop.settle();
        loop.advance(Duration.ofSeconds(1));
        assertTrue(end.isDone());
        assertEquals(2, end.get().connections());
        loop.failuresOnPurpose = 1;
    }

    // ---- outbound -------------------------------------------------------------------------------------------------------

    @Test
    void attemptThatFailsWithoutMemoryIsToldOnce() throws IOException {
        int free;
        try (ServerSocketChannel port = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            free = port.socket().getLocalPort();
        }
        InetSocketAddress nobody = new InetSocketAddress(InetAddress.getLoopbackAddress(), free);
        List<CloseReason> told = new ArrayList<>();
        loop.serve(ServerOptions.builder(), closing(new Lack(0, 3)), connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.connect(nobody, Duration.ZERO, other -> new Handler() {
                    @Override
                    public void onRead(Connection connection, ByteBuffer in) {}

                    @Override
                    public void onClose(Connection connection, CloseReason reason) {
                        told.add(reason);
                    }
                });
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {}
        });
        loop.connect();
        loop.until(() -> !told.isEmpty(), "the failure");
        loop.settle();
        assertEquals(List.of(Kind.CONNECT_FAILURE), told.stream().map(CloseReason::kind).toList());
        assertEquals(2, loop.server.stats().get(Counter.OPENED), "the client, and the attempt");
    }

    // ---- tasks and timers -----------------------------------------------------------------------------------------------

    @ExpectsLog("a task")
    @Test
    void taskThatIsInsistedOnRunsUntilItFindsMemory() {
        Lack lack = new Lack(0, 2);
        int[] ran = new int[2];
        loop.reactor.insist(() -> {
            lack.maybe();
            ran[0]++;
        });
        loop.reactor.execute(() -> ran[1]++);
        loop.turn();
        assertEquals(0, ran[0]);
        assertEquals(1, ran[1], "the others do not wait for it");
        loop.settle();
        assertEquals(1, ran[0]);
        loop.failuresOnPurpose = 2;
    }

    @ExpectsLog("a task")
    @Test
    void triesWithoutMemoryAreNoSpin() throws IOException {
        Lack lack = new Lack(0, 5);
        loop.reactor.insist(lack::maybe);
        long beganNs = System.nanoTime();
        for (int i = 0; i < 6; i++) {
            loop.reactor.runOnce(Duration.ofMinutes(1));
        }
        long tookMs = (System.nanoTime() - beganNs) / 1_000_000;
        assertTrue(tookMs >= 40, "five pauses of 10 ms took " + tookMs + " ms");
        loop.failuresOnPurpose = 5;
    }

    @ExpectsLog("a timer")
    @Test
    void timerThatComesAgainDoesSoWhateverItThrows() {
        Lack lack = new Lack(1, 2);
        int[] ran = new int[1];
        Timer timer = loop.reactor.scheduleEvery(Duration.ofMillis(100), () -> {
            ran[0]++;
            lack.maybe();
        });
        for (int i = 0; i < 5; i++) {
            loop.advance(Duration.ofMillis(100));
        }
        assertEquals(5, ran[0]);
        assertTrue(timer.cancel());
        loop.advance(Duration.ofSeconds(1));
        assertEquals(5, ran[0]);
        loop.failuresOnPurpose = 2;
    }

    // ---- the end of the loop --------------------------------------------------------------------------------------------

    @ExpectsLog("a task") // and what follows within a second is counted
    @Test
    void reactorThatEndsWithoutMemoryTellsEveryone() throws Exception {
        loop.serve(ServerOptions.builder(), closing(new Lack(0, 2)), connection -> (self, in) -> {});
        Loop.Client client = loop.connect();
        Lack lack = new Lack(0, 2);
        List<String> order = new ArrayList<>();
        loop.reactor.atEnd(() -> {
            lack.maybe();
            order.add("at the end, closed: " + client.recorder.isClosed());
        });
        loop.reactor.atEnd(() -> {
            order.add("no memory is not its fault");
            throw new IllegalStateException("on purpose");
        });
        Lack forTask = new Lack(0, 2);
        loop.reactor.insist(() -> {
            forTask.maybe();
            order.add("task");
        });
        CompletableFuture<DrainReport> end = loop.server.termination();
        loop.reactor.close();
        loop.reactorEnded = true;
        assertEquals(List.of("task", "at the end, closed: true", "no memory is not its fault"), order);
        assertTrue(client.recorder.isClosed());
        assertEquals(IllegalStateException.class, assertThrows(ExecutionException.class, end::get).getCause().getClass());
        assertFalse(loop.reactor.selector.isOpen());
    }

    @ExpectsLog("the clock: ")
    @Test
    void clockWithoutMemoryIsSurvived() throws IOException {
        Lack lack = new Lack(2, 3);
        int[] ran = new int[1];
        try (Reactor reactor = Reactor.open(
                () -> {
                    lack.maybe();
                    return 0;
                },
                SelectorProvider.provider())) {
            for (int i = 0; i < 5; i++) {
                reactor.execute(() -> ran[0]++);
                reactor.runOnce(Duration.ZERO);
            }
            assertEquals(3, reactor.stats().failures());
        }
        assertEquals(5, ran[0]);
    }
}
