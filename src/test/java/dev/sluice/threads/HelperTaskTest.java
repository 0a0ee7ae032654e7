package dev.sluice.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HelperTaskTest {

    private final ConnectionThreads threads = new ConnectionThreads(Thread::new, Thread::new, 0, true);

    @Test
    void everyPieceOfWorkIsDoneByOneHelperAtATime() throws Exception {
        AtomicLong made = new AtomicLong();
        AtomicLong done = new AtomicLong();
        AtomicInteger helpers = new AtomicInteger();
        AtomicInteger overlaps = new AtomicInteger();
        HelperTask task = new HelperTask(
                threads,
                () -> {
                    overlaps.addAndGet(helpers.getAndIncrement());
                    done.set(made.get());
                    helpers.decrementAndGet();
                },
                cause -> overlaps.incrementAndGet());
        List<Thread> makers = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Thread maker = new Thread(() -> {
                for (int i = 0; i < 50_000; i++) {
                    made.incrementAndGet();
                    task.wake();
                }
            });
            maker.start();
            makers.add(maker);
        }
        for (Thread maker : makers) {
            maker.join();
        }
        Served.await(() -> done.get() == 200_000, "no wake-up is lost");
        assertEquals(0, overlaps.get());
        threads.end();
    }

    @Test
    void lackOfAThreadIsToldAndTheNextWakeTriesAgain() {
        AtomicReference<Throwable> told = new AtomicReference<>();
        RejectedExecutionException none = new RejectedExecutionException("by the test");
        AtomicInteger calls = new AtomicInteger();
        ConnectionThreads without = new ConnectionThreads(Thread::new, work -> {
            calls.incrementAndGet();
            throw none;
        }, 0, true);
        HelperTask task = new HelperTask(without, () -> {}, told::set);
        task.wake();
        assertSame(none, told.get());
        task.wake();
        assertEquals(2, calls.get());
    }
}
