package dev.sluice.internal;

import dev.sluice.Hold;
import dev.sluice.Timer;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/**
 * What a connection has begun and not ended: holds, tasks that workers have, timers. A connection that is asked to close drains once
 * nothing is held; its timers end with it. Belongs to where the
 * connection's state belongs, a thread or a lock, but for {@link #hold} and {@link #offload}, which go there themselves.
 *
 * <pre>
 *   offload ──▶ held ──▶ queue ──▶ a worker runs the task ──▶ the connection: callback, unless closed ──▶ released
 *                          │
 *                          └── full: the connection is not read until half of it is free
 * </pre>
 */
public final class PendingWork {

    /** The connection. */
    public interface Owner {
        /**
         * Any thread. Runs a step with the right to change the connection's state, before this returns or a moment later.
         *
         * @param step does not wait
         */
        void confine(Runnable step);

        /**
         * Any thread. As {@link dev.sluice.Connection#execute}.
         *
         * @param task what to run
         * @return false once the connection has closed
         */
        boolean execute(Runnable task);

        /** Within {@link #confine}. A hold was released. */
        void released();

        /**
         * Within {@link #confine}. The workers' queue is full, or has room again.
         *
         * @param full which
         */
        void workersFull(boolean full);
    }

    private final Owner owner;
    private int holds;
    private boolean full;

    /** Made when there is one. */
    private Set<Timer> timers;

    /**
     * Makes an empty one.
     *
     * @param owner the connection
     */
    public PendingWork(Owner owner) {
        this.owner = owner;
    }

    // ---- holds --------------------------------------------------------------------------------------------------------

    /**
     * Keeps the connection from draining.
     *
     * @return the hold
     */
    public Hold hold() {
        owner.confine(() -> holds++);
        AtomicBoolean released = new AtomicBoolean();
        return () -> {
            if (!released.getAndSet(true)) {
                owner.confine(() -> {
                    holds--;
                    owner.released();
                });
            }
        };
    }

    /**
     * Whether the connection may not drain yet.
     *
     * @return true while there is a hold, or an offloaded task whose callback has not returned
     */
    public boolean isHeld() {
        return holds > 0;
    }

    /**
     * Has a worker run a task, then the connection its callback.
     *
     * @param <T>      what the task makes
     * @param workers  the server's
     * @param task     will be run
     * @param callback is given the result, or what the task threw
     * @return false if the workers' queue is full: then the connection is not read until half of it is free
     */
    public <T> boolean offload(Workers workers, Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        Hold hold = hold();
        boolean room;
        try {
            room = workers.<T>take(task, (result, failure) -> {
                boolean taken = owner.execute(() -> {
                    try {
                        callback.accept(result, failure);
                    } finally {
                        hold.close();
                    }
                });
                if (!taken) { // it has closed
                    hold.close();
                }
            });
        } catch (Throwable t) { // there is not one thread: it was not taken
            hold.close();
            throw t;
        }
        if (!room && !full) {
            owner.confine(() -> setFull(true));
            workers.whenThereIsRoom(() -> owner.confine(() -> setFull(false)));
        }
        return room;
    }

    private void setFull(boolean now) {
        full = now;
        owner.workersFull(now);
    }

    // ---- timers -------------------------------------------------------------------------------------------------------

    /**
     * A timer of the connection has begun.
     *
     * @param timer is cancelled when the connection ends
     */
    public void began(Timer timer) {
        if (timers == null) {
            timers = new LinkedHashSet<>();
        }
        timers.add(timer);
    }

    /**
     * A timer has come due, or was cancelled.
     *
     * @param timer the one
     * @return false if it had ended before
     */
    public boolean ended(Timer timer) {
        return timers != null && timers.remove(timer);
    }

    /**
     * Whether nothing is pending.
     *
     * @return true if this may be forgotten
     */
    public boolean isEmpty() {
        return holds == 0 && !full && (timers == null || timers.isEmpty());
    }

    /** The connection has closed: its timers are cancelled, and nothing holds it any more. */
    public void cancel() {
        holds = 0;
        if (timers != null) {
            Set.copyOf(timers).forEach(Timer::cancel);
        }
    }
}
