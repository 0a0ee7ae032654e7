package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import dev.sluice.contract.Rig.Client;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** A connection that is idle, or whose peer takes no output, is closed in time, and not while work for it is under way. */
class DeadlinesContractTest extends EngineContract {

    @Test
    void idleConnectionIsClosed() throws Exception {
        serve(ServerOptions.builder().idleTimeout(Duration.ofMillis(300)), connection -> ECHO);
        Client idle = rig.connect();
        Client busy = rig.connect();
        while (!idle.recorder.isClosed()) {
            assertEquals("x", busy.send("x").receive(1));
        }
        assertEquals(new CloseReason(Kind.IDLE, null, 0), idle.awaitClose());
        assertTrue(busy.connection().isOpen());
        assertEquals("", idle.receiveAll());
    }

    @Test
    void clientThatTakesNothingIsClosed() throws Exception {
        Client client = serve(
                ServerOptions.builder().writeTimeout(Duration.ofMillis(500)).maxPending(64 << 20), connection -> DEAF)
                .connect();
        long start = System.nanoTime();
        client.connection().write(ByteBuffer.allocate(32 << 20));
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.WRITE_STALL, reason.kind());
        assertTrue(reason.unsent() > 0);
        assertTrue(System.nanoTime() - start >= 500_000_000, "not before its time");
    }

    /** Waits until a client that says nothing was closed for that: as long as anybody may be idle. */
    private void awaitIdleTime() throws Exception {
        Client witness = rig.connect();
        assertEquals(Kind.IDLE, witness.awaitClose().kind());
    }

    @Test
    void connectionIsNotIdleWhileWorkIsOffloaded() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve(ServerOptions.builder().idleTimeout(Duration.ofMillis(200)), connection -> answeringBehind(gate)).connect();
        client.send("x").socket.shutdownOutput();
        rig.await(() -> client.recorder.callbacks().endsWith("e"), "the peer's end");
        awaitIdleTime();
        awaitIdleTime();
        gate.countDown();
        assertEquals("the answer", client.receiveAll());
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void connectionIsNotIdleWhileItIsHeldAndIdlesAnewOnceItIsNot() throws Exception {
        List<Hold> holds = new CopyOnWriteArrayList<>();
        Duration limit = Duration.ofMillis(300);
        Client client = serve(ServerOptions.builder().idleTimeout(limit), connection -> (self, in) -> {
            in.position(in.limit());
            holds.add(self.hold());
            holds.add(self.hold());
        }).connect();
        client.send("x");
        rig.await(() -> holds.size() == 2, "the holds");
        awaitIdleTime();
        holds.get(0).close();
        awaitIdleTime();
        assertTrue(client.connection().isOpen());
        long releasedNs = System.nanoTime();
        holds.get(1).close();
        assertEquals(new CloseReason(Kind.IDLE, null, 0), client.awaitClose());
        long idledNs = System.nanoTime() - releasedNs;
        assertTrue(idledNs >= limit.toNanos(), idledNs + " ns after the last release");
    }
}
