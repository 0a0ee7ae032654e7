package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Timer;
import dev.sluice.harness.ExpectsLog;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The loop alone. */
@Timeout(60)
class ReactorTest {

    private long nowNs = Long.MAX_VALUE - 1_000_000; // it wraps around within every test of timers
    private Reactor reactor;
    private long descriptorsBefore;

    @BeforeEach
    void open() throws IOException {
        descriptorsBefore = Loop.descriptors();
        reactor = Reactor.open(() -> nowNs, SelectorProvider.provider());
    }

    @AfterEach
    void nothingIsLeft() {
        reactor.close();
        assertEquals(descriptorsBefore, Loop.descriptors());
        assertFalse(reactor.execute(() -> {}), "nothing is taken by a reactor that has ended");
    }

    private int turn() throws IOException {
        return reactor.runOnce(Duration.ZERO);
    }

    private Pipe pipe(Reactor.Callback callback) throws IOException {
        Pipe pipe = Pipe.open();
        reactor.register(pipe.source(), SelectionKey.OP_READ, callback);
        return pipe;
    }

    private static void readAll(Registration registration) throws IOException {
        ((Pipe.SourceChannel) registration.channel()).read(ByteBuffer.allocate(100));
    }

    private static void writeByte(Pipe pipe) throws IOException {
        pipe.sink().write(ByteBuffer.allocate(1));
    }

    @Test
    void shouldOpenNothingWithoutAClock() {
        assertThrows(NullPointerException.class, () -> Reactor.open(null, SelectorProvider.provider())); // nothing is left: see above
        assertThrows(IllegalStateException.class, () -> Reactor.open(() -> {
            throw new IllegalStateException("by the test");
        }, SelectorProvider.provider()));
    }

    // ---- channels -----------------------------------------------------------------------------------------------------

    @Test
    void shouldCallBackAsLongAsAChannelIsReady() throws IOException {
        AtomicInteger calls = new AtomicInteger();
        Pipe pipe = pipe((registration, ops) -> {
            assertEquals(SelectionKey.OP_READ, ops);
            if (calls.incrementAndGet() == 2) {
                readAll(registration);
            }
        });
        assertEquals(0, turn());
        writeByte(pipe);
        assertEquals(1, turn());
        assertEquals(1, turn());
        assertEquals(0, turn());
        assertEquals(2, calls.get());
        pipe.sink().close();
    }

    @Test
    void shouldChangeAndCancelARegistration() throws IOException {
        Pipe pipe = Pipe.open();
        AtomicInteger calls = new AtomicInteger();
        Registration registration =
                reactor.register(pipe.source(), SelectionKey.OP_READ, (r, ops) -> calls.incrementAndGet());
        writeByte(pipe);
        turn();
        assertTrue(registration.interest(0));
        assertFalse(registration.interest(0), "no change");
        turn();
        assertEquals(1, calls.get());
        registration.interest(SelectionKey.OP_READ);
        turn();
        assertEquals(2, calls.get());
        registration.cancel();
        assertFalse(registration.isValid());
        assertFalse(registration.interest(SelectionKey.OP_READ), "too late, and no harm");
        assertEquals(0, registration.interest());
        turn();
        assertEquals(2, calls.get());
        assertTrue(pipe.source().isOpen());
        pipe.source().close();
        pipe.sink().close();
    }

    @ExpectsLog("the callback of a channel")
    @ParameterizedTest
    @ValueSource(strings = {"exception", "checked", "memory", "stack"})
    void shouldServeTheRestOfTheBatchWhenACallbackThrows(String what) throws IOException {
        List<Pipe> pipes = new ArrayList<>();
        AtomicInteger calls = new AtomicInteger();
        Reactor.Callback callback = (registration, ops) -> {
            readAll(registration);
            if (calls.incrementAndGet() == 1) {
                switch (what) {
                    case "exception" -> throw new IllegalStateException("on purpose");
                    case "checked" -> throw new IOException("on purpose");
                    case "memory" -> throw new OutOfMemoryError("on purpose");
                    default -> throw new StackOverflowError("on purpose");
                }
            }
        };
        for (int i = 0; i < 3; i++) {
            pipes.add(pipe(callback));
            writeByte(pipes.get(i));
        }
        turn();
        assertEquals(3, calls.get(), "all three in one turn");
        assertEquals(1, pipes.stream().filter(pipe -> !pipe.source().isOpen()).count(), "its channel is closed");
        assertEquals(1, reactor.stats().failures());
        for (Pipe pipe : pipes) {
            pipe.sink().close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"close", "cancel", "close after reset", "cancel after reset"})
    void shouldNotCallASiblingThatACallbackOfTheSameTurnHasEnded(String how) throws IOException {
        try (ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            List<SocketChannel> clients = new ArrayList<>();
            List<Registration> accepted = new ArrayList<>();
            AtomicInteger calls = new AtomicInteger();
            for (int i = 0; i < 2; i++) {
                clients.add(SocketChannel.open(listener.getLocalAddress()));
                accepted.add(reactor.register(listener.accept(), SelectionKey.OP_READ, (registration, ops) -> {
                    calls.incrementAndGet();
                    for (Registration sibling : accepted) {
                        if (sibling != registration && how.startsWith("close")) {
                            sibling.channel().close();
                        } else if (sibling != registration) {
                            sibling.cancel();
                        }
                    }
                    registration.channel().close();
                }));
            }
            for (SocketChannel client : clients) {
                client.write(ByteBuffer.allocate(1));
                if (how.endsWith("reset")) {
                    client.setOption(StandardSocketOptions.SO_LINGER, 0);
                    client.close();
                }
            }
            turn();
            turn();
            assertEquals(1, calls.get());
            assertEquals(0, reactor.stats().failures());
            for (int i = 0; i < 2; i++) {
                clients.get(i).close();
                accepted.get(i).channel().close();
            }
        }
        turn();
    }

