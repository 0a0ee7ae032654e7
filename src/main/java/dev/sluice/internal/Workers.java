package dev.sluice.internal;

import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.Supplier;

/**
 * A fixed number of threads, virtual ones where Java has them, for tasks that must not keep a loop, and a queue before them. No caller
 * waits for room in it: a caller that is told that it is full brings no more tasks until it is told that there is room. So the queue
 * is as long as its limit at most, and the tasks of those callers that were not told yet. Any thread.
 */
public final class Workers {

    /** How long a thread that has nothing to do waits before it ends; no time at all once they all are to end. */
    private static final long PATIENCE_NS = 5_000_000_000L;
    private static final long NO_PATIENCE_NS = 1;

    private final Supplier<ThreadPoolExecutor> pool;
    private final int limit;
    private final Queue<Runnable> whenThereIsRoom = new ConcurrentLinkedQueue<>();

    /** The threads that are in a task. */
    private final Set<Thread> busy = ConcurrentHashMap.newKeySet();
    private final Runnable isBusy = () -> busy.add(Thread.currentThread());

    private final AtomicLong taken = new AtomicLong();
    private final AtomicLong done = new AtomicLong();
    private final AtomicLong full = new AtomicLong();

    /** Made when there is something to do. */
    private ThreadPoolExecutor executor;

    private long patienceNs = PATIENCE_NS;

    /**
     * Makes workers that have no thread yet.
     *
     * @param threads how many there may be; one that has nothing to do for 5 seconds ends
     * @param limit   tasks that may wait before their callers are told to stop
     */
    public Workers(int threads, int limit) {
        this(limit, () -> new ThreadPoolExecutor(
                threads, threads, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), ThreadFactories.orPlatform("sluice-offload-")));
    }

    /**
     * Makes workers that have no thread yet, with a pool of the caller's.
     *
     * @param limit tasks that may wait before their callers are told to stop
     * @param pool  makes the pool, once there is something to do; how long its threads wait is decided here
     */
    public Workers(int limit, Supplier<ThreadPoolExecutor> pool) {
        this.limit = limit;
        this.pool = pool;
    }

    /**
     * Takes a task, which will be run.
     *
     * @param <T>   what it makes
     * @param task  what to run
     * @param ended is given the result, or what the task threw, on the worker's thread; throws nothing
     * @return false if the queue is full: the next task is to be brought when there is {@link #whenThereIsRoom room}
     * @throws OutOfMemoryError if there is not one thread to be had; then the task was not taken
     */
    public <T> boolean take(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> ended) {
        ThreadPoolExecutor pool = executor();
        Work<T> work = new Work<>(task, ended);
        taken.incrementAndGet(); // before it can be done
        try {
            hand(pool, work);
        } catch (Throwable t) {
            if (!work.begun.getAndSet(true)) { // else a worker has it all the same
                taken.decrementAndGet();
                throw t;
            }
        }
        return !areTooMany(pool.getQueue().size());
    }

    private static void hand(ThreadPoolExecutor pool, Work<?> work) {
        try {
            pool.execute(work);
        } catch (VirtualMachineError e) { // what Java makes of the limit of threads, too
            if (pool.getPoolSize() == 0) {
                throw e;
            }
            pool.getQueue().add(work);
        }
    }

    /** A task that is run once. The pool's queue may take one, and still fail for want of memory: then it can be in there twice. */
    private final class Work<T> implements Runnable {
        private final Callable<? extends T> task;
        private final BiConsumer<? super T, ? super Throwable> ended;
        private final AtomicBoolean begun = new AtomicBoolean();

        Work(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> ended) {
            this.task = task;
            this.ended = ended;
        }

        @Override
        public void run() {
            if (!begun.getAndSet(true)) {
                Workers.this.run(task, ended);
            }
        }
    }

    /**
     * Whether so many tasks are more than may wait; counts it if so.
     *
     * @param tasks how many wait
     * @return true if nothing more is to be brought until {@link #areFewAgain}
     */
    public boolean areTooMany(int tasks) {
        boolean tooMany = tasks > limit;
        if (tooMany) {
            full.incrementAndGet();
        }
        return tooMany;
    }

    /**
     * Whether so many tasks are at most half of those that may wait.
     *
     * @param tasks how many wait
     * @return true if more may be brought
     */
    public boolean areFewAgain(int tasks) {
        return tasks <= limit / 2;
    }

    private synchronized ThreadPoolExecutor executor() {
        if (executor == null) {
            executor = pool.get();
            executor.setKeepAliveTime(patienceNs, TimeUnit.NANOSECONDS);
            executor.allowCoreThreadTimeOut(true);
        }
        return executor;
    }

    private <T> void run(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> ended) {
        T result = null;
        Throwable failure = null;
        try {
            Patience.untilDone(isBusy);
            result = task.call();
        } catch (Throwable t) {
            failure = t;
        } finally {
            busy.remove(Thread.currentThread());
        }
        try {
            handOver(ended, result, failure);
        } finally {
            done.incrementAndGet();
            tellIfThereIsRoom();
        }
    }

    /** Waits for the memory that this needs: a result that is lost would hold its connection for ever. */
    private static <T> void handOver(BiConsumer<? super T, ? super Throwable> ended, T result, Throwable failure) {
        for (boolean done = false; !done; ) {
            try {
                ended.accept(result, failure);
                done = true;
            } catch (Throwable t) {
                if (!Patience.helps(t)) {
                    throw t;
                }
                Patience.pause();
            }
        }
    }

    /** On a worker, which waits for the memory that a caller needs to be told. */
    private void tellIfThereIsRoom() {
        if (areFewAgain(executor().getQueue().size())) {
            for (Runnable waiting; (waiting = whenThereIsRoom.poll()) != null; ) {
                Patience.untilDone(waiting);
            }
        }
    }

    /**
     * Has a caller told, once, when half of the queue is free; at once if it is.
     *
     * @param told called on any thread, does not wait; on a worker it is called again if there was no memory for it
     */
    public void whenThereIsRoom(Runnable told) {
        whenThereIsRoom.add(told);
        if (areFewAgain(executor().getQueue().size()) && whenThereIsRoom.remove(told)) { // the last task may have ended meanwhile
            told.run();
        }
    }

    /**
     * Whether the calling thread is in a task. A task that waits for the end of its server waits for itself.
     *
     * @return true within a task
     */
    public boolean isOurs() {
        return busy.contains(Thread.currentThread());
    }

    /**
     * Lets the threads end as soon as they have nothing to do. Tasks that were taken are still run, and so are later ones, on a thread
     * of its own: a connection that has closed may still be given a task, by a loop that goes on.
     */
    public synchronized void end() {
        patienceNs = NO_PATIENCE_NS;
        if (executor != null) {
            executor.setKeepAliveTime(patienceNs, TimeUnit.NANOSECONDS); // and wakes those that wait
        }
    }

    /**
     * Any thread. Adds what was counted to a snapshot.
     *
     * @param stats the snapshot
     */
    public void addTo(ServerStats.Builder stats) {
        long seenDone = done.get(); // before those that were taken: nothing is done that was not
        long seenFull = full.get();
        stats.add(Counter.TASKS_DONE, seenDone).add(Counter.WORKERS_FULL, seenFull).add(Counter.TASKS_TAKEN, taken.get());
    }
}
