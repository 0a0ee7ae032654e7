package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
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
