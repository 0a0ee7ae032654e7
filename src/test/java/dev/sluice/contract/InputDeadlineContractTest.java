package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A frame that is not whole in time ends its connection, and only time in which the server reads counts. */
class InputDeadlineContractTest extends EngineContract {

    private static final Duration LIMIT = Duration.ofMillis(400);

    private final FrameHandler echo = (self, frame) -> self.write(frame);

    private void serveLines(FrameHandler handler) throws IOException {
        serve(ServerOptions.builder(), connection -> new Framed(connection, new Lines(1_000), handler, LIMIT));
    }

    /** Begins a frame, waits until it is late, and returns after how long it was. */
    private long drip(Client slow) throws Exception {
        long begun = System.nanoTime();
        for (int i = 0; !slow.recorder.isClosed(); i++) {
            try {
                slow.send("x");
            } catch (IOException e) {
                break; // it was closed
            }
            int sent = i;
            rig.await(() -> slow.recorder.isClosed() || System.nanoTime() - begun > sent * 20_000_000L, "a moment");
        }
        slow.awaitClose();
        return System.nanoTime() - begun;
    }

    @Test
    void peerThatSendsAByteNowAndThenIsClosedWhenItsFrameIsLate() throws Exception {
        serveLines(echo);
        Client slow = rig.connect();
        Client other = rig.connect();
        long ns = drip(slow);
        assertEquals(new CloseReason(Kind.INPUT_TIMEOUT, null, 0), slow.recorder.reason);
        assertTrue(ns >= LIMIT.toNanos(), ns + " ns");
        assertEquals(1, rig.server.stats().closedBy(Kind.INPUT_TIMEOUT));
        assertEquals("yes", other.send("yes\n").receive(3), "another, which is in no frame, may be silent");
    }

    /** Waits until a peer whose frame began now is late: as long as any may take. */
    private void awaitLimit() throws Exception {
        Client witness = rig.connect().send("x");
        assertEquals(Kind.INPUT_TIMEOUT, witness.awaitClose().kind());
    }

    @Test
    void pauseDoesNotCountAgainstThePeer() throws Exception {
        serveLines(echo);
        Client client = rig.connect().send("x\ny");
        assertEquals("x", client.receive(1));
        Connection connection = client.connection();
        connection.execute(connection::pauseReading);
        awaitLimit();
        awaitLimit();
        assertFalse(client.recorder.isClosed());
        client.send("\n");
        connection.execute(connection::resumeReading);
        assertEquals("y", client.receive(1));
    }

    @Test
    void workThatIsHeldDoesNotCountAgainstThePeer() throws Exception {
        AtomicReference<Hold> hold = new AtomicReference<>();
        serveLines((self, frame) -> {
            hold.set(self.hold());
            self.write(frame);
        });
        Client client = rig.connect().send("x\ny");
        assertEquals("x", client.receive(1));
        awaitLimit();
        awaitLimit();
        assertFalse(client.recorder.isClosed());
        hold.get().close();
        assertEquals(Kind.INPUT_TIMEOUT, client.awaitClose().kind());
    }

    @Test
    void deadlineIsTheConnectionsThreadsAloneAndInTheLastCallbackThereIsNone() throws Exception {
        Client client = serve((Ending) (self, reason) -> self.inputDeadline(LIMIT)).connect();
        assertThrows(IllegalStateException.class, () -> client.connection().inputDeadline(LIMIT));
        client.socket.close();
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void framesInPiecesHaveATimeEach() throws Exception {
        serveLines(echo);
        Client client = rig.connect().send("a");
        long begun = System.nanoTime();
        int frames = 0;
        while (System.nanoTime() - begun < 3 * LIMIT.toNanos()) {
            assertEquals("a", client.send("\na").receive(1), "number " + frames++);
        }
        assertTrue(frames > 3, frames + " frames");
        assertFalse(client.recorder.isClosed());
    }
}
