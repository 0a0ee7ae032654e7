package dev.sluice.reactor;

import dev.sluice.ServerStats;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No connection can be forgotten: idle, write stall, and the peer that died unseen. */
class DeadlinesOfConnectionsTest {

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    @Test
    void idleConnectionIsClosedAtItsTimeoutAndNotBefore() throws IOException {
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ofMinutes(5)), (self, in) -> self.write(in));
        Loop.Client client = loop.connect();
        loop.advance(Duration.ofMinutes(4));
        client.send("x").receive(1);
        loop.advance(Duration.ofMinutes(5).minusNanos(1));
        assertFalse(client.recorder.isClosed());
        loop.advance(Duration.ofNanos(1));
        assertEquals(new CloseReason(Kind.IDLE, null, 0), client.recorder.reason);
        client.awaitEnd();
    }

    @Test
    void resetIsNoticedOfAHeldConnectionThatMayBeIdleForAsLongAsItLikes() throws IOException {
        Hold[] hold = new Hold[1];
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ofMinutes(5)), new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                hold[0] = self.hold();
            }

            @Override
            public void onEof(Connection self) {
                self.close(); // once it is not held any more
            }
        });
        Loop.Client client = loop.connect().send("x");
        loop.until(() -> hold[0] != null, "the hold");
        loop.advance(Duration.ofHours(1));
        client.channel.shutdownOutput();
        loop.until(() -> client.recorder.callbacks().endsWith("e"), "the peer's end");
        loop.advance(Duration.ofHours(1));
        assertFalse(client.recorder.isClosed(), "something is owed to it");
        client.resetNow();
        loop.advance(Duration.ofSeconds(30));
        assertEquals(Kind.RESET, client.recorder.reason.kind());
    }

    @Test
    void idleTimeBeginsAnewWithTheLastRelease() throws IOException {
        Hold[] hold = new Hold[1];
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ofMinutes(5)), (self, in) -> {
            in.position(in.limit());
            hold[0] = self.hold();
        });
        Loop.Client client = loop.connect().send("x");
        loop.until(() -> hold[0] != null, "the hold");
        loop.advance(Duration.ofMinutes(17));
        hold[0].close();
        loop.advance(Duration.ofMinutes(5).minusNanos(1));
        assertFalse(client.recorder.isClosed());
        loop.advance(Duration.ofNanos(1));
        assertEquals(new CloseReason(Kind.IDLE, null, 0), client.recorder.reason);
    }

    @Test
    void bytesThatWaitSaveAConnectionAfterALongPause() throws IOException {
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ofSeconds(10)), (self, in) -> self.write(in));
        Loop.Client client = loop.connect();
        client.channel.write(ByteBuffer.wrap(new byte[] {'x'})); // loopback: it is there when the call returns
        loop.advance(Duration.ofHours(1));
        assertFalse(client.recorder.isClosed(), "its byte was there before the timer was looked at");
        assertEquals("x", client.receiveText(1));
    }

    @Test
    void bytesThatCameSinceTheSelectSaveAConnectionToo() throws IOException {
        loop.serve((self, in) -> self.write(in));
        Loop.Client told = loop.connect();
        Loop.Client untold = loop.connect();
        told.channel.write(ByteBuffer.wrap(new byte[1]));
        loop.afterTheSelect = () -> { // the machine was stopped in this moment, for longer than anybody may be idle
            untold.channel.write(ByteBuffer.wrap(new byte[1]));
            loop.nowNs += Duration.ofHours(1).toNanos();
        };
        loop.turn();
        assertEquals(1, told.receive(1).length);
        assertEquals(1, untold.receive(1).length);
    }

    @Test
    void clientThatTakesNothingIsClosedAndItsBytesAreCounted() throws IOException {
        loop.serve(
                ServerOptions.builder().writeTimeout(Duration.ofSeconds(30)).maxPending(64 << 20),
                (self, in) -> {
                    in.position(in.limit());
                    self.write(ByteBuffer.allocate(32 << 20));
                });
        Loop.Client client = loop.connect().send("x");
        loop.settle();
        long pending = client.recorder.connection.pending();
        assertTrue(pending > 0, "more than the kernel takes");
        loop.advance(Duration.ofSeconds(29));
        assertFalse(client.recorder.isClosed());
        loop.advance(Duration.ofSeconds(1));
        assertEquals(new CloseReason(Kind.WRITE_STALL, null, pending), client.recorder.reason);
        assertEquals(pending, loop.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
        client.awaitReset();
    }

    @Test
    void clientThatTakesALittleNowAndThenIsKept() throws IOException {
        loop.serve(
                ServerOptions.builder().writeTimeout(Duration.ofSeconds(30)).maxPending(64 << 20),
                (self, in) -> {
                    in.position(in.limit());
                    self.write(ByteBuffer.allocate(32 << 20));
                });
        Loop.Client client = loop.connect().send("x");
        loop.settle();
        for (int i = 0; i < 5; i++) {
            long before = client.recorder.connection.pending();
            client.receive(4 << 20);
            loop.until(() -> client.recorder.connection.pending() < before, "some progress");
            loop.advance(Duration.ofSeconds(29));
            assertFalse(client.recorder.isClosed());
        }
    }

    @Test
    void resetOfAPausedPeerIsNoticedWithoutAnIdleTimeout() throws IOException {
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ZERO), new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.pauseReading();
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                throw new AssertionError("paused");
            }
        });
        Loop.Client client = loop.connect();
        client.resetNow();
        loop.advance(Duration.ofSeconds(29));
        assertFalse(client.recorder.isClosed(), "without interest in input nothing tells of it");
        loop.advance(Duration.ofSeconds(1));
        assertEquals(Kind.RESET, client.awaitClose().kind());
    }

    /** States in which nothing is awaited of the kernel, so that no event tells of a reset. */
    private enum Unwatched { HALF_CLOSED, PAUSED_WITH_MUCH_UNREAD, HALF_CLOSED_WHILE_PAUSED, CLOSED_BUT_HELD, WITHOUT_ROOM_FOR_WORK }

    /** Brings its connection into a state, and then does nothing. */
    private static final class Still implements Handler {
        private final Unwatched state;
        private final CountDownLatch gate;

        Still(Unwatched state, CountDownLatch gate) {
            this.state = state;
            this.gate = gate;
        }

        @Override
        public void onOpen(Connection self) {
            switch (state) {
                case HALF_CLOSED -> { }
                case PAUSED_WITH_MUCH_UNREAD, HALF_CLOSED_WHILE_PAUSED -> self.pauseReading();
                case CLOSED_BUT_HELD -> {
                    self.hold();
                    self.close();
                }
                case WITHOUT_ROOM_FOR_WORK -> {
                    while (self.offload(() -> {
                        gate.await();
                        return null;
                    }, (nothing, failure) -> {})) {
                        continue;
                    }
                }
            }
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            in.position(in.limit());
        }

        @Override
        public void onEof(Connection self) {} // ours stays open
    }

    @ParameterizedTest
    @EnumSource(Unwatched.class)
    void resetIsNoticedInEveryStateInWhichNothingIsRead(Unwatched state) throws IOException {
        CountDownLatch gate = new CountDownLatch(1);
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ZERO).maxRemainder(64 << 10).offloadThreads(1).offloadQueue(1), new Still(state, gate));
        Loop.Client client = loop.connect();
        switch (state) {
            case HALF_CLOSED, HALF_CLOSED_WHILE_PAUSED -> client.channel.shutdownOutput();
            case PAUSED_WITH_MUCH_UNREAD -> client.send(ByteBuffer.allocate(200_000));
            default -> { }
        }
        if (state == Unwatched.HALF_CLOSED) {
            loop.until(() -> client.recorder.callbacks().endsWith("e"), "the peer's end");
        }
        loop.advance(Duration.ofMinutes(10));
        assertFalse(client.recorder.isClosed(), "its peer is still there");
        client.resetNow();
        loop.advance(Duration.ofSeconds(30));
        assertTrue(client.recorder.isClosed(), "half a minute later");
        assertEquals(Kind.RESET, client.recorder.reason.kind());
        gate.countDown();
        loop.until(() -> loop.server.stats().get(ServerStats.Counter.TASKS_DONE) == loop.server.stats().get(ServerStats.Counter.TASKS_TAKEN), "the end of its tasks");
    }

    @Test
    void bytesReadWhileCheckingForLifeAreNotLost() throws IOException {
        StringBuilder read = new StringBuilder();
        loop.serve(ServerOptions.builder().idleTimeout(Duration.ZERO), new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.pauseReading();
                self.schedule(Duration.ofMinutes(2), self::resumeReading);
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                while (in.hasRemaining()) {
                    read.append((char) in.get());
                }
            }
        });
        Loop.Client client = loop.connect().send("before ");
        loop.advance(Duration.ofSeconds(31));
        client.send("after");
        loop.advance(Duration.ofSeconds(31));
        assertEquals("", read.toString());
        loop.advance(Duration.ofMinutes(2));
        loop.until(() -> read.length() == 12, "all of it");
        assertEquals("before after", read.toString());
    }
}
