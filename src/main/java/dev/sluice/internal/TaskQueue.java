package dev.sluice.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Tasks from any thread for one: each is a node of a stack that its consumer takes whole and turns around, so that the
 * tasks of one thread run in their order. One compare-and-set a task, and no node beside it.
 */
public final class TaskQueue {

    /** Work for the consumer. Belongs to one queue, once. */
    public abstract static class Task implements Runnable {
        private Task next;

        /** Makes a task. */
        protected Task() {}
    }

    /** What {@code head} is once the queue has closed. */
    private static final Task CLOSED = new Task() {
        @Override
        public void run() {
            throw new AssertionError("the mark of a closed queue was run");
        }
    };

    private static final VarHandle HEAD;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(TaskQueue.class, "head", Task.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile Task head;

    /** What was taken from the stack and not polled yet, the oldest first. Only the consumer sees it. */
    private Task batch;

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
            top = head;
            if (top == CLOSED) {
                return false;
            }
            task.next = top;
        } while (!HEAD.compareAndSet(this, top, task));
        return true;
    }

    /**
     * The consumer.
     *
     * @return the oldest task, or null
     */
    public Task poll() {
        if (batch == null) {
            if (head == null || head == CLOSED) {
                return null;
            }
            batch = oldestFirst((Task) HEAD.getAndSet(this, null));
        }
        Task task = batch;
        batch = task.next;
        task.next = null;
        return task;
    }

    /**
     * The consumer.
     *
     * @return true if there is nothing to poll
     */
    public boolean isEmpty() {
        return batch == null && (head == null || head == CLOSED);
    }

    /** The consumer. Refuses every further task; those accepted until now can still be polled. */
    public void close() {
        Task rest = (Task) HEAD.getAndSet(this, CLOSED);
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
