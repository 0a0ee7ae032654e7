package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link Connection#whenWritten}: a task runs once the kernel has what was written before it. */
class WhenWrittenContractTest extends EngineContract {

    /** More than the kernel takes of a peer that does not read. */
    private static final int MUCH = 8 << 20;

    private final List<String> told = new CopyOnWriteArrayList<>();

    private static ServerOptions.Builder roomy() {
        return ServerOptions.builder().maxPending(8 * MUCH).maxMemory(16L * MUCH);
    }

    @Test
    void runsAfterTheCallbackWhereNothingWaits() throws Exception {
        Client client = serve((self, in) -> {
            in.position(in.limit());
            assertTrue(self.whenWritten(() -> told.add("empty")));
            self.write(text("x"));
            assertTrue(self.whenWritten(() -> told.add("written, " + self.pending() + " pending")));
            told.add("returned");
        }).connect();
        assertEquals("x", client.send("?").receive(1));
        rig.await(() -> told.size() == 3, "both tasks");
        assertEquals(List.of("returned", "empty", "written, 0 pending"), told);
    }

    @Test
    void runsOnceTheKernelHasAllThatWasWrittenBeforeAndNoSooner() throws Exception {
        Client client = serve(roomy(), connection -> (self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.allocate(MUCH));
            self.whenWritten(() -> told.add("first " + (self.pending() <= MUCH)));
            self.write(ByteBuffer.allocate(MUCH));
            self.whenWritten(() -> told.add("second " + self.pending()));
            self.whenWritten(() -> told.add("third " + self.pending()));
        }).connect();
        client.send("?");
        rig.await(() -> rig.server.stats().get(Counter.BYTES_WRITTEN) > 0 && client.connection().pending() > MUCH, "output waits");
        client.connection().execute(() -> told.add("task"));
        rig.await(() -> told.size() == 1, "a task that does not wait for the output");
        client.in.skipNBytes(2 * MUCH);
        rig.await(() -> told.size() == 4, "all tasks");
        assertEquals(List.of("task", "first true", "second 0", "third 0"), told);
    }

    @Test
    void countsWhatItsThreadWroteBeforeItInOrder() throws Exception {
        assumeFalse(Rig.ON_UNIX, "such a socket has room for 300 small requests, and the server reads none while output waits");
        int messages = 500;
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger overlaps = new AtomicInteger();
        List<Integer> ran = new CopyOnWriteArrayList<>();
        Client client = serve(roomy(), connection -> (self, in) -> {
            overlaps.addAndGet(inside.getAndIncrement());
            in.position(in.limit());
            inside.decrementAndGet();
        }).connect();
        Rig.inBackground(() -> {
            for (int i = 0; i < messages; i++) {
                int number = i;
                client.connection().write(ByteBuffer.allocate(4096));
                assertTrue(client.connection().whenWritten(() -> {
                    overlaps.addAndGet(inside.getAndIncrement());
                    ran.add(number);
                    long after = 4096L * (messages - 1 - number);
                    told.addAll(client.connection().pending() <= after ? List.of() : List.of("too soon: " + number));
                    inside.decrementAndGet();
                }));
                client.out.write('x');
            }
            return null;
        }).get();
        client.in.skipNBytes(4096L * messages);
        rig.await(() -> ran.size() == messages, "all tasks");
        assertEquals(IntStream.range(0, messages).boxed().toList(), ran);
        assertEquals(List.of(), told);
        assertEquals(0, overlaps.get(), "callbacks and tasks at the same time");
    }

    /** The queue is written to and registered with in turn, in pieces that share chunks. */
    @Test
    void manyInOneQueueRunInTheirOrder() throws Exception {
        int pieces = 20_000;
        List<Integer> ran = new ArrayList<>();
        AtomicBoolean over = new AtomicBoolean();
        Client client = serve(roomy(), connection -> (self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.allocate(MUCH)); // so that the pieces wait
            for (int i = 0; i < pieces; i++) {
                int number = i;
                self.write(ByteBuffer.allocate(37));
                self.whenWritten(() -> {
                    ran.add(number);
                    told.addAll(self.pending() <= 37L * (pieces - 1 - number) ? List.of() : List.of("too soon: " + number));
                });
            }
            self.whenWritten(() -> over.set(true));
        }).connect();
        client.send("?").in.skipNBytes(MUCH + 37L * pieces);
        rig.await(over::get, "all tasks");
        assertEquals(IntStream.range(0, pieces).boxed().toList(), ran);
        assertEquals(List.of(), told);
    }

    /** On threads, a callback keeps the task waiting until the connection has been reset. */
    @Test
    void runsBeforeTheLastCallbackThoughTheConnectionHasEndedMeanwhile() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve(connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) throws Exception {
                in.position(in.limit());
                if (!engine.keepsToOneThread) {
                    gate.await();
                }
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                told.add("closed");
            }
        }).connect().send("?");
        rig.await(() -> rig.server.stats().get(Counter.BYTES_READ) == 1, "the callback");
        client.connection().write(text("x"));
        client.connection().whenWritten(() -> told.add("written"));
        assertEquals("x", client.receive(1));
        if (engine.keepsToOneThread) {
            rig.await(() -> !told.isEmpty(), "the task");
        }
        client.connection().abort();
        assertTrue(client.awaitReset());
        gate.countDown();
        rig.await(() -> told.contains("closed"), "the end");
        assertEquals(List.of("written", "closed"), told);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void runsBeforeTheEndThatItsBytesWaitFor(boolean peerEndsFirst) throws Exception {
        Client client = serve(connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                if (!peerEndsFirst) {
                    answer(self);
                }
            }

            @Override
            public void onEof(Connection self) {
                if (peerEndsFirst) {
                    answer(self);
                }
            }

            private void answer(Connection self) {
                self.write(ByteBuffer.allocate(MUCH));
                self.whenWritten(() -> told.add("before close"));
                self.close();
                self.whenWritten(() -> told.add("after close"));
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                told.add(reason.kind() + ", " + reason.unsent() + ", " + self.whenWritten(() -> told.add("never")));
            }
        }).connect();
        client.send("?");
        if (peerEndsFirst) {
            client.socket.shutdownOutput();
        }
        client.in.skipNBytes(MUCH);
        assertEquals("", client.receiveAll());
        client.socket.close();
        rig.await(() -> told.size() == 3, "the end");
        assertEquals(List.of("before close", "after close", (peerEndsFirst ? Kind.PEER : Kind.LOCAL) + ", 0, false"), told);
    }

    private Rig serve(java.util.function.Function<Connection, Handler> handlers) throws Exception {
        return serve(roomy(), handlers);
    }

    @Test
    void runsAfterOnWritableWhereNothingWaits() throws Exception {
        Client client = serve(connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                self.write(ByteBuffer.allocate(MUCH));
            }

            @Override
            public void onWritable(Connection self) {
                if (self.pending() == 0) {
                    self.whenWritten(() -> self.write(text("x")));
                } else {
                    self.whenWritten(() -> onWritable(self));
                }
            }
        }).connect();
        client.send("?").in.skipNBytes(MUCH);
        assertEquals("x", client.receive(1));
    }

    @Test
    void neverRunsWhereTheConnectionEndsFirst() throws Exception {
        Client client = serve(connection -> (self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.allocate(MUCH));
            self.whenWritten(() -> told.add("never"));
            self.execute(self::abort);
        }).connect();
        client.send("?");
        assertTrue(client.awaitClose().unsent() > 0);
        rig.close();
        assertEquals(List.of(), told);
    }

    @Test
    @ExpectsLog("handler failed on TASK")
    void taskThatThrowsIsAHandlerThatThrows() throws Exception {
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.write(text("x"));
            self.whenWritten(() -> {
                throw new IllegalStateException("on purpose");
            });
        }).connect();
        client.send("?");
        assertEquals(Kind.HANDLER_FAILURE, client.awaitClose().kind());
        assertEquals(1, rig.server.stats().get(Counter.HANDLER_FAILURES));
    }

    @Test
    void taskMayWriteAndWaitAgain() throws Exception {
        int rounds = 1_000;
        AtomicReference<Runnable> next = new AtomicReference<>();
        AtomicInteger left = new AtomicInteger(rounds);
        Client client = serve((self, in) -> {
            in.position(in.limit());
            next.set(() -> {
                if (left.getAndDecrement() > 0) {
                    self.write(text("0123456789"));
                    self.whenWritten(next.get());
                }
            });
            self.whenWritten(next.get());
        }).connect();
        client.send("?");
        assertEquals(10 * rounds, client.receive(10 * rounds).length());
    }

    /** However a connection ends: its task has run before its last callback, or bytes are lost. */
    @Test
    void lastCallbackTellsWhetherItEverWill() throws Exception {
        Map<Connection, AtomicBoolean> ran = new ConcurrentHashMap<>();
        int connections = 60;
        serve(connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                AtomicBoolean mine = new AtomicBoolean();
                ran.put(self, mine);
                self.write(ByteBuffer.allocate(100_000));
                self.whenWritten(() -> mine.set(true));
                self.close();
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                told.add(ran.get(self).get() == (reason.unsent() == 0) ? "" : reason + ", ran: " + ran.get(self));
            }
        });
        for (int i = 0; i < connections; i++) {
            Client client = rig.connectOnly(4096);
            client.send("?");
            client.in.skipNBytes(i * 1000L);
            if (i % 3 == 0) {
                client.socket.setSoLinger(true, 0);
            } else if (i % 3 == 1) {
                client.socket.shutdownOutput();
                client.in.skipNBytes(100_000 - i * 1000L);
            }
            client.socket.close();
        }
        rig.await(() -> told.size() == connections, "all ends");
        told.removeIf(String::isEmpty);
        assertEquals(List.of(), told);
        assertFalse(ran.isEmpty());
    }
}
