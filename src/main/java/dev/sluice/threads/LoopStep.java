package dev.sluice.threads;

import dev.sluice.internal.Patience;
import dev.sluice.internal.TaskQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;

/**
 * A step that a loop must do though there may be no memory: to ask for it needs none, and a step that finds none is done again after a
 * pause. So the step may be done again after it has failed.
 */
final class LoopStep extends TaskQueue.Task {

    private final Predicate<Runnable> loop;
    private final Runnable step;
    private final AtomicBoolean asked = new AtomicBoolean();

    /**
     * Makes one that nobody has asked for.
     *
     * @param loop has a task run, on any thread's request; false once it has ended
     * @param step what is to be done
     */
    LoopStep(Predicate<Runnable> loop, Runnable step) {
        this.loop = loop;
        this.step = step;
    }

    /**
     * Any thread. Has the step done on the loop, once for all that ask before it begins.
     *
     * @return false if the loop has ended
     */
    boolean ask() {
        if (asked.getAndSet(true)) {
            return true;
        }
        boolean taken = loop.test(this);
        if (!taken) {
            asked.set(false);
        }
        return taken;
    }

    @Override
    public void run() {
        asked.set(false);
        try {
            step.run();
        } catch (Throwable t) {
            if (!Patience.helps(t)) {
                throw t;
            }
            Patience.pause(); // a timer would need memory
            ask();
        }
    }
}
