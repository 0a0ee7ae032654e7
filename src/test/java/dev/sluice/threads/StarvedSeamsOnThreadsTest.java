package dev.sluice.threads;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.fault.StarvedSeams;
import dev.sluice.fault.StarvedSeams.Seam;
import dev.sluice.harness.MayLog;
import dev.sluice.harness.Seed;
import dev.sluice.internal.ChunkDepot;
import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.Workers;
import dev.sluice.reactor.Recorder;
import dev.sluice.threads.stepping.Finding;
import dev.sluice.threads.stepping.Line;
import dev.sluice.threads.stepping.Schedule;
import dev.sluice.threads.stepping.SteppedNetwork;
import dev.sluice.threads.stepping.Stepper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Any call across a seam of the threads engine may find no memory: the n-th call of each kind, n = 1, 2, 3 until a conversation that uses
 * them all has no n-th, each in some orders of steps. It costs a connection at most. None loses its last callback, all room is free again,
 * no thread dies, and the server drains.
 */
@Timeout(120)
@MayLog({"handler failed on", "observer failed", "cannot accept", "a connection was refused", "a task", "a timer", "callback of a channel", "select"})
class StarvedSeamsOnThreadsTest {

    private static final int MOST_CONNECTIONS = 5;
    private static final int ORDERS = 2;
    private static final int MOST_STEPS = 100_000;

    @ParameterizedTest
    @EnumSource
    void wantOfMemoryCostsAConnectionAtMost(Seam seam) {
        Stepping stepping = new Stepping();
        for (int poolSize : new int[] {0, MOST_CONNECTIONS}) {
            for (int times : new int[] {1, 3}) {
                int n = 1;
                while (converse(stepping, seam, n, times, poolSize)) {
                    n++;
                }
                assertTrue(n > 1, "the conversation has no " + seam);
            }
        }
    }

    /** Returns whether a call has failed. */
    private static boolean converse(Stepping stepping, Seam seam, int n, int times, int poolSize) {
        boolean hasFailed = false;
        for (int i = 0; i < ORDERS; i++) {
            StarvedSeams[] seams = new StarvedSeams[1];
            long seed = Seed.VALUE + 1_000_000L * n + i;
            Finding finding = stepping.run(stage -> new Talk(stage, seams[0] = new StarvedSeams(seam, n, times), poolSize), new Schedule(seed), null);
            if (finding != null) {
                String how = stepping.explain(stage -> new Talk(stage, new StarvedSeams(seam, n, times), poolSize), new Schedule(seed), finding);
                throw new AssertionError(
                        seams[0] + (poolSize > 0 ? ", pool" : "") + ", -Dsluice.seed=" + Seed.VALUE + ": " + finding.getMessage() + "\n" + how, finding);
            }
            hasFailed |= seams[0].haveFailed();
        }
        return hasFailed;
    }

    /** The conversation: something begins each time that no thread can go on and its time has passed. */
    private static final class Talk implements Stepper.Play {

        private record Scene(Runnable begin, Duration lasts) {}

        private final Stage stage;
        private final Stepper stepper;
        private final StarvedSeams seams;
        private final int poolSize;
        private final List<Recorder> recorders = new ArrayList<>();
        private final List<Peer> newcomers = new ArrayList<>();
        private final Deque<Scene> scenes = new ArrayDeque<>();
        private ThreadServer server;
        private boolean faultWasBefore;
        private boolean lasts;

        Talk(Stage stage, StarvedSeams seams, int poolSize) {
            this.stage = stage;
            this.stepper = stage.stepper;
            this.seams = seams;
            this.poolSize = poolSize;
        }

        @Override
        public void begin() throws IOException {
            ServerOptions options = seams.options(MOST_CONNECTIONS);
            server = ThreadServer.start(List.of(Listener.at(SteppedNetwork.address(0))), options, starved(stage.seams(poolSize)), ThreadService.callbacks(connection -> {
                seams.use(Seam.CREATE);
                Recorder recorder = new Recorder(connection, seams.talker(), false);
                recorders.add(recorder);
                return recorder;
            }));
            firstHalf();
            secondHalf();
        }

        private Seams starved(Seams well) {
            return new Seams(
                    well.sockets(), seams.wire(well.socketIo()), well.clock(), well.locks(), () -> new StarvedChunks(well.pools().get()), well.connections(), well.loop(),
                    () -> new ConnectionThreads(
                            factory(stage.threads.known("own")), factory(stage.threads.factory("helper")),
                            made -> poolSize == 0 ? null : stage.threads.pool(poolSize, stage.threads.known("own")), false),
                    options -> new Workers(
                            options.offloadQueue(), () -> stage.threads.pool(options.offloadThreads(), factory(stage.threads.factory("worker")))),
                    well.livenessNs());
        }

        private ThreadFactory factory(ThreadFactory well) {
            return work -> {
                seams.use(Seam.THREAD);
                return well.newThread(work);
            };
        }

