package dev.sluice.internal;

import java.util.concurrent.atomic.AtomicReference;

/**
 * Tasks from any thread for one: each is a node of a stack that its consumer takes whole and turns around, so that the
 * tasks of one thread run in their order. One compare-and-set a task, and no node beside it.
 */
public final class TaskQueue {

    /** Work for the consumer. Belongs to one queue, and is in it once; after it was polled it may be added again. */
    public abstract static class Task implements Runnable {
        private Task next;

        /** Makes a task. */
        protected Task() {}
    }

    /**
     * Any thread.
     *
     * @param work to be done
     * @return the same as a task; itself if it is one already, so that a task that was made beforehand needs no memory to be handed in
     */
    public static Task task(Runnable work) {
        return work instanceof Task made ? made : new Task() {
            @Override
            public void run() {
                work.run();
            }
        };
    }

    /** The value of {@code head} once the queue has closed. */
    private static final Task CLOSED = task(() -> {
        throw new AssertionError("the mark of a closed queue was run");
    });

    private final AtomicReference<Task> head = new AtomicReference<>();

    /** Tasks that were taken from the stack and not polled yet, the oldest first. Only the consumer sees them. */
    private Task batch;

    /** Tasks that were put back, the last first. Only the consumer sees them. */
    private Task putBack;

    /** Makes an empty, open queue. */
    public TaskQueue() {}

    /**
     * Any thread.
     *
     * @param task to be run by the consumer
     * @return false if the queue has closed
     */
    public boolean add(Task task) {
        Task top;
        do {
            top = head.get();
            if (top == CLOSED) {
                return false;
            }
            task.next = top;
        } while (!head.compareAndSet(top, task));
        return true;
    }

    /**
     * The consumer.
     *
     * @return the oldest task, or null
     */
    public Task poll() {
        if (batch == null) {
            Task top = head.get();
            if (top == null || top == CLOSED) {
                return null;
            }
            batch = oldestFirst(head.getAndSet(null));
        }
        Task task = batch;
        batch = task.next;
        task.next = null;
        return task;
    }

    /**
     * The consumer. Keeps a task that it has polled for the next {@link #retry}. Needs no memory, and works on a closed queue, too.
     *
     * @param task of this queue
     */
    public void putBack(Task task) {
        task.next = putBack;
        putBack = task;
    }

    /** The consumer. Tasks that were put back are polled next. */
    public void retry() {
        if (putBack == null) {
            return;
        }
        Task last = putBack;
        Task first = oldestFirst(last);
        putBack = null;
        last.next = batch;
        batch = first;
    }

    /**
     * The consumer.
     *
     * @return true if there is no task, not even one that was put back
     */
    public boolean isEmpty() {
        return batch == null && putBack == null && (head.get() == null || head.get() == CLOSED);
    }

    /** The consumer. Refuses every further task; those accepted until now can still be polled. */
    public void close() {
        Task rest = head.getAndSet(CLOSED);
        if (rest == null || rest == CLOSED) {
            return;
        }
        rest = oldestFirst(rest);
        if (batch == null) {
            batch = rest;
        } else {
            Task last = batch;
            while (last.next != null) {
                last = last.next;
            }
            last.next = rest;
        }
    }

    private static Task oldestFirst(Task top) {
        Task reversed = null;
        while (top != null) {
            Task below = top.next;
            top.next = reversed;
            reversed = top;
            top = below;
        }
        return reversed;
    }
}
