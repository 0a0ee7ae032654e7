package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

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
        assertEquals(pending, loop.server.stats().bytes().discarded());
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
