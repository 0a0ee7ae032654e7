package dev.sluice;

import dev.sluice.ReactorCallbacks.Event;
import dev.sluice.internal.Count;
import dev.sluice.internal.Workers;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/**
 * What the connections of one group have begun and must end before they may close: work on other threads, and holds. Kept here and
 * not with the connection, most of which owe nothing. Belongs to the loop.
 *
 * <pre>
 *   offload ──▶ held ──▶ queue ──▶ a worker runs the task ──▶ the loop: callback, unless closed ──▶ released
 *                          │
 *                          └── full: not read until half of it is free
 * </pre>
 */
final class ConnectionWork {

    private final ConnectionGroup group;
    private final Workers workers;

    /** How many holds there are on a connection. */
    private final Map<ReactorConnection, Integer> held = new IdentityHashMap<>();

    /** Those who found the queue full. */
    private final Set<ReactorConnection> crowded = Collections.newSetFromMap(new IdentityHashMap<>());

    ConnectionWork(ConnectionGroup group, Workers workers) {
        this.group = group;
        this.workers = workers;
    }

    // ---- holds ----------------------------------------------------------------------------------------------------------

    /** Keeps a connection from closing until what is returned has been run, on any thread. */
    Runnable hold(ReactorConnection connection) {
        group.reactor.checkInLoop();
        if (connection.isClosed()) {
            return () -> {}; // in its last callback: nobody would forget it any more
        }
        held.merge(connection, 1, Integer::sum);
        AtomicBoolean released = new AtomicBoolean();
        return () -> {
            if (!released.getAndSet(true)) {
                release(connection);
            }
        };
    }

    private void release(ReactorConnection connection) {
        if (!group.reactor.isInLoop()) {
            group.reactor.execute(() -> release(connection));
            return;
        }
        boolean owes = held.computeIfPresent(connection, (c, holds) -> holds == 1 ? null : holds - 1) != null;
        if (!owes && !connection.isClosed()) {
            connection.activeNs = group.reactor.nowNs(); // it was not idle until now
            group.watch.set(connection);
        }
        connection.leave();
    }

    boolean isHeld(ReactorConnection connection) {
        return held.containsKey(connection);
    }

    // ---- work on other threads ------------------------------------------------------------------------------------------

    <T> boolean offload(
            ReactorConnection connection, Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        Runnable hold = hold(connection);
        boolean room;
        try {
            room = workers.<T>take(task, (result, failure) -> group.reactor.execute(() -> {
                perform(connection, () -> callback.accept(result, failure));
                hold.run();
            }));
        } catch (Throwable t) { // there is not one thread: it was not taken
            hold.run();
            throw t;
        }
        if (!room && !connection.isClosed() && crowded.add(connection)) {
            connection.throttled = true;
            connection.flushSoon();
            workers.whenThereIsRoom(() -> group.reactor.execute(() -> goOn(connection)));
        }
        return room;
    }

    boolean isCrowded(ReactorConnection connection) {
        return crowded.contains(connection);
    }

    private void goOn(ReactorConnection connection) {
        crowded.remove(connection);
        if (connection.isClosed()) {
            return; // its handler is asked nothing any more
        }
        if (connection.throttled && group.readsWhileOutputWaits(connection)) {
            connection.throttled = false; // though output waits
            connection.resumeSoon();
        }
        group.output.flush(connection, false);
    }

    // ---- tasks ------------------------------------------------------------------------------------------------------------

    /** Runs a task of a connection, unless that has closed meanwhile. */
    void perform(ReactorConnection connection, Runnable task) {
        if (connection.isClosed()) {
            group.counters.add(Count.DROPPED_TASKS, 1);
        } else {
            group.callbacks.call(connection, Event.TASK, task);
            group.output.flush(connection, false);
        }
    }

    /** A connection has closed: nothing is awaited any more. */
    void forget(ReactorConnection connection) {
        held.remove(connection);
    }
}
