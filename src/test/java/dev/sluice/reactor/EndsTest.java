package dev.sluice.reactor;

import dev.sluice.ServerStats;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.Timer;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The three words for ending, and the peer's own. */
class EndsTest {

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    private static ByteBuffer pattern(int bytes) {
        byte[] data = new byte[bytes];
        new Random(bytes).nextBytes(data);
        return ByteBuffer.wrap(data);
    }

    @Test
    void peersEndClosesTheConnection() throws IOException {
        loop.serve((self, in) -> self.write(in));
        Loop.Client client = loop.connect().send("hello");
        assertEquals("hello", client.receiveText(5));
        client.channel.shutdownOutput();
        client.awaitEnd();
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
        assertEquals("orec", client.recorder.callbacks());
    }

    /** From another thread: then it is told at the end of a turn, and not within a dispatch. */
    @Test
    void connectionWhoseEndCannotBeToldIsNotForgotten() throws Exception {
        SocketIo failing = new SocketIo() {
            @Override
            public void shutdownOutput(SocketChannel channel) {
                throw new OutOfMemoryError("by the test");
            }
        };
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ZERO), failing, connection -> (self, in) -> self.write(in));
        Loop.Client client = loop.connect();
        Thread closing = new Thread(client.recorder.connection::close, "test");
        closing.start();
        closing.join();
        loop.settle();
        assertEquals(Kind.MEMORY, client.recorder.reason.kind());
        assertEquals(OutOfMemoryError.class, client.recorder.reason.cause().getClass());
    }

    @Test
    void halfClosingClientGetsAllThatIsInFlight() throws IOException {
        loop.serve((self, in) -> self.write(in));
        Loop.Client client = loop.connect();
        byte[] sent = pattern(5_000_000).array();
        byte[] received = new byte[sent.length];
        ByteBuffer out = ByteBuffer.wrap(sent);
        ByteBuffer in = ByteBuffer.wrap(received);
        // the kernel takes some megabytes before the server throttles: send and receive in turn, late readers come below
        while (out.hasRemaining()) {
            client.channel.write(out);
            loop.turn();
            client.channel.read(in);
        }
        client.channel.shutdownOutput();
        loop.until(() -> {
            try {
                return in.hasRemaining() ? client.channel.read(in) < 0 : true;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }, "5 MB");
        assertArrayEquals(sent, received);
        client.awaitEnd();
    }

    @Test
    void closeWithUnreadInputDeliversTheLastResponseWhole() throws IOException {
        ByteBuffer megabyte = pattern(1 << 20);
        loop.serve((self, in) -> {
            self.write(megabyte.duplicate());
            self.close(); // 'in' unread, and more of it to come
        });
        Loop.Client client = loop.connect();
        client.send(pattern(50_000));
        assertArrayEquals(megabyte.array(), client.receive(1 << 20));
        client.awaitEnd();
        client.channel.close();
        assertEquals(Kind.LOCAL, client.awaitClose().kind());
    }

    @Test
    void closeWaitsForThePeersEndNoLongerThanTheLingerTimeout() throws IOException {
        loop.serve(ServerOptions.builder().lingerTimeout(Duration.ofSeconds(2)), (self, in) -> self.close());
        Loop.Client client = loop.connect().send("x");
        client.awaitEnd();
        loop.advance(Duration.ofMillis(1999));
        assertFalse(client.recorder.isClosed());
        loop.advance(Duration.ofMillis(1));
        assertEquals(new CloseReason(Kind.LOCAL, null, 0), client.recorder.reason);
    }

    @Test
    void lingeringIsNotTakenForIdling() throws IOException {
        loop.serve(
                ServerOptions.builder().idleTimeout(Duration.ofSeconds(10)).lingerTimeout(Duration.ofSeconds(5)),
                (self, in) -> self.schedule(Duration.ofSeconds(9), self::close));
        Loop.Client client = loop.connect().send("x");
        loop.settle();
        loop.advance(Duration.ofSeconds(9));
        client.awaitEnd();
        loop.advance(Duration.ofSeconds(2));
        assertFalse(client.recorder.isClosed(), "idle for 11 seconds, but its end is awaited");
        loop.advance(Duration.ofSeconds(3));
        assertEquals(Kind.LOCAL, client.recorder.reason.kind());
    }

    @Test
    void withoutLingerTimeoutCloseDoesNotWait() throws IOException {
        loop.serve(ServerOptions.builder().lingerTimeout(Duration.ZERO), (self, in) -> self.close());
        Loop.Client client = loop.connect().send("x");
        client.awaitEnd();
        loop.advance(Duration.ofMillis(1));
        assertEquals(Kind.LOCAL, client.awaitClose().kind());
    }

    @Test
    void shutdownOutputStillReads() throws IOException {
        List<String> read = new ArrayList<>();
        loop.serve(new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.write(ByteBuffer.wrap(new byte[] {'h', 'i'}));
                self.shutdownOutput();
                assertFalse(self.write(ByteBuffer.allocate(3)), "after the end");
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                assertTrue(self.isOpen());
                read.add(in.remaining() + " bytes");
                in.position(in.limit());
            }
        });
        Loop.Client client = loop.connect();
        assertEquals("hi", client.receiveText(2));
        client.awaitEnd();
        client.send("abc");
        loop.until(() -> !read.isEmpty(), "what comes after our end");
        client.channel.shutdownOutput();
        assertEquals(Kind.PEER, client.awaitClose().kind());
        assertEquals(List.of("3 bytes"), read);
        assertEquals(3, loop.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
    }

    @Test
    void bothEndsSentCloseEvenAHandlerThatKeepsQuiet() throws IOException {
        loop.serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onEof(Connection self) {
                self.shutdownOutput();
            }
        });
        Loop.Client client = loop.connect();
        client.channel.shutdownOutput();
        client.awaitEnd();
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void abortResets() throws IOException {
        loop.serve((self, in) -> self.abort());
        Loop.Client client = loop.connect().send("x");
        client.awaitReset();
        assertEquals(Kind.LOCAL, client.awaitClose().kind());
    }

    @Test
    void resetByThePeerIsAReset() throws IOException {
        loop.serve((self, in) -> self.write(in));
        Loop.Client client = loop.connect();
        client.resetNow();
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.RESET, reason.kind());
        assertTrue(reason.cause() instanceof IOException);
    }

    @ParameterizedTest
    @ValueSource(strings = {"open", "read", "eof", "close", "timer", "task", "thread", "twice", "factory"})
    void closeFromEverywhereIsOneClose(String where) throws Exception {
        Handler handler = new Handler() {
            @Override
            public void onOpen(Connection self) throws Exception {
                switch (where) {
                    case "open" -> self.close();
                    case "timer" -> self.schedule(Duration.ZERO, self::close);
                    case "task" -> self.execute(self::close);
                    case "thread" -> {
                        Thread other = new Thread(self::close);
                        other.start();
                        other.join();
                    }
                    default -> {}
                }
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                if (where.equals("read") || where.equals("twice")) {
                    self.close();
                    self.close();
                    self.shutdownOutput();
                    assertFalse(self.isOpen());
                    assertFalse(self.write(ByteBuffer.allocate(1)));
                }
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                self.close();
                self.abort();
                self.shutdownOutput();
                assertFalse(self.write(ByteBuffer.allocate(7)));
                assertFalse(self.execute(() -> {}));
            }
        };
        loop.serve(ServerOptions.builder(), dev.sluice.internal.SocketIo.PLAIN, connection -> {
            if (where.equals("factory")) {
                connection.close();
            }
            return handler;
        });
        Loop.Client client = loop.connect().send("x");
        client.channel.shutdownOutput();
        client.awaitClose();
        client.receive(1);
        assertTrue(client.ended || client.reset);
    }

    @Test
    void remoteAddressIsThereToTheEnd() throws IOException {
        List<Object> seen = new ArrayList<>();
        loop.serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                seen.add(self.remoteAddress());
            }
        });
        Loop.Client client = loop.connect();
        Object address = client.channel.getLocalAddress();
        client.channel.close();
        client.awaitClose();
        assertEquals(List.of(address), seen);
    }

    @Test
    void timersEndWithTheirConnection() throws IOException {
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ZERO), (self, in) -> {
            self.schedule(Duration.ofHours(1), () -> {});
            self.schedule(Duration.ofHours(2), () -> {}).cancel();
            self.schedule(Duration.ZERO, () -> self.write(ByteBuffer.allocate(1)));
        });
        Loop.Client client = loop.connect().send("x");
        loop.until(() -> loop.reactor.deadlines.size() == 2, "the two that wait");
        loop.advance(Duration.ofMillis(1));
        assertEquals(1, loop.reactor.deadlines.size());
        client.channel.close();
        client.awaitClose();
        assertEquals(0, loop.reactor.deadlines.size());
    }

    @Test
    void closedConnectionTakesNoTimer() throws IOException {
        List<Timer> timers = new ArrayList<>();
        loop.serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                timers.add(self.schedule(Duration.ofHours(1), () -> {}));
            }
        });
        Loop.Client client = loop.connect();
        client.channel.close();
        client.awaitClose();
        assertEquals(0, loop.reactor.deadlines.size());
        assertFalse(timers.get(0).cancel());
    }
}
