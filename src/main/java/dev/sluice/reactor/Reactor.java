package dev.sluice.reactor;

import dev.sluice.Timer;
import dev.sluice.internal.Counters;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.Loop;
import dev.sluice.internal.Patience;
import dev.sluice.internal.RateLimitedLog;
import dev.sluice.internal.TaskQueue;
import dev.sluice.reactor.ReactorStats.Count;
import java.io.IOException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
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
 *   4 timers    those due at now; I/O went first: after a pause of the machine, no connection expires whose bytes are there
 *   5 tasks     those that other threads handed in, at most 1024
 *   6 flush     connections that were written to from elsewhere
 *   7 reap      connections that closed in this turn
 *   8 account   the clock is read again; the time between is the turn's length
 * </pre>
 *
 * <p>A callback or task that throws, an {@link Error} included, harms neither the rest of the turn nor the loop: it is
 * counted and logged, and a channel whose callback threw is closed. Interrupting the thread does not stop it.
 *
 * <p>The loop belongs to the thread that first calls {@link #run} or {@link #runOnce}; until then, any one thread may use it. Each
 * method says which threads may call it.
 */
public final class Reactor implements AutoCloseable {

    /** Called when a channel is ready. */
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

    /** Enough to empty a burst, few enough that channels are looked at every millisecond or so. */
    private static final int TASKS_A_TURN = 1024;

    /** Selects that may fail in a row before the loop is given up. */
    private static final int FAILED_SELECTS = 16;

    /** The same for want of memory, with a pause after each: 1.5 seconds. The end of the loop waits for memory as long. */
    private static final int STARVED_TRIES = 150;

    /** What the loop was doing when something was thrown. The names are made beforehand: then, there may be no memory for one. */
    private enum Step {
        SELECT("select"),
        CLOCK("the clock"),
        CALLBACK("the callback of a channel"),
        TIMER("a timer"),
        TASK("a task"),
        FLUSH("a flush"),
        REAP("the end of a connection"),
        AT_END("a task at the end"),
        TURN("a turn"),
        CLOSE("closing the selector");

        private final String text;

        Step(String text) {
            this.text = text;
        }
    }

    private static final Logger LOG = LoggerFactory.getLogger(Reactor.class);

    private final LongSupplier nanoClock;
    final Selector selector;
    private final ArrayDeque<SelectionKey> ready = new ArrayDeque<>();
    private final Consumer<SelectionKey> collect = ready::add;
    final Deadlines deadlines = new Deadlines();
    private final TaskQueue tasks = new TaskQueue();
    private final ArrayDeque<ReadyHandler.AtEndOfTurn> toFlush = new ArrayDeque<>();
    private final ArrayDeque<ReadyHandler.AtEndOfTurn> toReap = new ArrayDeque<>();
    private final ArrayDeque<Runnable> atEnd = new ArrayDeque<>();
    final Counters counters = new Counters(Count.class);
    private final SpinGuard spinGuard = new SpinGuard(LOG, counters);
    private final RateLimitedLog failures = new RateLimitedLog(LOG);
    private final Scarcity scarcity = new Scarcity();

    /** What is ready will be reported again. */
    private final Consumer<SelectionKey> ignore = key -> {};

    /** Whether a connection may have closed that is not in {@link #toReap}, or a key may be there without its attachment: no memory. */
    boolean unlisted;

    /** True while the loop may block in select: the thread that sets it to false wakes the loop. Any thread. */
    final AtomicBoolean sleeping = new AtomicBoolean();

    private final AtomicLong wakeups = new AtomicLong();

    /** Run whenever a select has returned. Set before the loop runs. */
    Runnable whenAwake = () -> {};

    /** Told how long before the loop runs; until then the loop blocks at once. */
    final BusyPoll busyPoll = new BusyPoll(this::poll);

    /** The loop's, or null while it has none. Any thread. */
    volatile Thread thread;

    private volatile boolean stopping;
    private boolean running;
    private boolean inTurn;
    private boolean closed;
    private int failedSelects;
    private int work;
    private long nowNs;
    private long lastNs;

    private Reactor(LongSupplier nanoClock, SelectorProvider provider) throws IOException {
        this.nanoClock = nanoClock;
        this.lastNs = this.nowNs = nanoClock.getAsLong();
        this.selector = provider.openSelector(); // last: after a failure it would stay open
    }

    /**
     * Opens a reactor on the system's clock and sockets.
     *
     * @return a reactor that belongs to no thread yet
     * @throws IOException if no selector can be opened, for want of descriptors
     */
    public static Reactor open() throws IOException {
        Reactor reactor = open(System::nanoTime, SelectorProvider.provider());
        reactor.selector.wakeup(); // the first call of a native method needs memory, and stop must need none
        reactor.selector.selectNow(reactor.ignore);
        return reactor;
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
        Registration registration = new Registration(this);
        registration.bind(register(channel, ops, readyOps -> callback.ready(registration, readyOps)));
        return registration;
    }

    SelectionKey register(SelectableChannel channel, int ops, ReadyHandler tenant) throws IOException {
        channel.configureBlocking(false);
        try {
            SelectionKey key = channel.register(selector, ops);
            key.attach(tenant);
            return key;
        } catch (Error e) {
            unlisted = true; // without memory, the selector may keep a key that the channel does not know
            throw e;
        }
    }

    /**
     * Any thread. Has a task run on the loop, after those that this thread handed in before and never inside this call.
     *
     * @param task what to run; what it throws is counted and logged
     * @return false if the reactor has stopped; a task that was taken will run
     */
    public boolean execute(Runnable task) {
        return execute(TaskQueue.task(task));
    }

    boolean execute(TaskQueue.Task task) {
        if (!tasks.add(task)) {
            return false;
        }
        // the loop sets the flag, then looks at the queue: the second of the two sees the first. One wake-up for a burst.
        if (sleeping.get() && thread != Thread.currentThread() && sleeping.getAndSet(false)) {
            wakeups.incrementAndGet();
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
        return schedule(task, Deadlines.nanos(delay), 0);
    }

    /**
     * The loop's thread. Has a task run again and again, for the first time after one period. The next time is set before the task
     * runs, and needs no memory: what the task could not do, for want of memory, it can do the next time.
     *
     * @param period from one run to the next, at most 146 years; zero or less means once in each turn
     * @param task   what to run; what it throws is counted and logged
     * @return to cancel it
     * @throws IllegalStateException on another thread
     */
    public Timer scheduleEvery(Duration period, Runnable task) {
        return schedule(task, Deadlines.nanos(period), Math.max(1, Deadlines.nanos(period)));
    }

    private Timer schedule(Runnable task, long delayNs, long periodNs) {
        checkInLoop();
        try {
            TimedTask timer = new TimedTask(task, periodNs);
            setDeadline(timer, clock() + delayNs);
            return timer;
        } catch (Throwable t) {
            scarcity.look(t); // its caller may have wanted to wait a while, and comes again at once
            throw t;
        }
    }

    private final class TimedTask extends Deadlines.Entry implements Timer {
        private final Runnable task;

        /** Or 0: once. */
        private final long periodNs;

        TimedTask(Runnable task, long periodNs) {
            this.task = task;
            this.periodNs = periodNs;
        }

        @Override
        public void expired(long nowNs) {
            if (periodNs > 0) {
                setDeadline(this, nowNs + periodNs); // into the place that has just become free
            }
            task.run();
        }

        @Override
        public boolean cancel() {
            checkInLoop();
            boolean waited = isSet();
            deadlines.remove(this);
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
                turnUnlessStarved();
            }
        } finally {
            running = false;
            release();
        }
    }

    /** Each step sees to its failures. Between two steps, memory may fail that the JDK itself needs: then there is another turn. */
    private void turnUnlessStarved() throws IOException {
        try {
            turn(Long.MAX_VALUE);
        } catch (VirtualMachineError e) {
            if (failedSelects >= STARVED_TRIES) {
                throw e;
            }
            failed(Step.TURN, e);
        }
    }

    /**
     * Makes the calling thread the loop's and runs one turn.
     *
     * @param maxWait how long to wait for something to do; zero does not wait
     * @return how much was done: callbacks, timers, tasks, and steps of connections; zero means that all is quiet
     * @throws IllegalStateException if the loop belongs to another thread, or has ended
     * @throws IOException           if the selector fails again and again
     */
    public int runOnce(Duration maxWait) throws IOException {
        enter();
        lastNs = clock();
        turn(Deadlines.nanos(maxWait));
        return work;
    }

    /**
     * The loop's thread. Has a task run when the reactor ends, after all that was handed in and while its channels are still open:
     * components can complete their pending futures. Tasks run in the order in which they were given; connections that
     * one of them ends have their last callbacks before the next.
     *
     * @param task what to run; what it throws is counted and logged. One that finds no memory is run again, for 1.5 seconds
     * @return takes the task back when run, on the loop's thread, for one whose life ends before the reactor's
     * @throws IllegalStateException on another thread
     */
    public Runnable atEnd(Runnable task) {
        checkInLoop();
        atEnd.add(task);
        return () -> atEnd.remove(task);
    }

    /** Any thread. Ends {@link #run} after the present turn; tasks already handed in still run. */
    public void stop() {
        stopping = true;
        selector.wakeup(); // and no task: there may be no memory for one
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
    public ReactorStats stats() {
        return ReactorStats.of(counters, wakeups.get());
    }

    // ---- the turn -----------------------------------------------------------------------------------------------------

    private void turn(long maxWaitNs) throws IOException {
        work = 0;
        inTurn = true;
        try {
            scarcity.pause(maxWaitNs);
            boolean hasWork = stopping || unlisted || !toFlush.isEmpty() || !toReap.isEmpty() || !tasks.isEmpty();
            select(hasWork ? 0 : Math.min(maxWaitNs, untilFirstDeadline(lastNs)));
            dispatch();
            expireTimers();
            runTasks();
            flush();
            reap();
        } finally {
            inTurn = false;
        }
        lastNs = clock();
        counters.add(Count.BUSY_NS, lastNs - nowNs);
    }

    /** The time, or that of this turn if the clock finds no memory. */
    private long clock() {
        try {
            return nanoClock.getAsLong();
        } catch (VirtualMachineError e) {
            failed(Step.CLOCK, e);
            return nowNs;
        }
    }

    private long untilFirstDeadline(long fromNs) {
        Deadlines.Entry first = deadlines.first();
        return first == null ? Long.MAX_VALUE : first.deadlineNs() - fromNs;
    }

    private void select(long maxWaitNs) throws IOException {
        long wakeupsBefore = wakeups.get();
        try {
            long waitNs = busyPoll.before(maxWaitNs, nanoClock);
            sleeping.set(waitNs > 0);
            if (waitNs <= 0 || !tasks.isEmpty() || stopping) {
                poll();
            } else if (waitNs == Long.MAX_VALUE) {
                selector.select(collect);
            } else {
                // rounded down, the loop would spin through the last millisecond before each deadline
                selector.select(collect, waitNs / 1_000_000 + (waitNs % 1_000_000 == 0 ? 0 : 1));
            }
            failedSelects = 0;
        } catch (IOException | RuntimeException | Error e) {
            failed(Step.SELECT, e);
            if (++failedSelects >= (scarcity.isFound() ? STARVED_TRIES : FAILED_SELECTS)) {
                throw e;
            }
        } finally {
            sleeping.set(false);
            nowNs = clock();
        }
        whenAwake.run();
        counters.increment(Count.SELECTS);
        boolean noneReady = ready.isEmpty();
        if (noneReady) {
            Thread.interrupted(); // an interrupted thread's select returns at once, for ever
        }
        boolean early = noneReady && nowNs - lastNs < maxWaitNs && tasks.isEmpty() && wakeups.get() == wakeupsBefore;
        spinGuard.selected(early, selector);
    }

    /** Selects without waiting, unless something is ready already; false if there is nothing to do. */
    private boolean poll() throws IOException {
        return !ready.isEmpty() || selector.selectNow(collect) > 0 || !tasks.isEmpty() || stopping;
    }

    private void dispatch() {
        for (SelectionKey key; (key = ready.poll()) != null; ) {
            try {
                // a callback of this turn may have cancelled it; it has no attachment if its registration failed
                if (key.isValid() && key.attachment() instanceof ReadyHandler handler) {
                    counters.increment(Count.CALLBACKS);
                    work++;
                    handler.ready(key.readyOps() & key.interestOps());
                }
            } catch (Throwable t) {
                failed(Step.CALLBACK, t);
                closeQuietly(key);
            }
        }
    }

    private void expireTimers() {
        if (untilFirstDeadline(nowNs) > 0) {
            return;
        }
        lookAgain();
        for (Deadlines.Entry first; (first = deadlines.first()) != null && first.deadlineNs() - nowNs <= 0; ) {
            deadlines.remove(first);
            counters.increment(Count.TIMERS);
            work++;
            try {
                first.expired(nowNs);
            } catch (Throwable t) {
                failed(Step.TIMER, t);
            }
        }
    }

    /**
     * Before anything expires: the result of the select may be older than now. A process that was stopped comes back from it with an old
     * result, or with none, and the bytes that came meanwhile must save their connections.
     */
    private void lookAgain() {
        try {
            poll();
        } catch (Throwable t) {
            failed(Step.SELECT, t);
        }
        dispatch();
    }

    private void runTasks() {
        tasks.retry();
        int left = TASKS_A_TURN;
        for (TaskQueue.Task task; left-- > 0 && (task = tasks.poll()) != null; ) {
            counters.increment(Count.TASKS);
            work++;
            try {
                task.run();
            } catch (Throwable t) {
                failed(Step.TASK, t);
            }
        }
    }

    /** Connections that ask again meanwhile wait for the next turn. */
    private void flush() {
        for (int left = toFlush.size(); left > 0; left--) {
            work++;
            try {
                toFlush.poll().flush();
            } catch (Throwable t) {
                failed(Step.FLUSH, t);
            }
        }
    }

    /** A connection that finds no memory for its end keeps its place until it does. */
    private void reap() {
        if (unlisted) {
            reapUnlisted();
        }
        for (int left = toReap.size(); left > 0; left--) {
            work++;
            boolean done = reap(toReap.peek());
            ReadyHandler.AtEndOfTurn connection = toReap.poll();
            if (!done) {
                toReap.add(connection); // into the place that has just become free
            }
        }
    }

    private boolean reap(ReadyHandler.AtEndOfTurn connection) {
        try {
            connection.reap();
            return true;
        } catch (Throwable t) {
            failed(Step.REAP, t);
            scarcity.found(); // whatever it is: the next turn waits a moment
            return false;
        }
    }

    /** Looks among all keys for what could not be noted, for want of memory. */
    private void reapUnlisted() {
        unlisted = false;
        try {
            for (SelectionKey key : selector.keys()) {
                if (key.attachment() == null) {
                    key.cancel();
                } else if (key.attachment() instanceof ReadyHandler.AtEndOfTurn connection && connection.isToReap()) {
                    work++;
                    unlisted |= !reap(connection);
                }
            }
        } catch (Throwable t) {
            failed(Step.REAP, t);
            scarcity.found();
            unlisted = true;
        }
    }

    /** Needs no memory, but for the log line, without which it does. */
    private void failed(Step step, Throwable cause) {
        counters.increment(Count.FAILURES);
        scarcity.look(cause);
        failures.warn(nowNs, step.text, cause);
    }

    // ---- for this package ---------------------------------------------------------------------------------------------

    /** The time of this turn; no clock is read. */
    long nowNs() {
        return nowNs;
    }

    /** This loop, as far as what engines share needs to know it. */
    Loop loop() {
        return new Loop(this::schedule, this::scheduleEvery, this::execute, this::nowNs);
    }

    /** Asks for {@link ReadyHandler.AtEndOfTurn#flush} at the end of this turn, or of the next if this one is flushing already. */
    void flushLater(ReadyHandler.AtEndOfTurn connection) {
        assert isInLoop();
        toFlush.add(connection);
    }

    /** Asks for {@link ReadyHandler.AtEndOfTurn#reap} at the end of this turn, or of the next if this one is reaping already. */
    void reapLater(ReadyHandler.AtEndOfTurn connection) {
        assert isInLoop();
        toReap.add(connection);
    }

    /** Has a task run on the loop, and run again in later turns for as long as it finds no memory. Any thread. */
    boolean insist(Runnable idempotent) {
        return execute(new TaskQueue.Task() {
            @Override
            public void run() {
                try {
                    idempotent.run();
                } catch (Throwable t) {
                    if (Patience.helps(t)) {
                        again(this);
                    }
                    throw t;
                }
            }
        });
    }

    /** Has a task that was just run, and found no memory, run again in the next turn, after a pause. Needs no memory. */
    void again(TaskQueue.Task task) {
        assert isInLoop();
        scarcity.found();
        tasks.putBack(task);
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

    /** Shows what every key carries: the set of keys is the registry of connections. */
    void forEachHandler(Consumer<ReadyHandler> action) {
        assert isInLoop();
        for (SelectionKey key : List.copyOf(selector.keys())) {
            if (key.attachment() instanceof ReadyHandler handler) { // else its connection is gone, or was never registered
                action.accept(handler);
            }
        }
    }

    /** Channels that closed keep their descriptor until the next select: lets go of them now. */
    void releaseClosedChannels() throws IOException {
        assert isInLoop();
        selector.selectNow(ignore);
    }

    void checkInLoop() {
        if (!isInLoop()) {
            throw new IllegalStateException("belongs to the loop's thread, " + thread.getName() + ": use execute");
        }
    }

    // ---- begin and end ------------------------------------------------------------------------------------------------

    private synchronized void enter() {
        if (thread == null) {
            thread = Thread.currentThread();
        }
        checkInLoop();
        if (closed || inTurn) {
            throw new IllegalStateException(closed ? "the reactor has ended" : "turns do not nest");
        }
    }

    /**
     * Runs what was handed in, closes every channel, then the selector: by itself it would leave them open. What finds no memory is
     * tried again for a while.
     */
    private void release() {
        if (closed) {
            return;
        }
        closed = true;
        tasks.close();
        int patience = STARVED_TRIES;
        while (!(tasks.isEmpty() && toReap.isEmpty() && !unlisted && atEnd.isEmpty()) && patience > 0) {
            patience -= scarcity.isFound() ? 1 : 0;
            scarcity.pause(Long.MAX_VALUE);
            runTasks();
            reap();
            if (tasks.isEmpty() && toReap.isEmpty() && !unlisted && !atEnd.isEmpty()) {
                runAtEnd(atEnd.peek(), true); // a server's comes behind that of its connections, whose last callbacks come before it
            }
        }
        while (!atEnd.isEmpty()) {
            runAtEnd(atEnd.peek(), false);
            reap();
        }
        do {
            scarcity.pause(Long.MAX_VALUE);
            closeSelector();
        } while (scarcity.isFound() && patience-- > 0);
    }

    private void runAtEnd(Runnable task, boolean mayComeAgain) {
        try {
            task.run();
            atEnd.remove(task);
        } catch (Throwable t) {
            failed(Step.AT_END, t);
            if (!(mayComeAgain && scarcity.isFound())) {
                atEnd.remove(task);
            }
        }
    }

    private void closeSelector() {
        try {
            for (SelectionKey key : selector.keys()) {
                closeQuietly(key);
            }
            selector.close();
        } catch (Throwable t) {
            failed(Step.CLOSE, t);
        }
    }

    private static void closeQuietly(SelectionKey key) {
        try {
            key.channel().close();
        } catch (Throwable t) {
            // its descriptor is free all the same
        }
    }
}
