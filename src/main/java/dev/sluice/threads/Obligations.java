package dev.sluice.threads;

import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/**
 * What a connection has begun and must end before it may close: work on other threads, and holds.
 *
 * <pre>
 *   offload ──▶ held ──▶ queue ──▶ a worker runs the task ──▶ in a turn: callback, unless closed ──▶ released
 *                          │
 *                          └── full: not read until half of it is free
 * </pre>
 */
final class Obligations {

    private final ThreadConnection connection;

    /** Under the connection's lock. */
    private int holds;

    /** Whether the workers' queue was full. Written under the connection's lock. */
    private volatile boolean crowded;

    Obligations(ThreadConnection connection) {
        this.connection = connection;
    }

    /** With the turn. Keeps the connection from closing until what is returned has been run, on any thread. */
    Runnable hold() {
        connection.turns.checkMine();
        connection.lock.lock();
        holds++;
        connection.lock.unlock();
        AtomicBoolean released = new AtomicBoolean();
        return () -> {
            if (!released.getAndSet(true)) {
                release();
            }
        };
    }

    private void release() {
        boolean leaves;
        connection.lock.lock();
        try {
            holds--;
            if (holds == 0 && !connection.life.isClosed()) {
                connection.activeNs = System.nanoTime(); // it was not idle until now
                connection.watch.set(connection.activeNs);
            }
            leaves = connection.life.endIfNothingIsOwed();
        } finally {
            connection.lock.unlock();
        }
        if (leaves && !connection.turns.isMine()) {
            connection.output.wake();
        }
    }

    /** Under the connection's lock. */
    boolean isHeld() {
        return holds > 0;
    }

    /** With the turn. */
    <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        Runnable hold = hold();
        boolean room;
        try {
            room = connection.group.workers.<T>take(task, (result, failure) -> connection.turns.execute(() -> {
                try {
                    callback.accept(result, failure);
                } finally {
                    hold.run();
                }
            }));
        } catch (Throwable t) { // there is not one thread: it was not taken
            hold.run();
            throw t;
        }
        if (!room && !crowded) {
            setCrowded(true);
            connection.group.workers.whenThereIsRoom(this::goOn);
        }
        return room;
    }

    private void goOn() {
        setCrowded(false);
        connection.style.welcome();
    }

    private void setCrowded(boolean now) {
        connection.lock.lock();
        crowded = now;
        connection.changed.signalAll();
        connection.lock.unlock();
    }

    boolean isCrowded() {
        return crowded;
    }
}
