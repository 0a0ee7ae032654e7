package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Connection;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.harness.TestLog;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The watchdog of a server: a loop that is kept by a handler, or by many short tasks, is told once. */
@Timeout(60)
class WatchdogTest {

    private static final Duration THRESHOLD = Duration.ofMillis(100);

    private final Semaphore permits = new Semaphore(0);
    private final AtomicReference<Connection> connection = new AtomicReference<>();
    private ReactorServer server;
    private Socket client;

    @AfterEach
    void end() throws Exception {
        permits.release(100);
        if (client != null) {
            client.close();
        }
        if (server != null) {
            server.close();
            Awaitility.await("the watchdog ends with its server").until(() -> watchdog() == null);
        }
    }

    private static Thread watchdog() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("sluice-watchdog"))
                .findAny()
                .orElse(null);
    }

    /** Waits in the handler, as one should not. */
    final class Waiting implements Handler {
        @Override
        public void onOpen(Connection self) {
            connection.set(self);
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) throws Exception {
            permits.tryAcquire(30, TimeUnit.SECONDS);
            self.write(in);
        }
    }

    private final List<String> told = new CopyOnWriteArrayList<>();

    private final ServerObserver observer = new ServerObserver() {
        @Override
        public void stalled(String loop, Duration waited, String keptBy) {
            told.add(loop + (waited.compareTo(THRESHOLD) >= 0 ? " kept by " : " too soon: ") + keptBy);
        }

        @Override
        public void stallEnded(String loop, Duration lasted) {
            told.add(loop + (lasted.compareTo(THRESHOLD) >= 0 ? " came round" : " too soon"));
        }
    };

    private void serve(Duration threshold) throws IOException {
        serve(threshold, self -> new Waiting());
    }

    private void serve(Duration threshold, Handler.Factory factory) throws IOException {
        server = ReactorServer.start(
                List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))),
                ReactorOptions.builder().server(ServerOptions.builder().observer(observer).build()).stallThreshold(threshold).build(),
                factory);
        client = new Socket(server.address().getAddress(), server.address().getPort());
        client.setSoTimeout(20_000);
        Awaitility.await().until(() -> connection.get() != null);
    }

    private long stalls() {
        return server.loops().get(0).stalls();
    }

    @Test
    void handlerThatWaitsIsNamedOnceForEachStall() throws Exception {
        serve(THRESHOLD);
        for (int stall = 1; stall <= 2; stall++) {
            client.getOutputStream().write('x');
            int expected = stall;
            Awaitility.await().until(() -> TestLog.messages().size() == expected);
            String line = TestLog.messages().get(stall - 1);
            assertTrue(line.startsWith("sluice-reactor-0 has been kept for 1"), line);
            assertTrue(line.contains(Waiting.class.getName() + ", connection 1 with /127.0.0.1:" + client.getLocalPort()), line);
            assertTrue(line.contains("java.util.concurrent.Semaphore.tryAcquire") && line.contains("Waiting.onRead"), line);
            permits.release();
            assertEquals('x', client.getInputStream().read());
            assertEquals(stall, stalls());
        }
    }

    /** Waits in the handler of a frame. */
    final class WaitingForFrames implements FrameHandler {
        @Override
        public void onOpen(Connection self) {
            connection.set(self);
        }

        @Override
        public void onFrame(Connection self, ByteBuffer frame) throws Exception {
            permits.tryAcquire(30, TimeUnit.SECONDS);
        }
    }

    @Test
    void handlerOfFramesIsNamed() throws Exception {
        serve(THRESHOLD, self -> new Framed(self, new Lines(10), new WaitingForFrames()));
        client.getOutputStream().write('\n');
        Awaitility.await().until(() -> told.size() == 1);
        assertTrue(told.get(0).startsWith("sluice-reactor-0 kept by Framed " + WaitingForFrames.class.getName() + ", connection 1"), told.get(0));
    }

    @Test
    void observerHearsOfAStallAndOfItsEnd() throws Exception {
        serve(THRESHOLD);
        client.getOutputStream().write('x');
        Awaitility.await().until(() -> told.size() == 1);
        permits.release();
        Awaitility.await().until(() -> told.size() == 2);
        assertTrue(told.get(0).startsWith("sluice-reactor-0 kept by " + Waiting.class.getName() + ", connection 1 with "), told.get(0));
        assertEquals("sluice-reactor-0 came round", told.get(1));
    }

    @Test
    void queueOfManyShortTasksIsAStallToo() throws Exception {
        serve(THRESHOLD);
        // where the machine is busy, a stall may be told of the task that holds up the others: the next queue is told in full
        Awaitility.await().until(() -> {
            queueManyShortTasks();
            return TestLog.messages().stream().anyMatch(line -> line.endsWith(" ms by many short tasks"));
        });
    }

    /** Queues half a second of work behind a task that waits until all of it is there, and returns when it is done. */
    private void queueManyShortTasks() throws InterruptedException {
        CountDownLatch done = new CountDownLatch(1);
        connection.get().execute(permits::acquireUninterruptibly);
        for (int i = 0; i < 100_000; i++) {
            connection.get().execute(WatchdogTest::spinFiveMicroseconds);
        }
        connection.get().execute(done::countDown);
        permits.release();
        assertTrue(done.await(30, TimeUnit.SECONDS));
    }

    private static void spinFiveMicroseconds() {
        long start = System.nanoTime();
        while (System.nanoTime() - start < 5_000) {
            Thread.onSpinWait();
        }
    }

    @Test
    void watchdogOfAnIdleServerSleepsAndIsWokenByWork() throws Exception {
        serve(THRESHOLD);
        permits.release(1_000);
        for (int round = 0; round < 3; round++) {
            client.getOutputStream().write('x');
            assertEquals('x', client.getInputStream().read());
            Awaitility.await().until(() -> watchdog().getState() == Thread.State.WAITING); // with a time it would be TIMED_WAITING
        }
        permits.drainPermits();
        client.getOutputStream().write('x');
        Awaitility.await().until(() -> TestLog.messages().size() == 1);
    }

    @Test
    void zeroIsNoWatchdog() throws Exception {
        serve(Duration.ZERO);
        assertEquals(null, watchdog());
    }

    @Test
    void watchdogIsSilentUnderADebuggerButCounts() throws Exception {
        try (Reactor reactor = Reactor.open()) {
            reactor.runOnce(Duration.ZERO);
            for (boolean silent : new boolean[] {true, false}) {
                TestLog.clear();
                Watchdog watchdog = new Watchdog(THRESHOLD, silent, new ServerObserver() {});
                watchdog.watch(reactor, () -> "no handler");
                for (int ms = 0; ms <= 100; ms += 50) {
                    watchdog.look(ms * 1_000_000L);
                }
                assertEquals(silent, TestLog.messages().isEmpty(), TestLog.messages().toString());
            }
            assertEquals(2, reactor.stats().stalls());
            assertTrue(TestLog.messages().get(0).contains(" has been kept for 100 ms by no handler\n    at "), TestLog.messages().get(0));
        }
    }

    @Test
    void pauseOfTheWholeMachineIsNoStall() throws Exception {
        try (Reactor reactor = Reactor.open()) {
            reactor.runOnce(Duration.ZERO);
            Watchdog watchdog = new Watchdog(THRESHOLD, false, new ServerObserver() {});
            watchdog.watch(reactor, () -> "no handler");
            watchdog.look(0);
            watchdog.look(50_000_000);
            watchdog.look(60_000_000_000L);
            watchdog.look(60_050_000_000L);
            assertEquals(0, reactor.stats().stalls());
            watchdog.look(60_100_000_000L);
            assertEquals(1, reactor.stats().stalls());
            watchdog.look(60_150_000_000L);
            watchdog.look(60_200_000_000L);
            assertEquals(1, reactor.stats().stalls(), "it is told once");
            reactor.runOnce(Duration.ZERO);
            watchdog.look(60_250_000_000L);
            watchdog.look(60_300_000_000L);
            assertEquals(1, reactor.stats().stalls(), "it has come round");
            assertFalse(TestLog.messages().isEmpty());
        }
    }
}