    @Test
    void shouldServeMoreChannelsThanOneSelectReports() throws IOException {
        List<Pipe> pipes = new ArrayList<>();
        AtomicInteger calls = new AtomicInteger();
        for (int i = 0; i < 2_500; i++) {
            pipes.add(pipe((registration, ops) -> {
                calls.incrementAndGet();
                readAll(registration);
            }));
            writeByte(pipes.get(i));
        }
        for (int i = 0; i < 5; i++) {
            turn();
        }
        assertEquals(2_500, calls.get());
        for (Pipe pipe : pipes) {
            pipe.sink().close();
        }
    }

    // ---- timers -------------------------------------------------------------------------------------------------------

    @Test
    void shouldRunTimersInTheOrderOfTheirTimes() throws IOException {
        List<Integer> ran = new ArrayList<>();
        for (int ms : new int[] {30, 10, 20}) {
            reactor.schedule(Duration.ofMillis(ms), () -> ran.add(ms));
        }
        turn();
        assertEquals(List.of(), ran);
        nowNs += 29_999_999;
        turn();
        assertEquals(List.of(10, 20), ran);
        nowNs += 1;
        turn();
        assertEquals(List.of(10, 20, 30), ran);
    }

    @Test
    void shouldNotRunACancelledTimer() throws IOException {
        List<String> ran = new ArrayList<>();
        Timer second = reactor.schedule(Duration.ofMillis(2), () -> ran.add("second"));
        Timer first = reactor.schedule(Duration.ofMillis(1), () -> {
            ran.add("first");
            assertTrue(second.cancel());
        });
        nowNs += 5_000_000;
        turn();
        assertEquals(List.of("first"), ran);
        assertFalse(first.cancel(), "it has run");
        assertFalse(second.cancel(), "it was cancelled");
    }

    @Test
    void shouldRunAtNoTimeDelayInTheNextTurnAndNotInThis() throws IOException {
        int[] runs = new int[1];
        Runnable again = new Runnable() {
            @Override
            public void run() {
                runs[0]++;
                reactor.schedule(Duration.ZERO, this);
            }
        };
        reactor.schedule(Duration.ofDays(-1), again);
        for (int i = 1; i <= 5; i++) {
            nowNs++;
            turn();
            assertEquals(i, runs[0]);
        }
    }

    @Test
    void shouldTakeAnyDuration() throws IOException {
        reactor.schedule(Duration.ofSeconds(Long.MAX_VALUE), () -> {
            throw new AssertionError("not in our lifetime");
        });
        reactor.schedule(Duration.ofSeconds(Long.MIN_VALUE), () -> {});
        nowNs += Duration.ofDays(365).toNanos();
        assertEquals(1, turn());
    }

    @Test
    void shouldRunAHundredThousandTimers() throws IOException {
        Random random = new Random(7);
        long start = nowNs;
        long[] last = {0};
        int[] ran = new int[1];
        for (int i = 0; i < 100_000; i++) {
            long delay = random.nextInt(1_000_000_000);
            Timer timer = reactor.schedule(Duration.ofNanos(delay), () -> {
                assertTrue(delay >= last[0]);
                last[0] = delay;
                ran[0]++;
            });
            if (i % 4 == 0) {
                timer.cancel();
            }
        }
        nowNs = start + 1_000_000_000;
        turn();
        assertEquals(75_000, ran[0]);
        assertEquals(0, reactor.stats().failures());
    }

    @Test
    void shouldWaitForATimerWithoutSpinning() throws IOException {
        try (Reactor real = Reactor.open()) {
            int[] ran = new int[1];
            real.schedule(Duration.ofNanos(1_900_000), () -> ran[0]++);
            while (ran[0] == 0) {
                real.runOnce(Duration.ofSeconds(10));
            }
            assertTrue(real.stats().selects() <= 2, real.stats().toString());
        }
    }

    // ---- tasks --------------------------------------------------------------------------------------------------------

    @Test
    void shouldRunTheTasksOfAThreadInTheirOrderAndNeverInsideTheCall() throws IOException {
        List<Integer> ran = new ArrayList<>();
        reactor.execute(() -> {
            reactor.execute(() -> ran.add(3));
            ran.add(1);
        });
        reactor.execute(() -> ran.add(2));
        assertEquals(List.of(), ran);
        turn();
        turn();
        assertEquals(List.of(1, 2, 3), ran);
    }