        private final class StarvedChunks extends ChunkPool {
            private final ChunkPool well;

            StarvedChunks(ChunkPool well) {
                super(new ChunkDepot());
                this.well = well;
            }

            @Override
            public Chunk take() {
                seams.use(Seam.CHUNK);
                return well.take();
            }

            @Override
            public Chunk give(Chunk chunk) {
                return well.give(chunk);
            }

            @Override
            public long used() {
                return well.used();
            }
        }

        /** Everything that connections do while a server is up; in the end, all have gone. */
        private void firstHalf() {
            Peer echo = new Peer("abc");
            Peer large = new Peer("L");
            Peer line = new Peer("unfinished");
            Peer work = new Peer("OTH");
            Peer lost = new Peer("abc");
            Peer oneTooMany = new Peer("abc");
            large.takes = false;
            for (Peer each : List.of(echo, large, line, work, lost, oneTooMany)) {
                scene(each::connect, Duration.ofMillis(1));
            }
            scene(() -> {
                lost.line.reset();
                echo.send("def");
                large.takes = true;
                line.send(" line\n");
            }, Duration.ofMillis(100));
            scene(() -> {
                echo.line.end();
                large.line.end();
                line.send("u");
                line.line.end();
                work.line.end();
                oneTooMany.line.end(); // unless another had gone before it came, it was refused
            }, Duration.ofSeconds(10));
        }

        /** Newcomers find all places free, unless it is they whom the fault hits; then they owe, or are owed, something, and the server drains. */
        private void secondHalf() {
            for (int i = 0; i < MOST_CONNECTIONS; i++) {
                Peer newcomer = new Peer("abc");
                newcomers.add(newcomer);
                scene(() -> {
                    faultWasBefore |= newcomer == newcomers.get(0) && seams.areOver();
                    newcomer.connect();
                }, Duration.ofMillis(100));
            }
            scene(() -> {}, Duration.ofSeconds(2));
            scene(() -> {
                if (faultWasBefore) {
                    newcomers.forEach(each -> stepper.check(each.received.size() == 3, "a newcomer finds its place"));
                }
                newcomers.get(0).takes = false;
                newcomers.get(0).send("L");
                newcomers.get(1).send("unfinished");
                newcomers.get(2).send("P");
                newcomers.get(3).send("OH");
            }, Duration.ofMillis(5));
            scene(() -> newcomers.get(2).send("never read"), Duration.ofMillis(5));
            scene(() -> stepper.spawn("user", () -> server.drain(Duration.ofSeconds(3))), Duration.ofMillis(200));
            scene(() -> newcomers.forEach(each -> each.line.end()), Duration.ofSeconds(10));
        }

        private void scene(Runnable begin, Duration lasts) {
            scenes.add(new Scene(begin, lasts));
        }

        /** A client. */
        private final class Peer implements Stepper.Actor {
            private final String first;
            private final ByteBuffer taken = ByteBuffer.allocate(8 << 10);
            private final ByteArrayOutputStream received = new ByteArrayOutputStream();
            private boolean takes = true;
            private Line line;

            Peer(String first) {
                this.first = first;
            }

            void connect() {
                line = stage.network.connect(8 << 10, false);
                stepper.add(this);
                send(first);
            }

            void send(String text) {
                line.send(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
            }

            @Override
            public boolean isReady() {
                return takes && !line.isReset() && line.forPeer() > 0;
            }

            @Override
            public void act() {
                line.take(taken.clear());
                received.write(taken.array(), 0, taken.position());
            }
        }

        @Override
        public Stepper.Next quiet(boolean mayWait) {
            if (lasts) {
                return Stepper.Next.WAIT;
            }
            Scene next = scenes.poll();
            if (next == null) {
                return Stepper.Next.END;
            }
            lasts = true;
            stepper.spawn("time", () -> {
                stepper.sleep(next.lasts.toNanos());
                lasts = false;
            });
            next.begin.run();
            return Stepper.Next.GO_ON;
        }

        @Override
        public boolean mayHurry() {
            return false;
        }

        @Override
        public int mostSteps() {
            return MOST_STEPS;
        }

        @Override
        public void check() {
            stepper.check(server.termination().isDone() && !server.termination().isCompletedExceptionally(), "the server has not ended well");
            List<String> violations = recorders.stream().flatMap(recorder -> recorder.check().stream()).toList();
            stepper.check(violations.isEmpty(), violations.toString());
            ServerStats stats = server.stats();
            stepper.check(stats.get(Counter.OPENED) == stats.get(Counter.CLOSED), "opened is not closed");
            stepper.check(stats.pending() == 0, "enqueued is not written and discarded: " + stats);
            stepper.check(stats.get(Counter.WAITING) == 0, "some wait for a thread");
            stage.checkThatNothingIsLeft();
        }

        @Override
        public String toString() {
            return recorders.stream().map(each -> each.connection + " " + each.callbacks()).toList() + " " + server.stats();
        }
    }
}
