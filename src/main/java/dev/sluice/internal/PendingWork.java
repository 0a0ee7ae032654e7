package dev.sluice.internal;

import dev.sluice.Hold;
import dev.sluice.Timer;
import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;

/**
 * The work of a connection that has begun and not ended: holds, tasks that workers have, timers, input that has to come in time. A connection that is asked to close
 * drains once there is no hold; its timers end with it. Confined as the connection's state is, to a thread or a lock; only {@link #hold}
 * and {@link #offload} enter that themselves.
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
         * Within {@link #confine}. There is no room for more work, or there is again.
         *
         * @param full which
         */
        void workersFull(boolean full);
    }

    /** The workers' queue is full. */
    private static final byte WORKERS = 1;

    /** Too many tasks of this connection have not been answered in their order. */
    private static final byte ORDER = 2;

    private final Owner owner;
    private int holds;

    /** Why there is no room for more work: a set of {@link #WORKERS} and {@link #ORDER}. */
    private byte full;

    /** Made when there is one. */
    private InOrder inOrder;

    /** Made when there is one. */
    private Set<Timer> timers;

    /** Made when there is one, and kept until the connection is looked at after it was met: frames that come in pieces share it. */
    private InputDeadline input;

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
        Held held = new Held();
        begin();
        return held;
    }

    /** A hold begins; what is needed to release it is there. */
    private void begin() {
        owner.confine(() -> holds++);
    }

    /** One hold. Its release is a task of its own, so that there is memory for it. */
    private final class Held extends TaskQueue.Task implements Hold {
        private final AtomicBoolean released = new AtomicBoolean();
        private boolean ended;

        @Override
        public void close() {
            if (!released.getAndSet(true)) {
                owner.confine(this);
            }
        }

        /** May be run again after the owner has found no memory. */
        @Override
        public void run() {
            holds -= ended ? 0 : 1;
            ended = true;
            owner.released();
        }
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
        Hold hold = new Held();
        return take(workers, task, hold, (result, failure) -> {
            try {
                callback.accept(result, failure);
            } finally {
                hold.close();
            }
        });
    }

    /** Begins the hold. The connection's thread runs what is given as {@code ended}, which releases it. */
    private <T> boolean take(Workers workers, Callable<? extends T> task, Hold hold, BiConsumer<? super T, ? super Throwable> ended) {
        BiConsumer<T, Throwable> handOver = (result, failure) -> {
            if (!owner.execute(() -> ended.accept(result, failure))) { // it has closed
                hold.close();
            }
        };
        begin();
        boolean room;
        try {
            room = workers.<T>take(task, handOver);
        } catch (Throwable t) { // there is not one thread: it was not taken
            hold.close();
            throw t;
        }
        return room || (full & WORKERS) != 0 ? room : !waitForRoom(workers);
    }

    /** False if there is no memory to be told with: then more may come, as the task that found no room was taken. */
    private boolean waitForRoom(Workers workers) {
        try {
            Runnable isRoom = () -> setFull(WORKERS, false);
            Runnable told = () -> owner.confine(isRoom);
            owner.confine(() -> setFull(WORKERS, true));
            try {
                workers.whenThereIsRoom(told);
            } catch (Throwable t) {
                owner.confine(isRoom);
                throw t;
            }
            return true;
        } catch (VirtualMachineError e) {
            return false;
        }
    }

    private void setFull(byte why, boolean now) {
        boolean was = full != 0;
        full = (byte) (now ? full | why : full & ~why);
        if (was != (full != 0)) {
            owner.workersFull(!was);
        }
    }

    // ---- work that is answered in order -------------------------------------------------------------------------------

    /**
     * As {@link #offload}, but callbacks come in the order in which their tasks were handed in.
     *
     * @param <T>      what the task makes
     * @param workers  the server's
     * @param task     will be run
     * @param callback is given the result, or what the task threw
     * @return false if the workers' queue is full, or as many tasks of this connection wait: then it is not read until half of that is free
     */
    public <T> boolean offloadInOrder(Workers workers, Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        inOrder = inOrder == null ? new InOrder(workers) : inOrder;
        return inOrder.offload(task, callback);
    }

    /** Offloaded tasks in the order in which they were handed in, until they are answered. Belongs to the thread that runs the callbacks. */
    private final class InOrder {
        private final Workers workers;
        private final ArrayDeque<Place> places = new ArrayDeque<>();

        // made beforehand: what follows a task that was taken must not fail
        private final Runnable isFull = () -> setFull(ORDER, true);
        private final Runnable isRoom = () -> setFull(ORDER, false);

        InOrder(Workers workers) {
            this.workers = workers;
        }

        <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
            Place place = new Place(new Held());
            places.add(place); // first: with the task taken, it must not fail
            boolean room;
            try {
                room = take(workers, task, place.hold, (result, failure) -> {
                    place.answer = () -> callback.accept(result, failure);
                    if (places.peek() == place) {
                        answerFirst();
                    }
                });
            } catch (Throwable t) {
                places.removeLast();
                throw t;
            }
            if (workers.areTooMany(places.size())) {
                owner.confine(isFull);
                room = false;
            }
            return room;
        }

        /** The first task has ended. Each callback is a task of its own, so that a thousand that waited for one do not keep a loop. */
        private void answerFirst() {
            Place first = places.remove();
            try {
                first.answer.run();
            } finally {
                first.hold.close();
            }
            if (workers.areFewAgain(places.size())) {
                owner.confine(isRoom);
            }
            if (!places.isEmpty() && places.peek().answer != null) {
                owner.execute(this::answerFirst);
            }
        }
    }

    /** A task's place in the order. */
    private static final class Place {
        private final Hold hold;

        /** Calls its callback; null until the task has ended. */
        private Runnable answer;

        Place(Hold hold) {
            this.hold = hold;
        }
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

    // ---- input that has to come in time -------------------------------------------------------------------------------

    /**
     * Sets the deadline of input.
     *
     * @param limitNs   how long it may take; 0: there is no deadline any more
     * @param isReading whether the connection is read now
     * @param nowNs     the time
     */
    public void expectInput(long limitNs, boolean isReading, long nowNs) {
        if (input == null && limitNs > 0) {
            input = new InputDeadline();
        }
        if (input != null) {
            input.begin(limitNs, isReading, nowNs);
        }
    }

    /**
     * Whether there is a deadline of input.
     *
     * @return false if nothing has to be told of whether the connection is read
     */
    public boolean expectsInput() {
        return input != null && input.isSet();
    }

    /**
     * The connection is read from now on, or is not. Only where {@linkplain #expectsInput input is expected}.
     *
     * @param isReading which
     * @param nowNs     the time
     */
    public void reads(boolean isReading, long nowNs) {
        input.reads(isReading, nowNs);
    }

    /**
     * The last hold was released: the time for input begins anew.
     *
     * @param nowNs the time
     */
    public void expectInputAnew(long nowNs) {
        if (expectsInput()) {
            input.restart(nowNs);
        }
    }

    /**
     * When input is due.
     *
     * @return {@link Timeouts#NEVER} if it is not, or while the connection is held or not read
     */
    public long inputDueNs() {
        return input == null || isHeld() ? Timeouts.NEVER : input.dueNs();
    }

    /**
     * Whether input has not come in time.
     *
     * @param nowNs the time
     * @return true once it is due
     */
    public boolean isInputLate(long nowNs) {
        long dueNs = inputDueNs();
        return dueNs != Timeouts.NEVER && nowNs - dueNs >= 0;
    }

    /** The connection is looked at: a deadline that was met is forgotten. */
    public void forgetInputInTime() {
        if (!expectsInput()) {
            input = null;
        }
    }

    /**
     * Whether nothing is pending.
     *
     * @return true if this may be forgotten
     */
    public boolean isEmpty() {
        return holds == 0 && full == 0 && input == null && (timers == null || timers.isEmpty());
    }

    /**
     * The connection has closed: its timers are cancelled, results are forgotten, and nothing holds it any more. To be called again after
     * it has failed for want of memory.
     */
    public void cancel() {
        holds = 0;
        if (inOrder != null) {
            inOrder.places.clear(); // a task that goes on still knows the order
        }
        while (timers != null && !timers.isEmpty()) { // asked for again, it goes on with the next
            Timer timer = timers.iterator().next();
            try {
                timer.cancel();
            } finally {
                timers.remove(timer);
            }
        }
    }
}
