package dev.sluice;

import dev.sluice.internal.Counters;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.RareLog;
import dev.sluice.internal.TaskQueue;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One thread, one {@link Selector}: channels registered with a callback, tasks, timers. Usable by itself; the
 * {@link ReactorServer} is built on it. One turn of the loop is
 *
 * <pre>
 *   1 select    wait for a ready channel, a task, or the earliest timer, its time rounded up to a millisecond
 *   2 now       the clock is read
 *   3 ready     the callback of each channel that is ready
 *   4 timers    those due at now; I/O went first, so that a machine that was paused expires nobody whose bytes are there
 *   5 tasks     those that other threads handed in, at most 1024
 *   6 flush     connections that were written to from elsewhere
 *   7 reap      connections that closed in this turn
 *   8 account   the clock is read again; the time between is the turn's length
 * </pre>
 *
 * <p>A callback or task that throws, an {@link Error} included, harms neither the rest of the turn nor the loop: it is
 * counted and logged, and a channel whose callback threw is closed. Interrupting the thread does not stop it.
 *
 * <p>The loop belongs to the thread that first calls {@link #run} or {@link #runOnce}; until then, to whoever holds the
 * reactor. Each method says which threads may call it.
 */
public final class Reactor implements AutoCloseable {

    /** What to do when a channel is ready. */
    @FunctionalInterface
    public interface Callback {
        /**
         * Called on the loop with at least one operation ready, and again in each turn while it stays so. Must not block.
         *
         * @param registration the channel's registration
         * @param readyOps     operations of {@link SelectionKey}
         * @throws Exception closes the channel; is counted and logged
         */
        void ready(Registration registration, int readyOps) throws Exception;
    }

    /** What a connection asks of the end of a turn. */
    interface EndOfTurn {
        /** Step 6, for whoever called {@link #flushLater}. */
        void flush();

        /** Step 7, for whoever called {@link #reapLater}. */
        void reap();

    }

    /** What wants to know that the loop ends while it is still registered. */
    interface Tenant {
        /** The loop ends; a connection asks to be reaped now, and will be. */
        void loopEnds();
    }

    /**
     * A loop's counters since its start.
     *
     * @param selects          calls that waited or looked for ready channels
     * @param fruitlessSelects those that returned early with nothing to do; a stray wake-up makes one, a spin thousands
     * @param wakeups          times that another thread had to wake the selector
     * @param callbacks        ready channels whose callback was called
     * @param timers           timers that came due
     * @param tasks            tasks run
     * @param failures         callbacks, timers, tasks and selects that threw
     * @param busyNs           nanoseconds spent in turns, waiting not included
     */
    public record Stats(
            long selects,
            long fruitlessSelects,
            long wakeups,
            long callbacks,
            long timers,
            long tasks,
            long failures,
            long busyNs) {}

    private enum Count {
        SELECTS,
        FRUITLESS,
        CALLBACKS,
        TIMERS,
        TASKS,
        FAILURES,
        BUSY_NS
    }

    /** Enough to empty a burst, few enough that channels are looked at every millisecond or so. */
    private static final int TASKS_A_TURN = 1024;

    /** Selects that may fail in a row before the loop is given up; one may fail for want of memory. */
    private static final int FAILED_SELECTS = 16;

    /** Half of what a comparison by subtraction can tell apart: 146 years. */
    private static final long LONGEST_NS = Long.MAX_VALUE / 2;

    private static final Logger LOG = LoggerFactory.getLogger(Reactor.class);
    private static final VarHandle SLEEPING;
    private static final VarHandle WAKEUPS;

    static {
        try {
            SLEEPING = MethodHandles.lookup().findVarHandle(Reactor.class, "sleeping", boolean.class);
            WAKEUPS = MethodHandles.lookup().findVarHandle(Reactor.class, "wakeups", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final LongSupplier nanoClock;
    private final Selector selector;
    private final ArrayList<SelectionKey> ready = new ArrayList<>();
    private final Consumer<SelectionKey> collect = ready::add;
    private final TaskQueue tasks = new TaskQueue();
    private final Deadlines deadlines = new Deadlines();
    private final ArrayDeque<EndOfTurn> toFlush = new ArrayDeque<>();
    private final ArrayDeque<EndOfTurn> toReap = new ArrayDeque<>();
    private final Counters counters = new Counters(Count.values().length);
    private final SpinGuard spinGuard = new SpinGuard(LOG);
    private final RareLog failures = new RareLog(LOG);

    private volatile Thread thread;
    private volatile boolean stopping;
    private volatile boolean sleeping;
    private volatile long wakeups;
    private boolean running;
    private boolean inTurn;
    private boolean closed;
    private int failedSelects;
    private int work;
    private long nowNs;
    private long lastNs;

    private Reactor(LongSupplier nanoClock, SelectorProvider provider) throws IOException {
        this.nanoClock = nanoClock;
        this.selector = provider.openSelector();
        this.nowNs = nanoClock.getAsLong();
        this.lastNs = nowNs;
    }

    /**
     * Opens a reactor on the system's clock and sockets.
     *
     * @return a reactor that belongs to no thread yet
     * @throws IOException if no selector can be opened, for want of descriptors
     */
    public static Reactor open() throws IOException {
        return open(System::nanoTime, SelectorProvider.provider());
    }

    /**
     * Opens a reactor with a time and a network of the caller's.
     *
     * @param nanoClock nanoseconds from any origin that never go back
     * @param provider  where its selector comes from
     * @return a reactor that belongs to no thread yet
     * @throws IOException if no selector can be opened
     */
    public static Reactor open(LongSupplier nanoClock, SelectorProvider provider) throws IOException {
        return new Reactor(nanoClock, provider);
    }

    /**
     * The loop's thread. Registers a channel, which becomes non-blocking.
     *
     * @param channel  of the provider that the reactor was opened with
     * @param ops      operations of {@link SelectionKey} to wait for
     * @param callback called when one of them is ready
     * @return to change or cancel it
     * @throws IOException           if the channel is closed
     * @throws IllegalStateException on another thread
     */
    public Registration register(SelectableChannel channel, int ops, Callback callback) throws IOException {
        checkInLoop();
        channel.configureBlocking(false);
        Registration registration = new Registration(this, callback);
        registration.bind(channel.register(selector, ops, registration));
        return registration;
    }

    /**
     * Any thread. Has a task run on the loop, after those that this thread handed in before and never inside this call.
     *
     * @param task what to run; what it throws is counted and logged
     * @return false if the reactor has stopped; a task that was taken will run
     */
    public boolean execute(Runnable task) {
        return execute(new TaskQueue.Task() {
            @Override
            public void run() {
                task.run();
            }
        });
    }

    boolean execute(TaskQueue.Task task) {
        if (!tasks.add(task)) {
            return false;
        }
        // the loop raises the flag, then looks at the queue: whichever comes second sees the other. One wake-up for a burst.
        if (sleeping && thread != Thread.currentThread() && (boolean) SLEEPING.getAndSet(this, false)) {
            WAKEUPS.getAndAdd(this, 1L);
            selector.wakeup();
        }
        return true;
    }

    /**
     * The loop's thread. Has a task run after a delay.
     *
     * @param delay how long to wait at least, at most 146 years; zero or less means in the next turn
     * @param task  what to run; what it throws is counted and logged
     * @return to cancel it
     * @throws IllegalStateException on another thread
     */
    public Timer schedule(Duration delay, Runnable task) {
        checkInLoop();
        TimedTask timer = new TimedTask(this, task);
        setDeadline(timer, nanoClock.getAsLong() + nanos(delay));
        return timer;
    }

    private static final class TimedTask extends Deadlines.Entry implements Timer {
        private final Reactor reactor;
        private final Runnable task;

        TimedTask(Reactor reactor, Runnable task) {
            this.reactor = reactor;
            this.task = task;
        }

        @Override
        public void expired(long nowNs) {
            task.run();
        }

        @Override
        public boolean cancel() {
            reactor.checkInLoop();
            boolean waited = isSet();
            reactor.deadlines.remove(this);
            return waited;
        }
    }

    /**
     * Makes the calling thread the loop's and runs turns until {@link #stop}, then closes the reactor.
     *
     * @throws IllegalStateException if the loop belongs to another thread, or has ended
     * @throws IOException           if the selector fails again and again; the reactor is closed then, too
     */
    public void run() throws IOException {
        enter();
        running = true;
        try {
            while (!stopping) {
                turn(Long.MAX_VALUE);
            }
        } finally {
            running = false;
            release();
        }
    }

    /**
     * Makes the calling thread the loop's and runs one turn.
     *
     * @param maxWait how long to wait for something to do; zero does not wait
     * @return how many callbacks, timers and tasks were run
     * @throws IllegalStateException if the loop belongs to another thread, or has ended
     * @throws IOException           if the selector fails again and again
     */
    public int runOnce(Duration maxWait) throws IOException {
        enter();
        lastNs = nanoClock.getAsLong();
        turn(nanos(maxWait));
        return work;
    }

    /** Any thread. Ends {@link #run} after the present turn; tasks already handed in still run. */
    public void stop() {
        stopping = true;
        execute(() -> {});
    }

    /**
     * Stops; and, on the loop's own thread between turns, or where the loop never had one, also closes every registered
     * channel and the selector. Elsewhere the thread in {@link #run} does that.
     */
    @Override
    public void close() {
        stop();
        if (!running && !inTurn && isInLoop()) {
            release();
        }
    }

    /**
     * Any thread.
     *
     * @return whether the calling thread may use the loop: it is the loop's, or the loop has none yet
     */
    public boolean isInLoop() {
        Thread owner = thread;
        return owner == null || owner == Thread.currentThread();
    }

    /**
     * Any thread.
     *
     * @return the loop's counters, each of them exact at some moment during the call
     */
    public Stats stats() {
        return new Stats(
                counters.get(Count.SELECTS),
                counters.get(Count.FRUITLESS),
                wakeups,
                counters.get(Count.CALLBACKS),
                counters.get(Count.TIMERS),
                counters.get(Count.TASKS),
                counters.get(Count.FAILURES),
                counters.get(Count.BUSY_NS));
    }

    // ---- the turn ---------------------------------------------------------------------------------------------------

    private void turn(long maxWaitNs) throws IOException {
        work = 0;
        inTurn = true;
        select(maxWaitNs);
        for (int i = 0; i < ready.size(); i++) {
            dispatch(ready.get(i));
        }
        ready.clear();
        expireTimers();
        runTasks();
        flush();
        reap();
        inTurn = false;
        lastNs = nanoClock.getAsLong();
        counters.add(Count.BUSY_NS, lastNs - nowNs);
    }

    private void select(long maxWaitNs) throws IOException {
        long waitNs = hasWork() ? 0 : Math.min(maxWaitNs, untilFirstDeadline());
        long before = wakeups;
        try {
            if (waitNs > 0) {
                sleeping = true;
                if (!tasks.isEmpty()) {
                    waitNs = 0;
                }
            }
            if (waitNs <= 0) {
                selector.selectNow(collect);
            } else if (waitNs == Long.MAX_VALUE) {
                selector.select(collect);
            } else {
                selector.select(collect, roundedUpToMillis(waitNs));
            }
            failedSelects = 0;
        } catch (IOException | RuntimeException | Error e) {
            failed("select", e);
            if (++failedSelects == FAILED_SELECTS) {
                throw e;
            }
        } finally {
            sleeping = false;
        }
        nowNs = nanoClock.getAsLong();
        counters.increment(Count.SELECTS);
        if (!ready.isEmpty()) {
            spinGuard.progress();
            return;
        }
        Thread.interrupted(); // an interrupted thread's select returns at once, for ever
        boolean early = waitNs > 0 && nowNs - lastNs < waitNs;
        if (early && tasks.isEmpty() && wakeups == before) {
            counters.increment(Count.FRUITLESS);
            spinGuard.noProgress(selector);
        } else {
            spinGuard.progress();
        }
    }

    private boolean hasWork() {
        return stopping || !toFlush.isEmpty() || !toReap.isEmpty() || !tasks.isEmpty();
    }

    private long untilFirstDeadline() {
        Deadlines.Entry first = deadlines.first();
        return first == null ? Long.MAX_VALUE : first.deadlineNs() - lastNs;
    }

    /** Rounded down, the loop would spin through the last millisecond before each deadline. */
    private static long roundedUpToMillis(long ns) {
        return ns / 1_000_000 + (ns % 1_000_000 == 0 ? 0 : 1);
    }

    private void dispatch(SelectionKey key) {
        // a key that a callback of this batch has cancelled is still delivered
        if (!key.isValid()) {
            return;
        }
        Registration registration = (Registration) key.attachment();
        counters.increment(Count.CALLBACKS);
        work++;
        try {
            registration.callback.ready(registration, key.readyOps());
        } catch (Throwable t) {
            failed("the callback of a channel", t);
            closeQuietly(key);
        }
    }

    private void expireTimers() {
        for (Deadlines.Entry first; (first = deadlines.first()) != null && first.deadlineNs() - nowNs <= 0; ) {
            deadlines.remove(first);
            counters.increment(Count.TIMERS);
            work++;
            try {
                first.expired(nowNs);
            } catch (Throwable t) {
                failed("a timer", t);
            }
        }
    }

    private void runTasks() {
        TaskQueue.Task task;
        for (int i = 0; i < TASKS_A_TURN && (task = tasks.poll()) != null; i++) {
            counters.increment(Count.TASKS);
            work++;
            run(task);
        }
    }

    private void run(Runnable task) {
        try {
            task.run();
        } catch (Throwable t) {
            failed("a task", t);
        }
    }

    /** Those that ask again meanwhile wait for the next turn. */
    private void flush() {
        for (int i = toFlush.size(); i > 0; i--) {
            try {
                toFlush.poll().flush();
            } catch (Throwable t) {
                failed("a flush", t);
            }
        }
    }

    private void reap() {
        for (int i = toReap.size(); i > 0; i--) {
            try {
                toReap.poll().reap();
            } catch (Throwable t) {
                failed("a close", t);
            }
        }
    }

    private void failed(String what, Throwable cause) {
        counters.increment(Count.FAILURES);
        failures.warn(nowNs, what + " failed", cause);
    }

    // ---- for the connections of this package --------------------------------------------------------------------------

    /** The time of this turn; no clock is read. */
    long nowNs() {
        return nowNs;
    }

    /** Asks for {@link EndOfTurn#flush} at the end of this turn, or of the next if this one is flushing already. */
    void flushLater(EndOfTurn connection) {
        assert isInLoop();
        toFlush.add(connection);
    }

    /** Asks for {@link EndOfTurn#reap} at the end of this turn, or of the next if this one is reaping already. */
    void reapLater(EndOfTurn connection) {
        assert isInLoop();
        toReap.add(connection);
    }

    /** Sets a deadline, in a later turn than this: a timer that sets itself again at once must not keep the turn. */
    void setDeadline(Deadlines.Entry entry, long atNs) {
        assert isInLoop();
        deadlines.set(entry, Math.max(atNs - nowNs, 1) + nowNs);
    }

    void removeDeadline(Deadlines.Entry entry) {
        assert isInLoop();
        deadlines.remove(entry);
    }

    /** Channels that closed keep their descriptor until the next select: lets go of them now. Not within callbacks. */
    void releaseClosedChannels() throws IOException {
        assert isInLoop();
        selector.selectNow(key -> {}); // what is ready will be reported again
    }

    /** Shows every registration's callback; the set of keys is the registry of connections. */
    void forEachCallback(Consumer<Callback> action) {
        assert isInLoop();
        for (SelectionKey key : new ArrayList<>(selector.keys())) {
            action.accept(((Registration) key.attachment()).callback);
        }
    }

    void checkInLoop() {
        if (!isInLoop()) {
            throw new IllegalStateException("belongs to the loop's thread (" + thread.getName() + "), called on "
                    + Thread.currentThread().getName() + "; use execute");
        }
    }

    // ---- begin and end ------------------------------------------------------------------------------------------------

    private void enter() {
        synchronized (this) {
            if (thread == null) {
                thread = Thread.currentThread();
            }
        }
        checkInLoop();
        if (closed) {
            throw new IllegalStateException("the reactor has ended");
        }
    }

    /** Runs what was handed in, then closes every channel, then the selector, which by itself would leave them open. */
    private void release() {
        if (closed) {
            return;
        }
        closed = true;
        tasks.close();
        for (TaskQueue.Task task; (task = tasks.poll()) != null; ) {
            run(task);
        }
        forEachCallback(callback -> {
            if (callback instanceof Tenant tenant) {
                tenant.loopEnds();
            }
        });
        while (!toReap.isEmpty()) {
            reap();
        }
        try {
            for (SelectionKey key : new ArrayList<>(selector.keys())) {
                closeQuietly(key);
            }
            releaseClosedChannels();
            selector.close();
        } catch (IOException e) {
            failed("closing the selector", e);
        }
    }

    private void closeQuietly(SelectionKey key) {
        try {
            key.channel().close();
        } catch (IOException e) {
            LOG.debug("closing a channel failed", e);
        }
    }

    private static long nanos(Duration duration) {
        try {
            return Math.max(0, Math.min(duration.toNanos(), LONGEST_NS));
        } catch (ArithmeticException e) {
            return duration.isNegative() ? 0 : LONGEST_NS;
        }
    }
}
