package dev.sluice.threads;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Work that a helper does while there is some: at most one helper at a time, and none while there is nothing to do. A thread that makes work
 * calls {@link #wake} afterwards. Any thread.
 */
final class HelperTask implements Runnable {

    private final ConnectionThreads threads;
    private final Runnable work;
    private final Consumer<Throwable> whenItCannotBeDone;

    /** How often it was woken since its helper last looked; 0 means that there is no helper. */
    private final AtomicInteger wakes = new AtomicInteger();

    HelperTask(ConnectionThreads threads, Runnable work, Consumer<Throwable> whenItCannotBeDone) {
        this.threads = threads;
        this.work = work;
        this.whenItCannotBeDone = whenItCannotBeDone;
    }

    void wake() {
        if (wakes.getAndIncrement() > 0) {
            return;
        }
        try {
            threads.help(this);
        } catch (Throwable t) { // an Error too: the limit of threads is one
            wakes.set(0);
            whenItCannotBeDone.accept(t);
        }
    }

    /** On a helper. Work made while it ran is done as well, or has woken another. */
    @Override
    public void run() {
        int seen;
        do {
            seen = wakes.get();
            try {
                work.run();
            } catch (Throwable t) { // no memory
                wakes.set(0);
                whenItCannotBeDone.accept(t);
                return;
            }
        } while (!wakes.compareAndSet(seen, 0));
    }
}
