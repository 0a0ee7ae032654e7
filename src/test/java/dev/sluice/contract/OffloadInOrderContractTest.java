package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import java.lang.ref.WeakReference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Offloaded work that is answered in the order in which it was handed in, on every engine. */
class OffloadInOrderContractTest extends EngineContract {

    /** Offloads in order a task for each byte. It ends when the test says so, and its answer is the byte. */
    private static class Gated implements Handler {
        private final ConcurrentHashMap<Character, CountDownLatch> gates = new ConcurrentHashMap<>();
        final List<Character> answered = new CopyOnWriteArrayList<>();

        CountDownLatch gate(char task) {
            return gates.computeIfAbsent(task, key -> new CountDownLatch(1));
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            while (in.hasRemaining()) {
                char task = (char) in.get();
                self.offloadInOrder(() -> {
                    gate(task).await();
                    return made(task);
                }, (answer, failure) -> answer(self, task, failure));
            }
        }

        Object made(char task) {
            return task;
        }

        void answer(Connection self, char task, Throwable failure) {
            answered.add(task);
            self.write(text(String.valueOf(failure == null ? task : '!')));
        }
    }

    /** Lets a task end, and waits until it has. */
    private void end(Gated tasks, char task) {
        long before = rig.server.stats().get(Counter.TASKS_DONE);
        tasks.gate(task).countDown();
        rig.await(() -> rig.server.stats().get(Counter.TASKS_DONE) == before + 1, "task " + task);
    }

    /** A task of the connection that was handed in now has run: so have those of before. */
    private static void passThrough(Client client) throws Exception {
        CountDownLatch run = new CountDownLatch(1);
        assertTrue(client.connection().execute(run::countDown));
        assertTrue(run.await(20, TimeUnit.SECONDS));
    }

    private Client ask(Handler handler, String tasks) throws Exception {
        Client client = serve(handler).connect().send(tasks);
        rig.await(() -> rig.server.stats().get(Counter.TASKS_TAKEN) == tasks.length(), "all tasks are taken");
        return client;
    }

    @Test
    void callbacksComeInTheOrderOfTheirTasksWhateverOrderThoseEndIn() throws Exception {
        Gated tasks = new Gated();
        Client client = ask(tasks, "abcdefgh");
        for (char task : "hgbd".toCharArray()) {
            end(tasks, task);
        }
        passThrough(client);
        assertEquals(List.of(), tasks.answered);
        end(tasks, 'a');
        assertEquals("ab", client.receive(2));
        end(tasks, 'e');
        passThrough(client);
        assertEquals(List.of('a', 'b'), tasks.answered);
        end(tasks, 'c');
        end(tasks, 'f');
        assertEquals("cdefgh", client.receive(6));
    }

    @Test
    void taskThatThrowsKeepsItsPlace() throws Exception {
        Gated tasks = new Gated() {
            @Override
            Object made(char task) {
                if (task == 'b') {
                    throw new StackOverflowError("on purpose");
                }
                return task;
            }
        };
        Client client = ask(tasks, "abc");
        end(tasks, 'c');
        end(tasks, 'b');
        end(tasks, 'a');
        assertEquals("a!c", client.receive(3));
        assertEquals(0, rig.server.stats().get(Counter.HANDLER_FAILURES));
    }

