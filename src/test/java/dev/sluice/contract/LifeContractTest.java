package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.Timer;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.reactor.Recorder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The first callback of a connection and its last one, and the end of its server. */
class LifeContractTest extends EngineContract {

    /** A listener or a peer of the test's own. */
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();

    /** Ways in which a factory ends the connection that it makes a handler for. */
    enum FactoryEnds {
        BY_CLOSE {
            @Override
            void end(Connection connection) {
                connection.write(text("busy"));
                connection.close();
            }
        },
        BY_ABORT {
            @Override
            void end(Connection connection) {
                connection.abort();
            }
        },
        BY_CLOSE_WHILE_IT_HOLDS {
            @Override
            void end(Connection connection) {
                Hold hold = connection.hold();
                assertFalse(connection.write(ByteBuffer.allocate(BUSY)), "above the high water mark");
                connection.close();
                connection.schedule(Duration.ofMillis(50), hold::close);
            }
        },
        BY_ITS_QUEUE {
            @Override
            void end(Connection connection) {
                connection.write(ByteBuffer.allocate(100 * BUSY));
            }
        };

        static final int BUSY = 20_000;

        abstract void end(Connection connection);

        static ServerOptions.Builder options() {
            return ServerOptions.builder().lowWater(BUSY / 4).highWater(BUSY / 2).maxPending(10 * BUSY);
        }

        void check(Recorder recorder) {
            assertEquals("c", recorder.callbacks());
            assertEquals(this == BY_ITS_QUEUE ? Kind.QUEUE_LIMIT : Kind.LOCAL, recorder.reason.kind());
        }

