package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tasks of a connection, from its own thread and from others. */
@Timeout(60)
class TaskQueueTest {

    private final TaskQueue queue = new TaskQueue();

    private void drain() {
        for (TaskQueue.Task task; (task = queue.poll()) != null; ) {
            task.run();
        }
    }

    @Test
    void taskThatWasPutBackComesWithTheNextRetry() {
        List<String> order = new ArrayList<>();
        TaskQueue.Task[] stubborn = new TaskQueue.Task[2];
        for (int i = 0; i < 2; i++) {
            int n = i;
            stubborn[i] = TaskQueue.task(() -> order.add("again " + n));
            queue.add(stubborn[i]);
        }
        queue.add(TaskQueue.task(() -> order.add("other")));
        assertSame(stubborn[0], queue.poll());
        queue.putBack(stubborn[0]);
        assertSame(stubborn[1], queue.poll());
        queue.putBack(stubborn[1]);
        queue.poll().run();
        assertEquals(null, queue.poll());
        assertFalse(queue.isEmpty(), "two were put back");
        queue.close();
        queue.retry();
        for (TaskQueue.Task task; (task = queue.poll()) != null; ) {
            task.run();
        }
        assertEquals(List.of("other", "again 0", "again 1"), order);
        assertTrue(queue.isEmpty());
    }

    @Test
    void shouldKeepTheOrderAcrossBatchesAndTheClose() {
        List<Integer> ran = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int n = i;
            queue.add(TaskQueue.task(() -> ran.add(n)));
        }
        queue.poll().run();
        for (int i = 3; i < 6; i++) {
            int n = i;
            queue.add(TaskQueue.task(() -> ran.add(n)));
        }
        queue.close();
        assertFalse(queue.add(TaskQueue.task(() -> ran.add(99))));
        assertFalse(queue.isEmpty());
        drain();
        assertTrue(queue.isEmpty());
        assertNull(queue.poll());
        queue.close();
        assertEquals(List.of(0, 1, 2, 3, 4, 5), ran);
    }

    @Test
    void shouldGiveEveryTaskThatItTookInTheOrderOfItsThread() throws InterruptedException {
        for (int round = 0; round < 50; round++) {
            TaskQueue racing = new TaskQueue();
            AtomicInteger taken = new AtomicInteger();
            int[] ran = new int[1];
            int[] next = new int[4];
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                int thread = t;
                threads.add(new Thread(() -> {
                    for (int i = 0; ; i++) {
                        int n = i;
                        if (!racing.add(TaskQueue.task(() -> {
                            assertEquals(next[thread]++, n);
                            ran[0]++;
                        }))) {
                            return;
                        }
                        taken.incrementAndGet();
                    }
                }));
            }
            threads.forEach(Thread::start);
            while (ran[0] < 2_000) {
                TaskQueue.Task task = racing.poll();
                if (task != null) {
                    task.run();
                }
            }
            racing.close();
            for (Thread thread : threads) {
                thread.join();
            }
            for (TaskQueue.Task task; (task = racing.poll()) != null; ) {
                task.run();
            }
            assertEquals(taken.get(), ran[0]);
        }
    }
}
