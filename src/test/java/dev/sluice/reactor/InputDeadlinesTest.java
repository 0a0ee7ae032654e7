package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A frame has so long from its first byte to its last, and only time in which the connection is read counts. */
class InputDeadlinesTest {

    private static final Duration LIMIT = Duration.ofSeconds(10);

    private final Loop loop = new Loop();
    private Loop.Client client;

    private void serve(FrameHandler handler) throws IOException {
        ServerOptions.Builder options = ServerOptions.builder().idleTimeout(Duration.ZERO).writeTimeout(Duration.ZERO).maxPending(64 << 20).maxMemory(1 << 30);
        loop.serve(options, SocketIo.PLAIN, connection -> new Framed(connection, new Lines(1 << 19), handler, LIMIT));
        client = loop.connect();
    }

    private void serve() throws IOException {
        serve((self, frame) -> self.write(frame));
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    private Connection connection() {
        return client.recorder.connection;
    }

    private void send(String text) throws IOException {
        long before = loop.server.stats().get(dev.sluice.ServerStats.Counter.BYTES_READ);
        client.send(text);
        loop.until(() -> loop.server.stats().get(dev.sluice.ServerStats.Counter.BYTES_READ) == before + text.length(), "all is read");
    }

    private void run(Runnable task) {
        connection().execute(task);
        loop.settle();
    }

    /** After so much time it is open, and a nanosecond later it is not. */
    private void assertDueIn(Duration left) {
        loop.advance(left.minusNanos(1));
        assertFalse(client.recorder.isClosed(), "before its time");
        loop.advance(Duration.ofNanos(1));
        assertEquals(new CloseReason(Kind.INPUT_TIMEOUT, null, 0), client.recorder.reason);
        assertEquals(1, loop.server.stats().closedBy(Kind.INPUT_TIMEOUT));
    }

    @Test
    void frameHasItsTimeFromItsFirstByteHoweverManyFollow() throws IOException {
        serve();
        for (int i = 0; i < 10; i++) {
            send("x");
            loop.advance(Duration.ofMillis(990));
        }
        assertDueIn(Duration.ofMillis(100));
    }

    @Test
    void eachFrameHasATimeOfItsOwn() throws IOException {
        serve();
        for (int i = 0; i < 5; i++) {
            send("x");
            loop.advance(Duration.ofSeconds(9));
            send("\ny");
            assertEquals(1 + (i == 0 ? 0 : 1), client.receive(1 + (i == 0 ? 0 : 1)).length);
        }
        assertDueIn(LIMIT);
    }

    @Test
    void peerThatIsInNoFrameMayBeSilent() throws IOException {
        serve();
        send("x");
        loop.advance(Duration.ofSeconds(9));
        send("\n");
        loop.advance(Duration.ofHours(1));
        send("x\n");
        loop.advance(Duration.ofHours(1));
        assertFalse(client.recorder.isClosed());
        assertEquals(2, client.receive(2).length);
    }

    @Test
    void timeInWhichItsHandlerPausesReadingDoesNotCount() throws IOException {
        serve();
        send("x");
        loop.advance(Duration.ofSeconds(4));
        run(connection()::pauseReading);
        loop.advance(Duration.ofHours(1));
        run(connection()::resumeReading);
        loop.advance(Duration.ofSeconds(1));
        run(connection()::pauseReading);
        loop.advance(Duration.ofHours(1));
        run(connection()::resumeReading);
        assertDueIn(Duration.ofSeconds(5));
    }

    @Test
    void timeBeginsAtTheEndOfAPauseForAFrameThatCameInIt() throws IOException {
        serve((self, frame) -> self.pauseReading());
        send("x\ny");
        loop.advance(Duration.ofHours(1));
        run(connection()::resumeReading);
        assertDueIn(LIMIT);
    }

    @Test
    void timeInWhichOutputWaitsDoesNotCount() throws IOException {
        serve();
        send("x");
        loop.advance(Duration.ofSeconds(4));
        int bytes = 32 << 20;
        run(() -> connection().write(ByteBuffer.allocate(bytes)));
        loop.advance(Duration.ofHours(1));
        assertFalse(client.recorder.isClosed());
        assertEquals(bytes, client.receive(bytes).length);
        assertDueIn(Duration.ofSeconds(6));
    }

    @Test
    void timeBeginsAnewAfterAHold() throws IOException {
        serve();
        Hold[] hold = new Hold[1];
        send("x");
        run(() -> hold[0] = connection().hold());
        loop.advance(Duration.ofHours(1));
        hold[0].close();
        assertDueIn(LIMIT);
    }

    @Test
    void bytesThatWaitSaveAFrameAfterALongPause() throws IOException {
        serve((self, frame) -> self.write(ByteBuffer.wrap(new byte[] {'!'})));
        send("x");
        client.channel.write(ByteBuffer.wrap("y".repeat(300_000).getBytes())); // more than a turn reads
        client.channel.write(ByteBuffer.wrap("\n".getBytes()));
        loop.advance(Duration.ofHours(1));
        assertEquals("!", client.receiveText(1));
        assertFalse(client.recorder.isClosed());
    }

    @Test
    void bytesThatCameSinceTheSelectSaveAFrameToo() throws IOException {
        serve();
        send("x");
        loop.afterTheSelect = () -> { // the machine was stopped in this moment
            client.channel.write(ByteBuffer.wrap("\n".getBytes()));
            loop.nowNs += Duration.ofHours(1).toNanos();
        };
        loop.turn();
        assertEquals("x", client.receiveText(1));
        assertFalse(client.recorder.isClosed());
    }

    @Test
    void connectionThatClosesWaitsForItsPeerAsEver() throws IOException {
        serve();
        send("x");
        run(connection()::close);
        loop.advance(Duration.ofSeconds(2));
        assertEquals(Kind.LOCAL, client.recorder.reason.kind());
    }

    @Test
    void deadlineIsTheConnectionsThreadsAlone() throws IOException {
        serve();
        CompletableFuture<Void> elsewhere = CompletableFuture.runAsync(() ->
                assertThrows(IllegalStateException.class, () -> connection().inputDeadline(LIMIT)));
        elsewhere.join();
        run(() -> {
            connection().inputDeadline(LIMIT);
            connection().inputDeadline(Duration.ZERO);
        });
        loop.advance(Duration.ofHours(1));
        assertFalse(client.recorder.isClosed());
        run(() -> connection().inputDeadline(Duration.ofSeconds(3)));
        assertDueIn(Duration.ofSeconds(3));
    }
}