        static void readToTheEnd(Socket peer) throws IOException {
            try (peer) {
                peer.getInputStream().readAllBytes();
            } catch (IOException e) {
                // a reset
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void connectionThatItsFactoryEndsHearsOfItsEndAlone(FactoryEnds how) throws Exception {
        serve(FactoryEnds.options(), connection -> {
            how.end(connection);
            return DEAF;
        });
        Client client = rig.connectOnly();
        if (how == FactoryEnds.BY_CLOSE) {
            assertEquals("busy", client.receive(4));
        }
        FactoryEnds.readToTheEnd(client.socket);
        rig.await(() -> rig.recorders.size() == 1 && rig.recorders.get(0).isClosed(), "its end");
        how.check(rig.recorders.get(0));
        assertEquals(0, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @ParameterizedTest
    @EnumSource
    void connectionThatGoesOutAndItsFactoryEndsHearsOfItsEndAlone(FactoryEnds how) throws Exception {
        List<Recorder> outbound = new CopyOnWriteArrayList<>();
        try (ServerSocket listener = new ServerSocket(0, 50, LOOPBACK)) {
            serve(FactoryEnds.options(), connection -> new Handler() {
                @Override
                public void onOpen(Connection self) {
                    self.connect((InetSocketAddress) listener.getLocalSocketAddress(), Duration.ofSeconds(10), other -> {
                        how.end(other);
                        outbound.add(new Recorder(other, DEAF, false));
                        return outbound.get(0);
                    });
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {}
            });
            rig.connect();
            FactoryEnds.readToTheEnd(listener.accept());
            rig.await(() -> !outbound.isEmpty() && outbound.get(0).isClosed(), "its end");
            how.check(outbound.get(0));
        }
    }

    @ExpectsLog("handler failed on")
    @ParameterizedTest
    @EnumSource(names = {"BY_CLOSE", "BY_ABORT"})
    void connectionWhoseFactoryThrowsHasNoCallbackThoughItWasEndedBefore(FactoryEnds how) throws Exception {
        AtomicInteger made = new AtomicInteger();
        serve(ServerOptions.builder(), connection -> {
            if (made.getAndIncrement() == 0) {
                how.end(connection);
                throw new IllegalStateException("on purpose");
            }
            return (self, in) -> self.write(in);
        });
        FactoryEnds.readToTheEnd(rig.connectOnly().socket);
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.CLOSED) == 1, "its end");
        assertEquals(1, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
        assertEquals("x", rig.connect().send("x").receive(1));
        assertEquals(1, rig.recorders.size());
    }

    @Test
    void serverThatIsClosedFromACallbackEnds() throws Exception {
        AtomicReference<Server> server = new AtomicReference<>();
        CountDownLatch known = new CountDownLatch(1);
        serve(ServerOptions.builder(), connection -> (self, in) -> {
            known.await(10, TimeUnit.SECONDS);
            self.write(in);
            server.get().close();
        });
        server.set(rig.server);
        known.countDown();
        assertEquals("bye", rig.connect().send("bye").receiveAll());
    }

    @Test
    void terminationComesAfterTheLastCallbackAndWhatThatOffloadsRunsOnAWorker() throws Exception {
        AtomicReference<Boolean> over = new AtomicReference<>();
        AtomicReference<Thread> caller = new AtomicReference<>();
        AtomicReference<Thread> worker = new AtomicReference<>();
        AtomicInteger calls = new AtomicInteger();
        serve((Ending) (self, reason) -> {
            over.set(rig.server.termination().isDone());
            caller.set(Thread.currentThread());
            self.offload(() -> {
                worker.set(Thread.currentThread());
                return null;
            }, (result, failure) -> calls.incrementAndGet());
        });
        rig.connect();
        rig.server.drain(Duration.ZERO).get(20, TimeUnit.SECONDS);
        assertEquals(false, over.get(), "whether the server had ended before the last callback");
        rig.await(() -> worker.get() != null, "what was offloaded");
        assertNotSame(caller.get(), worker.get());
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_DONE) == 1, "its books");
        rig.close();
        assertEquals(0, calls.get());
    }

    /** The handler of an attempt that was refused keeps its thread until the server is about to end. */
    @Test
    void terminationComesAfterTheLastCallbackOfAnAttemptThatWasRefused() throws Exception {
        CountDownLatch refused = new CountDownLatch(1);
        AtomicReference<Boolean> over = new AtomicReference<>();
        Client client = serve(ServerOptions.builder().maxConnections(1), connection -> (self, in) -> {
            in.position(in.limit());
            self.connect(rig.server.addresses().get(0), Duration.ZERO, other -> (Ending) (me, reason) -> {
                refused.countDown();
                try {
                    rig.server.termination().get(300, TimeUnit.MILLISECONDS);
                } catch (TimeoutException e) {
                    // as it should be
                }
                over.set(rig.server.termination().isDone());
            });
        }).connect();
        client.send("x");
        assertTrue(refused.await(20, TimeUnit.SECONDS));
        rig.server.drain(Duration.ZERO).get(20, TimeUnit.SECONDS);
        assertEquals(false, over.get(), "whether the server had ended before the last callback");
    }

    @Test
    void lastCallbackIsRefusedWhatHasNoTimeAnyMore() throws Exception {
        Asking accepted = new Asking();
        Asking notConnected = new Asking();
        try (Socket holder = new Socket()) { // of a port on which nobody listens
            holder.bind(new InetSocketAddress(LOOPBACK, 0));
            Client client = serve(ServerOptions.builder(), connection -> new Handler() {
                @Override
                public void onOpen(Connection self) {
                    self.connect((InetSocketAddress) holder.getLocalSocketAddress(), Duration.ofSeconds(10), other -> notConnected);
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {}

                @Override
                public void onClose(Connection self, CloseReason reason) {
                    accepted.onClose(self, reason);
                }
            }).connect();
            rig.await(() -> notConnected.asked.get() != null, "the attempt's end");
            client.socket.close();
            client.awaitClose();
        }
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_DONE) == 2, "what was offloaded");
        rig.close();
        assertEquals(Asking.EXPECTED, accepted.asked.get());
        assertEquals(Asking.EXPECTED, notConnected.asked.get());
        for (Asking each : List.of(accepted, notConnected)) {
            assertEquals(1, each.offloaded.get(), "tasks offloaded");
            assertEquals(0, each.tooLate.get(), "callbacks, tasks and timers of a connection that has closed");
        }
    }

    /** Asks for everything in its last callback. */
    private static final class Asking implements Ending {
        static final String EXPECTED = "open false, reading false, write false, execute false, connect false, cancel false, offload true";

        final AtomicReference<String> asked = new AtomicReference<>();
        final AtomicInteger offloaded = new AtomicInteger();
        final AtomicInteger tooLate = new AtomicInteger();

        @Override
        public void onClose(Connection self, CloseReason reason) {
            self.hold().close();
            self.hold(); // and never releases it
            self.pauseReading();
            self.resumeReading();
            self.close();
            self.shutdownOutput();
            self.abort();
            Timer timer = self.schedule(Duration.ZERO, tooLate::incrementAndGet);
            asked.set("open " + self.isOpen() + ", reading " + self.isReading() + ", write " + self.write(text("x"))
                    + ", execute " + self.execute(tooLate::incrementAndGet)
                    + ", connect " + self.connect(new InetSocketAddress(LOOPBACK, 1), Duration.ZERO, other -> {
                        tooLate.incrementAndGet();
                        return DEAF;
                    })
                    + ", cancel " + timer.cancel()
                    + ", offload " + self.offload(offloaded::incrementAndGet, (result, failure) -> tooLate.incrementAndGet()));
        }
    }
}