    @Test
    void otherWorkDoesNotWaitForTheOrder() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        Client client = serve((self, in) -> {
            in.position(in.limit());
            self.offloadInOrder(() -> gate.await(20, TimeUnit.SECONDS), (answer, failure) -> self.write(text("in order")));
            self.offload(() -> null, (answer, failure) -> self.write(text("at once ")));
        }).connect().send("x");
        assertEquals("at once ", client.receive(8));
        gate.countDown();
        assertEquals("in order", client.receive(8));
    }

    @Test
    void callbackMayHandInMore() throws Exception {
        AtomicInteger left = new AtomicInteger(100);
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                more(self);
                more(self);
            }

            private void more(Connection self) {
                int number = left.getAndDecrement();
                if (number > 0) {
                    self.offloadInOrder(() -> number, (answer, failure) -> {
                        self.write(text(answer + " "));
                        more(self);
                    });
                }
            }
        }).connect().send("x");
        String expected = IntStream.rangeClosed(1, 100).map(i -> 101 - i).mapToObj(i -> i + " ").collect(Collectors.joining());
        assertEquals(expected, client.receive(expected.length()));
    }

    @Test
    void connectionIsNotReadWhileTooManyWaitForOneAndReadAgainAfterwards() throws Exception {
        assumeFalse(Rig.ON_UNIX, "such a socket has room for 300 small answers, and this client reads none until the end");
        int lines = 20_000;
        int bound = 10;
        Semaphore gate = new Semaphore(0);
        AtomicInteger seen = new AtomicInteger();
        Client client = serve(
                ServerOptions.builder().offloadThreads(64).offloadQueue(bound),
                connection -> new Framed(connection, new Lines(100), (self, frame) -> {
                    String line = StandardCharsets.ISO_8859_1.decode(frame).toString();
                    boolean isFirst = seen.incrementAndGet() % 5_000 == 1;
                    self.offloadInOrder(() -> {
                        if (isFirst) {
                            gate.acquire();
                        }
                        return line;
                    }, (answer, failure) -> self.write(text(answer + "\n")));
                })).connect();
        String all = IntStream.range(0, lines).mapToObj(i -> i + "\n").collect(Collectors.joining());
        CompletableFuture<Client> sending = Rig.inBackground(() -> {
            client.send(all).socket.shutdownOutput();
            return client;
        });
        for (int stop = 0; stop < 4; stop++) {
            int first = stop * 5_000;
            rig.await(() -> seen.get() > first && rig.server.stats().get(Counter.TASKS_DONE) == seen.get() - 1, "all but the first have ended");
            rig.await(() -> rig.server.stats().get(Counter.WORKERS_FULL) > 0, "it is not read");
            passThrough(client);
            assertTrue(seen.get() <= first + 1 + bound, seen + " lines were taken");
            gate.release();
        }
        assertEquals(all, client.receiveAll());
        sending.get(20, TimeUnit.SECONDS);
        rig.await(() -> rig.server.stats().get(Counter.TASKS_DONE) == lines, "the books of the last task");
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void resultsThatWaitAreForgottenWhenTheConnectionCloses() throws Exception {
        List<WeakReference<Object>> made = new CopyOnWriteArrayList<>();
        Gated tasks = new Gated() {
            @Override
            Object made(char task) {
                Object answer = new byte[100_000];
                made.add(new WeakReference<>(answer));
                return answer;
            }
        };
        Client client = ask(tasks, "abc");
        end(tasks, 'b');
        end(tasks, 'c');
        passThrough(client);
        client.connection().abort();
        assertEquals(Kind.LOCAL, client.awaitClose().kind());
        rig.await(() -> {
            System.gc();
            return made.stream().allMatch(answer -> answer.get() == null);
        }, "nothing refers to the results, though the first task goes on");
        end(tasks, 'a');
        rig.close();
        assertEquals(List.of(), tasks.answered);
    }

    @ExpectsLog("handler failed on")
    @Test
    void callbackThatThrowsIsTheLast() throws Exception {
        Gated tasks = new Gated() {
            @Override
            void answer(Connection self, char task, Throwable failure) {
                super.answer(self, task, failure);
                throw new IllegalStateException("on purpose");
            }
        };
        Client client = ask(tasks, "abc");
        end(tasks, 'b');
        end(tasks, 'c');
        end(tasks, 'a');
        assertEquals(Kind.HANDLER_FAILURE, client.awaitClose().kind());
        assertEquals(List.of('a'), tasks.answered);
        assertEquals(1, rig.server.stats().get(Counter.HANDLER_FAILURES));
    }

    @Test
    void closeAndThePeersEndWaitForEveryAnswer() throws Exception {
        Gated tasks = new Gated();
        Client client = ask(tasks, "abc");
        end(tasks, 'c');
        client.socket.shutdownOutput();
        rig.await(() -> client.recorder.callbacks().endsWith("e"), "the peer's end");
        end(tasks, 'a');
        assertEquals("a", client.receive(1));
        assertTrue(client.connection().isOpen());
        end(tasks, 'b');
        assertEquals("bc", client.receiveAll());
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
    }

    @Test
    void drainWaitsForEveryAnswer() throws Exception {
        Gated tasks = new Gated();
        Client client = ask(tasks, "abc");
        end(tasks, 'b');
        CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofSeconds(20));
        rig.await(() -> client.recorder.callbacks().endsWith("e"), "it is told that nothing more is read");
        end(tasks, 'a');
        end(tasks, 'c');
        assertEquals("abc", client.receiveAll());
        client.socket.close();
        assertEquals(0, drained.get(20, TimeUnit.SECONDS).cut());
    }

    @Test
    void drainsDeadlineCutsThoseThatStillWait() throws Exception {
        Gated tasks = new Gated();
        Client client = ask(tasks, "ab");
        end(tasks, 'b');
        DrainReport report = rig.server.drain(Duration.ofMillis(100)).get(20, TimeUnit.SECONDS);
        assertEquals(1, report.owed());
        assertEquals(Kind.DRAIN_DEADLINE, client.awaitClose().kind());
        tasks.gate('a').countDown();
        assertEquals(List.of(), tasks.answered);
    }

    @Test
    void taskThatTheLastCallbackHandsInIsRunAlone() throws Exception {
        CountDownLatch runs = new CountDownLatch(30);
        AtomicInteger calls = new AtomicInteger();
        Client client = serve(ServerOptions.builder().offloadQueue(20), connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                for (int i = 0; i < 30; i++) {
                    self.offloadInOrder(() -> {
                        runs.countDown();
                        return null;
                    }, (answer, failure) -> calls.incrementAndGet());
                }
            }
        }).connect();
        client.socket.close();
        client.awaitClose();
        assertTrue(runs.await(20, TimeUnit.SECONDS));
        rig.close();
        assertEquals(0, calls.get());
    }

    @Test
    void orderIsTheConnectionsThreadsAlone() throws Exception {
        Client client = serve((self, in) -> in.position(in.limit())).connect();
        assertThrows(IllegalStateException.class, () -> client.connection().offloadInOrder(() -> null, (answer, failure) -> {}));
        assertEquals(0, rig.server.stats().get(Counter.TASKS_TAKEN));
    }
}
