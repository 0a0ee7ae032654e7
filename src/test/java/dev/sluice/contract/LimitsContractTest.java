package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A server accepts no more connections than it may have, and its counters tell what happened. */
class LimitsContractTest extends EngineContract {

    @Test
    void newcomerAboveTheLimitIsClosedAtOnce() throws Exception {
        serve(ServerOptions.builder().maxConnections(3), connection -> ECHO);
        List<Client> inside = List.of(rig.connect(), rig.connect(), rig.connect());
        Client outside = rig.connectOnly();
        assertTrue(isRefused(outside));
        for (Client client : inside) {
            assertEquals("x", client.send("x").receive(1));
        }
        inside.get(0).socket.close();
        rig.await(() -> rig.server.stats().open() == 2, "one has left");
        assertEquals("y", rig.connect().send("y").receive(1));
        assertEquals(1, rig.server.stats().get(ServerStats.Counter.REFUSED));
    }

    private static boolean isRefused(Client client) {
        try {
            return client.in.read() < 0;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void countersTellWhatHappened() throws Exception {
        Client client = serve(ECHO).connect();
        assertEquals("0123456789", client.send("0123456789").receive(10));
        client.socket.close();
        client.awaitClose();
        var stats = rig.server.stats();
        assertEquals(1, stats.get(ServerStats.Counter.OPENED));
        assertEquals(1, stats.get(ServerStats.Counter.CLOSED));
        assertEquals(1, stats.closedBy(Kind.PEER));
        assertEquals(10, stats.get(ServerStats.Counter.BYTES_READ));
        assertEquals(10, stats.get(ServerStats.Counter.BYTES_ENQUEUED));
        assertEquals(10, stats.get(ServerStats.Counter.BYTES_WRITTEN));
        assertEquals(0, stats.get(ServerStats.Counter.BYTES_DISCARDED));
        assertTrue(stats.get(ServerStats.Counter.READS) >= 2);
        assertTrue(stats.get(ServerStats.Counter.WRITES) >= 1);
        for (Kind kind : Kind.values()) {
            assertEquals(kind == Kind.PEER ? 1 : 0, stats.closedBy(kind), kind.name());
        }
    }

    /** Counts as fast as it can, cause and effect close together, until it is told to stop. */
    private static final class Busy implements Handler {
        private static final InetSocketAddress NOWHERE = InetSocketAddress.createUnresolved("nowhere.invalid", 1);

        private final AtomicBoolean stop;

        Busy(AtomicBoolean stop) {
            this.stop = stop;
        }

        @Override
        public void onOpen(Connection self) {
            self.shutdownOutput();
            discard(self);
            connect(self);
        }

        private void discard(Connection self) {
            ByteBuffer data = ByteBuffer.allocate(1);
            for (int i = 0; i < 1_000; i++) {
                self.write(data.clear());
            }
            self.offload(() -> null, (result, failure) -> {});
            if (!stop.get()) {
                self.execute(() -> discard(self));
            }
        }

        private void connect(Connection self) {
            self.connect(NOWHERE, Duration.ZERO, other -> (Ending) (me, reason) -> {
                if (!stop.get()) {
                    self.execute(() -> connect(self));
                }
            });
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {}
    }

    @Test
    void snapshotOfTheCountersNeverContradictsItself() throws Exception {
        AtomicBoolean stop = new AtomicBoolean();
        serve(ServerOptions.builder().offloadQueue(1), connection -> new Busy(stop));
        rig.connect();
        try {
            ServerStats stats = rig.server.stats();
            for (int i = 0; i < 50_000 || !hasBeenBusy(stats); i++) {
                check(stats);
                stats = rig.server.stats();
            }
        } finally {
            stop.set(true);
        }
    }

    private static boolean hasBeenBusy(ServerStats stats) {
        return stats.get(ServerStats.Counter.BYTES_DISCARDED) > 10_000 && stats.get(ServerStats.Counter.WORKERS_FULL) > 0 && stats.closedBy(Kind.CONNECT_FAILURE) > 100;
    }

    private static void check(ServerStats stats) {
        long waiting = stats.get(ServerStats.Counter.WAITING);
        boolean isSound = stats.open() >= waiting && waiting >= 0
                && stats.get(ServerStats.Counter.CLOSED) == Stream.of(Kind.values()).mapToLong(stats::closedBy).sum()
                && stats.get(ServerStats.Counter.FAILED_ACCEPTS) >= stats.get(ServerStats.Counter.ACCEPT_PAUSES)
                && stats.pending() >= 0
                && stats.get(ServerStats.Counter.WRITES) >= stats.get(ServerStats.Counter.SHORT_WRITES)
                && stats.get(ServerStats.Counter.TASKS_TAKEN) >= stats.get(ServerStats.Counter.TASKS_DONE) && stats.get(ServerStats.Counter.TASKS_TAKEN) >= stats.get(ServerStats.Counter.WORKERS_FULL);
        assertTrue(isSound, stats::toString);
    }
}
