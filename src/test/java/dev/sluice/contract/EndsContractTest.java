package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A connection ends once, with a reason, however and wherever its end is caused. */
class EndsContractTest extends EngineContract {

    @Test
    void peerThatEndsItsSideGetsAllThatIsQueued() throws Exception {
        byte[] answer = new byte[3 << 20];
        new Random(1).nextBytes(answer);
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                self.write(ByteBuffer.wrap(answer));
            }
        }).connect();
        client.send("?");
        client.socket.shutdownOutput();
        assertArrayEquals(answer, client.in.readAllBytes());
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
    }

    @Test
    void handlerThatOutlivesThePeersEndGoesOnWriting() throws Exception {
        CountDownLatch ended = new CountDownLatch(1);
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
            }

            @Override
            public void onEof(Connection self) {
                ended.countDown();
            }
        }).connect();
        client.send("?").socket.shutdownOutput();
        assertTrue(ended.await(10, TimeUnit.SECONDS));
        client.connection().write(text("later "));
        assertEquals("later ", client.receive(6));
        client.connection().write(text("and the end"));
        client.connection().close();
        assertEquals("and the end", client.receiveAll());
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void shutdownOutputEndsOurSideAlone() throws Exception {
        StringBuffer heard = new StringBuffer();
        Client client = serve(new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.write(text("hello"));
                self.shutdownOutput();
                assertFalse(self.write(text("too late")));
                assertTrue(self.isOpen());
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                heard.append(StandardCharsets.ISO_8859_1.decode(in));
            }
        }).connect();
        assertEquals("hello", client.receiveAll());
        client.send("still there?");
        rig.await(() -> heard.toString().equals("still there?"), "the peer's bytes still arrive");
        client.socket.shutdownOutput();
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
        assertEquals(8, rig.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
    }

    @Test
    void writeAboveTheLimitAfterShutdownOutputIsOnlyDiscarded() throws Exception {
        StringBuffer heard = new StringBuffer();
        int tooMuch = 3_000;
        Client client = serve(ServerOptions.builder().lowWater(100).highWater(500).maxPending(1_000), connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.write(text("hello"));
                self.shutdownOutput();
                assertFalse(self.write(ByteBuffer.allocate(tooMuch)));
                assertTrue(self.isOpen(), "nothing of it would have waited");
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                heard.append(StandardCharsets.ISO_8859_1.decode(in));
                assertFalse(self.write(ByteBuffer.allocate(tooMuch)));
            }
        }).connect();
        assertEquals("hello", client.receiveAll());
        assertFalse(client.connection().write(ByteBuffer.allocate(tooMuch)));
        client.send("still there?");
        rig.await(() -> heard.toString().equals("still there?"), "the peer's bytes still arrive");
        client.socket.shutdownOutput();
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
        assertEquals(3 * tooMuch, rig.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
        assertEquals("orec", client.recorder.callbacks());
    }

    @Test
    void shutdownOutputFromElsewhereReachesAPeerThatSaysNothing() throws Exception {
        Client client = serve(ECHO).connect();
        client.connection().shutdownOutput();
        assertEquals("", client.receiveAll());
        assertTrue(client.connection().isOpen());
    }

    enum Callback { OPEN, READ, WRITABLE, EOF, TASK, TIMER, ELSEWHERE }

    /** Does something in one callback, and echoes otherwise. */
    private static final class Doing implements Handler {
        private final Callback where;
        private final java.util.function.Consumer<Connection> what;

        Doing(Callback where, java.util.function.Consumer<Connection> what) {
            this.where = where;
            this.what = what;
        }

        @Override
        public void onOpen(Connection self) {
            if (where == Callback.OPEN) {
                what.accept(self);
            } else if (where == Callback.TASK) {
                self.execute(() -> what.accept(self));
            } else if (where == Callback.TIMER) {
                self.schedule(Duration.ofMillis(1), () -> what.accept(self));
            } else if (where == Callback.ELSEWHERE) {
                new Thread(() -> what.accept(self), "test").start();
            }
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            if (where == Callback.READ) {
                what.accept(self);
            } else if (where == Callback.WRITABLE) {
                self.write(ByteBuffer.allocate(100_000));
            }
            in.position(in.limit());
        }

        @Override
        public void onWritable(Connection self) {
            if (where == Callback.WRITABLE) {
                what.accept(self);
            }
        }

        @Override
        public void onEof(Connection self) {
            if (where == Callback.EOF) {
                what.accept(self);
            } else {
                self.close();
            }
        }
    }

    private Client provoke(Callback where) throws Exception {
        Client client = rig.connectOnly();
        rig.await(() -> rig.recorders.size() > 0, "a handler");
        client.recorder = rig.recorders.get(0);
        if (where == Callback.READ || where == Callback.WRITABLE) {
            client.send("?");
        } else if (where == Callback.EOF) {
            client.socket.shutdownOutput();
        }
        return client;
    }

    @ParameterizedTest
    @EnumSource(Callback.class)
    void closeDeliversWhatWasWritten(Callback where) throws Exception {
        serve(ServerOptions.builder(), connection -> new Doing(where, self -> {
            self.write(text("last words"));
            self.close();
            self.close();
            boolean more = self.write(text("nobody hears"));
            assertTrue(where == Callback.ELSEWHERE || !more && !self.isOpen(), "elsewhere, a close may take a moment");
        }));
        Client client = provoke(where);
        String all = client.receiveAll();
        assertTrue(all.endsWith("last words"), all.length() + " bytes");
        client.socket.close();
        CloseReason ended = client.awaitClose();
        assertEquals(where == Callback.EOF ? Kind.PEER : Kind.LOCAL, ended.kind());
        assertEquals(0, ended.unsent());
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.BYTES_DISCARDED) == 12, "what came after it is accounted for");
        assertFalse(client.connection().execute(() -> {}));
    }

    @ParameterizedTest
    @EnumSource(Callback.class)
    void abortResets(Callback where) throws Exception {
        serve(ServerOptions.builder(), connection -> new Doing(where, Connection::abort));
        Client client = provoke(where);
        assertTrue(client.awaitReset());
        assertEquals(Kind.LOCAL, client.awaitClose().kind());
    }

    @ExpectsLog("handler failed on")
    @ParameterizedTest
    @EnumSource(value = Callback.class, mode = EnumSource.Mode.EXCLUDE, names = "ELSEWHERE")
    void handlerThatThrowsLosesItsOwnConnectionOnly(Callback where) throws Exception {
        AtomicInteger count = new AtomicInteger();
        serve(ServerOptions.builder(), connection -> count.getAndIncrement() > 0 ? ECHO : new Doing(where, self -> {
            throw new StackOverflowError("thrown by the test");
        }));
        Client client = provoke(where);
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.HANDLER_FAILURE, reason.kind());
        assertEquals(StackOverflowError.class, reason.cause().getClass());
        assertEquals("alive", rig.connect().send("alive").receive(5));
        assertEquals(1, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @ExpectsLog("handler failed on")
    @Test
    void factoryAndOnCloseMayThrowToo() throws Exception {
        AtomicInteger count = new AtomicInteger();
        serve(ServerOptions.builder(), connection -> {
            int number = count.getAndIncrement();
            if (number == 0) {
                throw new IllegalStateException("no handler");
            }
            return number > 1 ? ECHO : new Handler() {
                @Override
                public void onRead(Connection self, ByteBuffer in) {
                    self.write(in);
                }

                @Override
                public void onClose(Connection self, CloseReason reason) {
                    throw new IllegalStateException("in the last callback");
                }
            };
        });
        Client first = rig.connectOnly();
        assertEquals("", first.receiveAll());
        Client second = rig.connect();
        assertEquals("x", second.send("x").receive(1));
        second.socket.close();
        assertEquals(Kind.PEER, second.awaitClose().kind());
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES) == 2, "both are counted");
        assertEquals("y", rig.connect().send("y").receive(1));
    }

    @Test
    void peersResetIsAReset() throws Exception {
        assumeFalse(Rig.ON_UNIX, "a Unix-domain socket makes it a plain end");
        Client client = serve(ECHO).connect();
        client.send("x").receive(1);
        client.socket.setSoLinger(true, 0);
        client.socket.close();
        assertEquals(Kind.RESET, client.awaitClose().kind());
    }

    @Test
    void lastAnswerArrivesThoughThePeerWasStillSending() throws Exception {
        byte[] answer = new byte[1 << 20];
        new Random(2).nextBytes(answer);
        Client client = serve((self, in) -> {
            self.write(ByteBuffer.wrap(answer));
            self.close();
        }).connect();
        client.out.write(new byte[50_000]);
        assertArrayEquals(answer, client.in.readAllBytes());
        client.socket.close();
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), client.awaitClose());
    }

    @Test
    void peerThatNeverEndsIsLeftAfterTheLinger() throws Exception {
        Client client = serve(ServerOptions.builder().lingerTimeout(Duration.ofMillis(100)), connection -> ECHO).connect();
        client.connection().close();
        assertEquals("", client.receiveAll());
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), client.awaitClose());
    }

    @Test
    void closeAfterTheEndWasSentLeavesThePeerAfterTheLinger() throws Exception {
        ServerOptions.Builder options = ServerOptions.builder().idleTimeout(Duration.ZERO).lingerTimeout(Duration.ofMillis(100));
        serve(options, connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.shutdownOutput();
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                self.close();
            }
        });
        Client fromACallback = rig.connect();
        assertEquals("", fromACallback.receiveAll());
        Client fromElsewhere = rig.connect();
        assertEquals("", fromElsewhere.receiveAll());
        fromACallback.send("?");
        fromElsewhere.connection().close();
        rig.await(() -> fromACallback.recorder.isClosed() && fromElsewhere.recorder.isClosed(), "both have left");
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), fromACallback.recorder.reason);
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), fromElsewhere.recorder.reason);
    }

    @Test
    void remoteAddressIsThereInTheLastCallback() throws Exception {
        AtomicReference<Object> remote = new AtomicReference<>();
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                remote.set(self.remoteAddress());
                assertFalse(self.isOpen());
                assertFalse(self.write(text("x")));
                assertFalse(self.execute(() -> {}));
                assertFalse(self.schedule(Duration.ZERO, () -> {}).cancel());
                self.close();
                self.abort();
                self.shutdownOutput();
            }
        }).connect();
        Object expected = client.socket.getLocalSocketAddress();
        client.socket.close();
        client.awaitClose();
        assertEquals(expected, remote.get());
    }

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
}
