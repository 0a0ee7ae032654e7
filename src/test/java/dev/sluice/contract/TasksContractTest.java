package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.Timer;
import dev.sluice.contract.Rig.Client;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Tasks and timers of a connection run in turn with its callbacks. */
class TasksContractTest extends EngineContract {

    @Test
    void tasksAreSerialisedWithCallbacks() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger overlaps = new AtomicInteger();
        AtomicInteger ran = new AtomicInteger();
        Runnable alone = () -> {
            overlaps.addAndGet(inside.getAndIncrement());
            Thread.onSpinWait();
            inside.decrementAndGet();
        };
        Client client = serve((self, in) -> {
            alone.run();
            self.write(in);
        }).connect();
        int[] order = new int[4];
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            int number = t;
            all.add(Rig.inBackground(() -> {
                for (int i = 0; i < 500; i++) {
                    int expected = i;
                    assertTrue(client.connection().execute(() -> {
                        alone.run();
                        overlaps.addAndGet(order[number]++ == expected ? 0 : 1);
                        ran.incrementAndGet();
                    }));
                }
                return null;
            }));
        }
        for (int i = 0; i < 500; i++) {
            assertEquals("x", client.send("x").receive(1));
        }
        for (CompletableFuture<Void> each : all) {
            each.get();
        }
        rig.await(() -> ran.get() == 2_000, "all tasks");
        assertEquals(0, overlaps.get());
    }

    @Test
    void taskRunsWhileNothingComes() throws Exception {
        Client client = serve(ECHO).connect();
        client.connection().execute(() -> client.connection().write(text("from a task")));
        assertEquals("from a task", client.receive(11));
    }

    @Test
    void tasksThatWaitAtTheEndAreDroppedAndCounted() throws Exception {
        CountDownLatch inTask = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicInteger ran = new AtomicInteger();
        Client client = serve(ECHO).connect();
        Connection connection = client.connection();
        connection.execute(() -> {
            inTask.countDown();
            try {
                goOn.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            connection.abort();
        });
        assertTrue(inTask.await(10, TimeUnit.SECONDS));
        for (int i = 0; i < 5; i++) {
            assertTrue(connection.execute(ran::incrementAndGet));
        }
        goOn.countDown();
        client.awaitClose();
        assertFalse(connection.execute(ran::incrementAndGet));
        assertEquals(0, ran.get());
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.DROPPED_TASKS) == 5, "five dropped");
    }

    @Test
    void timersRunInTheirTurnAndCanBeTakenBack() throws Exception {
        StringBuffer order = new StringBuffer();
        AtomicReference<Boolean> cancelled = new AtomicReference<>();
        Client client = serve(new Handler() {
            @Override
            public void onOpen(Connection self) {
                Timer never = self.schedule(Duration.ofMillis(30), () -> order.append("never "));
                self.schedule(Duration.ofMillis(60), () -> order.append("second "));
                self.schedule(Duration.ofMillis(10), () -> {
                    order.append("first ");
                    cancelled.set(never.cancel() && !never.cancel());
                });
                self.schedule(Duration.ofMillis(90), () -> self.write(text(order + "end")));
                self.schedule(Duration.ofHours(1), () -> order.append("hour "));
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {}
        }).connect();
        assertEquals("first second end", client.receive(16));
        assertTrue(cancelled.get());
        assertThrows(IllegalStateException.class, () -> client.connection().schedule(Duration.ZERO, () -> {}));
        assertThrows(IllegalStateException.class, () -> client.connection().pauseReading());
        assertThrows(IllegalStateException.class, () -> client.connection().resumeReading());
    }

    @Test
    void timerRunsThoughTheOutputIsStuck() throws Exception {
        Client client = serve(ServerOptions.builder().maxPending(64 << 20), connection -> (self, in) -> {
            in.position(in.limit());
            self.schedule(Duration.ofMillis(50), self::abort);
            self.write(ByteBuffer.allocate(32 << 20));
        }).connect();
        client.send("?");
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.LOCAL, reason.kind());
        assertTrue(reason.unsent() > 0);
    }
}
