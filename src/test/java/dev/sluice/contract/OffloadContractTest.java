package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Offloaded work runs on a worker, and its result comes back to the connection while that is open. */
class OffloadContractTest extends EngineContract {

    @Test
    void offloadedResultComesBackToItsConnection() throws Exception {
        AtomicReference<Thread> caller = new AtomicReference<>();
        AtomicReference<Thread> worker = new AtomicReference<>();
        Client client = serve((self, in) -> {
            String question = text(in);
            caller.set(Thread.currentThread());
            self.offload(() -> {
                worker.set(Thread.currentThread());
                return question + "!";
            }, (answer, failure) -> self.write(text(answer + failure)));
        }).connect();
        assertEquals("what!null", client.send("what").receive(9));
        assertFalse(worker.get() == caller.get());
        assertEquals(1, rig.server.stats().get(ServerStats.Counter.TASKS_TAKEN));
    }

    @Test
    void exceptionOfAnOffloadedTaskComesBack() throws Exception {
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                throw new StackOverflowError("too deep");
            }, (answer, failure) -> self.write(text(answer + " " + failure.getMessage())));
        }).connect();
        assertEquals("null too deep", client.send("x").receive(13));
        assertEquals(0, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @ExpectsLog("handler failed on")
    @Test
    void callbackThatThrowsIsAHandlerThatThrows() throws Exception {
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> null, (answer, failure) -> {
                throw new IllegalStateException("on purpose");
            });
        }).connect();
        client.send("x");
        assertEquals(Kind.HANDLER_FAILURE, client.awaitClose().kind());
    }

    @Test
    void callbacksComeInTheOrderInWhichTasksEnd() throws Exception {
        CountDownLatch first = new CountDownLatch(1);
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                first.await();
                return "one";
            }, (answer, failure) -> self.write(text(answer)));
            self.offload(() -> "two", (answer, failure) -> {
                self.write(text(answer));
                first.countDown();
            });
        }).connect();
        assertEquals("twoone", client.send("x").receive(6));
    }

    @Test
    void peersEndWaitsForWhatIsOffloaded() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve(answeringBehind(gate)).connect();
        client.send("x").socket.shutdownOutput();
        rig.await(() -> client.recorder.callbacks().endsWith("e"), "the peer's end");
        assertTrue(client.connection().isOpen());
        gate.countDown();
        assertEquals("the answer", client.receiveAll());
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
    }

    @Test
    void noCallbackComesAfterTheClose() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        AtomicInteger calls = new AtomicInteger();
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                gate.await();
                return null;
            }, (answer, failure) -> calls.incrementAndGet());
        }).connect();
        client.send("x");
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_TAKEN) == 1, "the task");
        client.connection().abort();
        client.awaitClose();
        gate.countDown();
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_DONE) == 1, "the end of the task");
        rig.close();
        assertEquals(0, calls.get());
    }

    @Test
    void fullQueuePausesReadingAndLosesNothing() throws Exception {
        Semaphore gate = new Semaphore(0);
        int lines = 20_000;
        AtomicInteger seen = new AtomicInteger();
        Client client = serve(
                ServerOptions.builder().offloadThreads(1).offloadQueue(10),
                connection -> new Framed(connection, new Lines(100), (self, frame) -> {
                    String line = text(frame);
                    seen.incrementAndGet();
                    self.offload(() -> {
                        gate.acquire();
                        return line;
                    }, (answer, failure) -> self.write(text(answer + "\n")));
                })).connect();
        CompletableFuture<Void> sending = Rig.inBackground(() -> {
            StringBuilder all = new StringBuilder();
            for (int i = 0; i < lines; i++) {
                all.append(i).append('\n');
            }
            client.send(all.toString()).socket.shutdownOutput();
            return null;
        });
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.WORKERS_FULL) == 1, "the queue is full");
        assertTrue(seen.get() <= 12, seen + " lines were taken"); // one runs, ten wait, one was told
        gate.release(lines);
        String answers = client.receiveAll();
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < lines; i++) {
            expected.append(i).append('\n');
        }
        assertEquals(expected.toString(), answers);
        sending.get(20, TimeUnit.SECONDS);
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.TASKS_DONE) == lines, "the books of the last task");
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void serverThatIsClosedFromAnOffloadedTaskEnds() throws Exception {
        CompletableFuture<Server> server = new CompletableFuture<>();
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offload(() -> {
                server.get().close();
                return "bye";
            }, (answer, failure) -> self.write(text(answer)));
        }).connect();
        server.complete(rig.server);
        assertEquals("bye", client.send("x").receiveAll());
        client.socket.close();
        assertEquals(0, rig.server.termination().get(20, TimeUnit.SECONDS).cut());
    }

    @Test
    void inputThatWaitedForRoomWhilePausedIsOfferedOnceThereIsRoom() throws Exception {
        Semaphore gate = new Semaphore(0);
        serve(ServerOptions.builder().offloadThreads(1).offloadQueue(1), connection -> (self, in) -> {
            if (in.get(in.position()) == 'a') {
                in.get();
                while (self.offload(() -> {
                    gate.acquire();
                    return null;
                }, (answer, failure) -> {})) {
                    continue;
                }
                self.pauseReading();
                return;
            }
            self.write(in);
        });
        for (int round = 1; round <= 20; round++) {
            Client client = rig.connect().send("ab");
            int full = round;
            rig.await(() -> rig.server.stats().get(ServerStats.Counter.WORKERS_FULL) == full, "the queue is full");
            CountDownLatch resumed = new CountDownLatch(1);
            client.connection().execute(() -> client.connection().resumeReading());
            client.connection().execute(resumed::countDown);
            resumed.await();
            gate.release(3);
            assertEquals("b", client.receive(1), "round " + round);
            client.socket.close();
            client.awaitClose();
        }
    }

    @Test
    void workOffloadedByTheLastCallbackRunsAndHoldsNothing() throws Exception {
        AtomicInteger runs = new AtomicInteger();
        AtomicInteger calls = new AtomicInteger();
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                self.hold();
                self.offload(runs::incrementAndGet, (answer, failure) -> calls.incrementAndGet());
            }
        }).connect();
        client.socket.close();
        client.awaitClose();
        rig.await(() -> runs.get() == 1, "the task");
        rig.close();
        assertEquals(0, calls.get());
    }
}
