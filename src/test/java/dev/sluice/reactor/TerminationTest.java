package dev.sluice.reactor;

import dev.sluice.Handler;
import dev.sluice.Connection;
import dev.sluice.CloseReason;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.DrainReport;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** On a reactor that outlives it, a server or a connector has ended when nobody is told anything any more. */
@Timeout(60)
class TerminationTest {

    private static final Duration SECOND = Duration.ofSeconds(1);

    /** More than a turn runs, so that those handed in last have to wait for the next. */
    private static final int TASKS_A_TURN = 1024;

    private final Loop loop = new Loop();

    /** The end that {@link Last} looks at. */
    private CompletableFuture<DrainReport> end;

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    /** Looks in its last callback whether all is over already, and hands a worker something that would keep a loop. */
    private final class Last implements Handler {
        private final CountDownLatch gate = new CountDownLatch(1);
        private final CompletableFuture<Thread> worker = new CompletableFuture<>();
        private Boolean wasOver;

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            in.position(in.limit());
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            wasOver = end.isDone();
            self.offload(() -> {
                worker.complete(Thread.currentThread());
                return gate.await(5, TimeUnit.SECONDS);
            }, (result, failure) -> {});
        }

        void check() throws Exception {
            assertEquals(false, wasOver, "whether it had ended before the last callback");
            gate.countDown();
            awaitWorker(worker);
        }
    }

    private static void awaitWorker(CompletableFuture<Thread> worker) throws Exception {
        Thread thread = worker.get(10, TimeUnit.SECONDS);
        assertNotSame(Thread.currentThread(), thread);
        thread.join(10_000);
        assertFalse(thread.isAlive(), "though it has nothing to do");
    }

    /** Time passes, so that a deadline comes. */
    private void awaitEnd() {
        loop.until(() -> {
            loop.nowNs += 1_000_000;
            return end.isDone();
        }, "the end");
    }

    private Connector connector() {
        return Connector.open(loop.reactor, ServerOptions.defaults());
    }

    /** An address on which nobody listens while the channel is open. */
    private static SocketChannel holder() throws IOException {
        return SocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    @Test
    void serverThatDrainsEndsAfterTheLastCallback() throws Exception {
        Last last = new Last();
        loop.serve(last);
        loop.connect();
        end = loop.server.drain(Duration.ZERO);
        awaitEnd();
        last.check();
        assertEquals(1, end.join().connections());
    }

    @Test
    void serverEndsWithItsReactorAfterTheLastCallback() throws Exception {
        Last last = new Last();
        loop.serve(last);
        end = loop.server.termination();
        loop.connect();
        loop.reactor.close();
        loop.reactorEnded = true;
        assertTrue(end.isCompletedExceptionally());
        last.check();
    }

    @Test
    void serverThatDrainsWhenItsReactorEndsHasNotDrained() throws Exception {
        Last last = new Last();
        loop.serve(last);
        loop.connect();
        end = loop.server.drain(SECOND);
        loop.turn();
        assertFalse(end.isDone());
        loop.reactor.close();
        loop.reactorEnded = true;
        assertEquals("the reactor ended before its server", assertThrows(CompletionException.class, end::join).getCause().getMessage());
        last.check();
    }

    @Test
    void connectorThatDrainsEndsAfterTheLastCallback() throws Exception {
        loop.serve((self, in) -> in.position(in.limit()));
        Connector connector = connector();
        Last last = new Last();
        connector.connect(loop.server.address(), SECOND, connection -> last);
        loop.until(() -> connector.stats().open() == 1, "connected");
        end = connector.drain(Duration.ZERO);
        awaitEnd();
        last.check();
    }

    @Test
    void connectorEndsAfterTheLastCallbackOfAnAttemptThatFails() throws Exception {
        Connector connector = connector();
        Last last = new Last();
        try (SocketChannel nobody = holder()) {
            end = connector.drain(SECOND); // is not done before the tasks behind it
            connector.connect((InetSocketAddress) nobody.getLocalAddress(), SECOND, connection -> last);
            awaitEnd();
        }
        last.check();
    }

    @Test
    void connectorEndsWithItsReactorAfterTheLastCallbacks() throws Exception {
        loop.serve((self, in) -> in.position(in.limit()));
        Connector connector = connector();
        Last last = new Last();
        connector.connect(loop.server.address(), SECOND, connection -> last);
        loop.until(() -> connector.stats().open() == 1, "connected");
        end = connector.drain(SECOND);
        loop.reactor.close();
        loop.reactorEnded = true;
        assertTrue(end.isCompletedExceptionally());
        last.check();
    }

    /** It asks for another just before it goes; the loop comes to that in the turn after. */
    @Test
    void attemptThatAConnectionAskedForIsToldOfBeforeTheEnd() throws Exception {
        Last last = new Last();
        CloseReason[] told = new CloseReason[1];
        loop.serve((self, in) -> in.position(in.limit()));
        Connection connection = loop.connect().recorder.connection;
        end = loop.server.drain(SECOND.multipliedBy(3600));
        loop.turn();
        connection.execute(() -> {
            for (int i = 0; i < TASKS_A_TURN; i++) {
                loop.reactor.execute(() -> {});
            }
            assertTrue(connection.connect(loop.server.address(), SECOND, other -> new Handler() {
                @Override
                public void onRead(Connection me, ByteBuffer in) {}

                @Override
                public void onClose(Connection me, CloseReason reason) {
                    told[0] = reason;
                    last.onClose(me, reason);
                }
            }));
            connection.abort();
            assertFalse(connection.connect(loop.server.address(), SECOND, other -> last), "it has closed");
        });
        awaitEnd();
        assertEquals(Kind.CONNECT_FAILURE, told[0].kind());
        last.check();
        assertFalse(connection.connect(loop.server.address(), SECOND, other -> last));
    }

    @Test
    void workOffloadedAfterTheServersEndDoesNotRunOnTheLoop() throws Exception {
        Last last = new Last();
        loop.serve(last);
        Connection connection = loop.connect().recorder.connection;
        end = loop.server.drain(Duration.ZERO);
        awaitEnd();
        last.check();
        CompletableFuture<Thread> worker = new CompletableFuture<>();
        loop.reactor.execute(() -> connection.offload(() -> worker.complete(Thread.currentThread()), (result, failure) -> {}));
        loop.settle();
        awaitWorker(worker);
    }

    @Test
    void handlerIsAskedNothingOnceTheServerHasEnded() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        CompletableFuture<Thread> worker = new CompletableFuture<>();
        int[] asked = new int[1];
        loop.serve(ServerOptions.builder().offloadThreads(1).offloadQueue(1), new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public boolean readsWhileOutputWaits() {
                asked[0] += end != null && end.isDone() ? 1 : 0;
                return true;
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                while (self.offload(() -> {
                    worker.complete(Thread.currentThread());
                    return gate.await(5, TimeUnit.SECONDS);
                }, (result, failure) -> {})) {
                    continue; // until the workers have no room
                }
            }
        });
        loop.connect();
        end = loop.server.drain(Duration.ZERO);
        awaitEnd();
        gate.countDown();
        awaitWorker(worker);
        assertEquals(3, loop.server.stats().get(ServerStats.Counter.TASKS_DONE));
        loop.settle();
        assertEquals(0, asked[0]);
    }
}