    @ExpectsLog("a timer")
    @Test
    void shouldGoOnAfterTasksAndTimersThatThrow() throws IOException {
        List<Integer> ran = new ArrayList<>();
        reactor.execute(() -> {
            throw new OutOfMemoryError("on purpose");
        });
        reactor.execute(() -> ran.add(1));
        reactor.schedule(Duration.ZERO, () -> {
            throw new IllegalStateException("on purpose");
        });
        reactor.schedule(Duration.ofNanos(1), () -> ran.add(0));
        nowNs++;
        turn();
        assertEquals(List.of(0, 1), ran);
        assertEquals(2, reactor.stats().failures());
    }

    @Test
    void shouldWakeUpOnceForABurstAndRunEveryTask() throws Exception {
        AtomicInteger ran = new AtomicInteger();
        Thread loop = start(reactor);
        List<Thread> writers = IntStream.range(0, 4)
                .mapToObj(n -> new Thread(() -> {
                    for (int i = 0; i < 250_000; i++) {
                        assertTrue(reactor.execute(ran::incrementAndGet));
                    }
                }))
                .toList();
        writers.forEach(Thread::start);
        for (Thread writer : writers) {
            writer.join();
        }
        reactor.stop();
        loop.join();
        assertEquals(1_000_000, ran.get());
        assertTrue(reactor.stats().wakeups() < 100_000, reactor.stats().toString());
    }

    @Test
    void shouldRunOrRefuseEveryTaskThatRacesWithTheEnd() throws Exception {
        for (int round = 0; round < 200; round++) {
            Reactor racing = Reactor.open();
            Thread loop = start(racing);
            AtomicInteger taken = new AtomicInteger();
            AtomicInteger ran = new AtomicInteger();
            CountDownLatch started = new CountDownLatch(1);
            Thread writer = new Thread(() -> {
                started.countDown();
                while (racing.execute(ran::incrementAndGet)) {
                    taken.incrementAndGet();
                }
            });
            writer.start();
            started.await();
            racing.stop();
            writer.join();
            loop.join();
            assertEquals(taken.get(), ran.get());
        }
    }

    private static Thread start(Reactor reactor) {
        Thread thread = new Thread(() -> {
            try {
                reactor.run();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
        return thread;
    }

    // ---- the thread ---------------------------------------------------------------------------------------------------

    @Test
    void shouldRefuseOtherThreadsAndNameTheWay() throws Exception {
        turn();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread other = new Thread(() -> {
            thrown.set(assertThrows(IllegalStateException.class, () -> reactor.schedule(Duration.ZERO, () -> {})));
            assertThrows(IllegalStateException.class, () -> reactor.runOnce(Duration.ZERO));
        });
        other.start();
        other.join();
        assertTrue(thrown.get().getMessage().contains("use execute"), thrown.get().getMessage());
    }

    @Test
    void shouldRefuseTurnsWithinTurns() throws IOException {
        List<Throwable> thrown = new ArrayList<>();
        reactor.execute(() -> thrown.add(assertThrows(IllegalStateException.class, this::turn)));
        turn();
        assertEquals(1, thrown.size());
    }

    @Test
    void shouldNotBeStoppedByInterrupts() throws Exception {
        Reactor real = Reactor.open();
        Thread loop = start(real);
        AtomicInteger ran = new AtomicInteger();
        for (int i = 0; i < 1_000; i++) {
            loop.interrupt();
            real.execute(ran::incrementAndGet);
        }
        CountDownLatch last = new CountDownLatch(1);
        real.execute(last::countDown);
        assertTrue(last.await(10, TimeUnit.SECONDS));
        assertEquals(1_000, ran.get());
        long selects = real.stats().selects();
        loop.join(200); // an idle loop: 200 ms in which nothing happens
        assertTrue(real.stats().selects() - selects <= 2, "it sleeps again");
        real.stop();
        loop.join();
    }

    @Test
    void shouldRunWhatIsForItsEndOnceAndNothingThatWasTakenBack() throws IOException {
        List<String> ran = new ArrayList<>();
        Pipe pipe = pipe((r, ops) -> {});
        Runnable takesBack = reactor.atEnd(() -> ran.add("taken back"));
        reactor.atEnd(() -> ran.add("end, its channel " + (pipe.source().isOpen() ? "open" : "closed")));
        takesBack.run();
        reactor.execute(() -> ran.add("task"));
        reactor.close();
        reactor.close();
        pipe.sink().close();
        assertEquals(List.of("task", "end, its channel open"), ran);
    }

    @Test
    void shouldCloseChannelsAndFreeThePortAtItsEnd() throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        InetSocketAddress address = (InetSocketAddress) listener.getLocalAddress();
        reactor.register(listener, SelectionKey.OP_ACCEPT, (r, ops) -> {});
        turn();
        reactor.close();
        assertFalse(listener.isOpen());
        try (ServerSocketChannel again = ServerSocketChannel.open()) {
            again.bind(address);
        }
    }
}
