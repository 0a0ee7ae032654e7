package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Workers without memory, on a pool whose tasks the test runs. */
class WorkersTest {

    private final Queue<Runnable> handed = new ArrayDeque<>();
    private Consumer<Runnable> execute = handed::add;
    private int threads = 1;

    private final ThreadPoolExecutor pool = new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>()) {
        @Override
        public void execute(Runnable task) {
            execute.accept(task);
        }

        @Override
        public int getPoolSize() {
            return threads;
        }
    };

    private final Workers workers = new Workers(1, () -> pool);
    private final AtomicInteger ran = new AtomicInteger();
    private final AtomicInteger told = new AtomicInteger();

    @AfterEach
    void end() {
        pool.shutdown();
    }

    private static OutOfMemoryError none() {
        return new OutOfMemoryError("by the test");
    }

    private boolean take() {
        return workers.take(ran::incrementAndGet, (result, failure) -> told.incrementAndGet());
    }

    private long taken() {
        ServerStats.Builder stats = ServerStats.builder();
        workers.addTo(stats);
        return stats.build().get(Counter.TASKS_TAKEN);
    }

    private void runAll() {
        for (Runnable task; (task = handed.poll()) != null || (task = pool.getQueue().poll()) != null; ) {
            task.run();
        }
    }

    @Test
    void taskThatThePoolTookAndCouldNotTellOfIsRunOnce() {
        execute = task -> {
            handed.add(task);
            throw none();
        };
        assertTrue(take());
        assertEquals(1, pool.getQueue().size(), "handed in again, as it may not have been taken");
        runAll();
        assertEquals(1, ran.get());
        assertEquals(1, told.get());
    }

    /** What the JDK throws where it has no memory to link a lambda. */
    @Test
    void resultIsHandedOverThoughALambdaIsNotLinkedAtFirst() {
        workers.take(ran::incrementAndGet, (result, failure) -> {
            if (told.getAndIncrement() == 0) {
                throw new InternalError(none());
            }
        });
        runAll();
        assertEquals(1, ran.get());
        assertEquals(2, told.get());
    }

    @Test
    void taskThatWasNotTakenIsNeverRun() {
        threads = 0;
        execute = task -> {
            handed.add(task);
            throw none();
        };
        assertThrows(OutOfMemoryError.class, this::take);
        runAll();
        assertEquals(0, ran.get());
        assertEquals(0, taken());
    }

    @Test
    void taskThatHasRunWasTaken() {
        threads = 0;
        execute = task -> {
            task.run();
            throw none();
        };
        assertTrue(take());
        assertEquals(1, ran.get());
        assertEquals(1, taken());
    }

    @Test
    void resultIsHandedOverOnceThereIsMemory() {
        AtomicInteger tries = new AtomicInteger();
        workers.take(() -> "result", (result, failure) -> {
            if (tries.incrementAndGet() < 3) {
                throw none();
            }
            assertEquals("result", result);
        });
        runAll();
        assertEquals(3, tries.get());
    }

    @Test
    void callerThatWaitsForRoomIsToldOnceThereIsMemory() {
        for (int i = 0; i < 3; i++) {
            pool.getQueue().add(() -> {});
        }
        assertFalse(take());
        AtomicInteger tries = new AtomicInteger();
        AtomicInteger others = new AtomicInteger();
        workers.whenThereIsRoom(() -> {
            if (tries.incrementAndGet() < 3) {
                throw none();
            }
        });
        workers.whenThereIsRoom(others::incrementAndGet);
        pool.getQueue().clear();
        runAll();
        assertEquals(3, tries.get());
        assertEquals(1, others.get());
    }
}
