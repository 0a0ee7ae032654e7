package dev.sluice.threads.stepping;

import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Makes strands of what asks for threads: one for each piece of work, or a pool of them. */
public final class SteppedThreads {

    private final Stepper stepper;
    private int scarceAfter = Integer.MAX_VALUE;

    /** Makes them for a stepper. */
    public SteppedThreads(Stepper stepper) {
        this.stepper = stepper;
    }

    /** After so many more, one is not to be had, and then some are again. */
    public void scarceAfter(int more) {
        scarceAfter = more;
    }

    /** Threads that serve others when they have ended. */
    public ThreadFactory factory(String name) {
        return work -> new Stepped(name, work, false);
    }

    /** Threads that are known by their thread. */
    public ThreadFactory known(String name) {
        return work -> new Stepped(name, work, true);
    }

    private final class Stepped extends Thread {
        private final Runnable work;
        private final boolean isKnown;

        Stepped(String name, Runnable work, boolean isKnown) {
            super(null, null, name, 0, false);
            this.work = work;
            this.isKnown = isKnown;
        }

        @Override
        public void start() {
            stepper.step("start");
            if (scarceAfter-- == 0) {
                throw new OutOfMemoryError("unable to create native thread (by the schedule)");
            }
            if (isKnown) {
                stepper.spawnKnown(getName(), work);
            } else {
                stepper.spawn(getName(), work);
            }
            stepper.step("started");
        }
    }

    /** A fixed pool whose threads are strands. */
    public ThreadPoolExecutor pool(int size, ThreadFactory factory) {
        return new Pool(size, factory);
    }

    private final class Pool extends ThreadPoolExecutor {
        private final int size;
        private final ThreadFactory factory;
        private int workers;
        private int free;
        private boolean ended;

        Pool(int size, ThreadFactory factory) {
            super(size, size, 5, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
            this.size = size;
            this.factory = factory;
        }

        @Override
        public void execute(Runnable task) {
            stepper.step("execute");
            if (ended) {
                getRejectedExecutionHandler().rejectedExecution(task, this);
            } else if (workers < size) {
                begin(task);
            } else {
                getQueue().add(task);
            }
        }

        private void begin(Runnable first) {
            workers++;
            try {
                factory.newThread(() -> work(first)).start();
            } catch (Throwable t) {
                workers--;
                throw t;
            }
        }

        private void work(Runnable first) {
            for (Runnable task = first; task != null || (task = next()) != null; task = null) {
                task.run();
            }
            workers--;
        }

        private Runnable next() {
            free++;
            long atNs = allowsCoreThreadTimeOut() ? stepper.nowNs() + getKeepAliveTime(TimeUnit.NANOSECONDS) : Stepper.NEVER;
            stepper.await("task", () -> ended || !getQueue().isEmpty(), atNs);
            free--;
            return getQueue().poll();
        }

        @Override
        public int prestartAllCoreThreads() {
            int before = workers;
            while (workers < size) {
                begin(null);
            }
            return size - before;
        }

        @Override
        public boolean remove(Runnable task) {
            stepper.step("remove");
            return getQueue().remove(task);
        }

        @Override
        public int getPoolSize() {
            return workers;
        }

        @Override
        public void shutdown() {
            ended = true; // no step: it is called under a monitor
        }
    }
}
