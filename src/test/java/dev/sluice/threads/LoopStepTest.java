package dev.sluice.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.internal.TaskQueue;
import org.junit.jupiter.api.Test;

/** A step of a loop, tried until there is memory for it. */
class LoopStepTest {

    private final TaskQueue loop = new TaskQueue();
    private int tries;
    private int failures;

    private final LoopStep step = new LoopStep(task -> loop.add(TaskQueue.task(task)), () -> {
        tries++;
        if (failures-- > 0) {
            throw new OutOfMemoryError("by the test");
        }
    });

    private void runAll() {
        for (TaskQueue.Task task; (task = loop.poll()) != null; ) {
            task.run();
        }
    }

    @Test
    void stepIsTriedUntilThereIsMemory() {
        failures = 3;
        assertTrue(step.ask());
        runAll();
        assertEquals(4, tries);
    }

    @Test
    void stepIsDoneOnceForAllThatAskBeforeItBegins() {
        step.ask();
        step.ask();
        runAll();
        assertEquals(1, tries);
        step.ask();
        runAll();
        assertEquals(2, tries, "it may be asked for again");
    }

    @Test
    void loopThatHasEndedIsTold() {
        loop.close();
        assertFalse(step.ask());
        assertFalse(step.ask());
    }
}
