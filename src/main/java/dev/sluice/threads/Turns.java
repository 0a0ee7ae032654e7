package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.Handler;
import dev.sluice.Timer;
import dev.sluice.internal.Count;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.TaskQueue;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The callbacks and tasks of one connection, one at a time: whoever calls one holds the turn meanwhile, be it the connection's
 * own thread, or a helper while that one is in a read or a write.
 */
final class Turns {

    private final ThreadConnection connection;
    private final ReentrantLock turn = new ReentrantLock();
    private final TaskQueue tasks = new TaskQueue();
    private final Errand runner;

    /** Timers of this connection that wait. Made when there is one. */
    private Set<Waiting> timers;

    /** Also asked by other threads, how it reads. */
    private volatile Handler handler;

    /** Whether the handler has been told: one whose factory has ended its connection hears of the end alone. With the turn. */
    private boolean opened;

    Turns(ThreadConnection connection) {
        this.connection = connection;
        this.runner = new Errand(
                connection.group.crew,
                this::runSteps,
                cause -> connection.life.end(CloseReason.Kind.HANDLER_FAILURE, cause));
    }

    /** Waits for the turn. */
    void enter() {
        turn.lock();
    }

    /** Does not wait; true if it has the turn now. */
    boolean tryEnter() {
        return turn.tryLock();
    }

    void leave() {
        turn.unlock();
    }

    /** Whether some thread is in a callback or task. */
    boolean isTaken() {
        return turn.isLocked();
    }

    /** Whether the calling thread has the turn, and so is in a callback or about to call one. */
    boolean isMine() {
        return turn.isHeldByCurrentThread();
    }

    void checkMine() {
        if (!isMine()) {
            throw new IllegalStateException("belongs to the connection's callbacks and tasks: use execute");
        }
    }

    // ---- callbacks, with the turn ---------------------------------------------------------------------------------------

    private interface Call {
        void make() throws Exception;
    }

    /** The only way to the handler. */
    private void call(String callback, Call call) {
        assert isMine() && turn.getHoldCount() == 1 : "callbacks nest";
        try {
            call.make();
        } catch (ProtocolException e) {
            connection.life.end(CloseReason.Kind.PROTOCOL, e);
        } catch (Throwable t) {
            connection.life.end(CloseReason.Kind.HANDLER_FAILURE, t);
            connection.group.handlerFailed(callback, connection, t);
        }
    }

    void open(Handler.Factory factory) {
        create(factory);
        if (handler != null && connection.life.takesInput()) {
            opened = true;
            call("OPEN", () -> handler.onOpen(connection));
        }
    }

    /** Also for a connection that could not be made, and is told so by its last callback. */
    void create(Handler.Factory factory) {
        call("CREATE", () -> handler = Objects.requireNonNull(factory.create(connection), "the factory's handler"));
    }

    /** Any thread. */
    boolean readsWhileOutputWaits() {
        Handler asked = handler;
        return asked != null && asked.readsWhileOutputWaits();
    }

    void read(ByteBuffer in) {
        call("READ", () -> handler.onRead(connection, in));
    }

    void eof() {
        call("EOF", () -> handler.onEof(connection));
    }

    /** The end: tasks and timers that wait are dropped. */
    void close(CloseReason reason) {
        tasks.close();
        for (Step step; (step = (Step) tasks.poll()) != null; ) {
            connection.group.counters.add(Count.DROPPED_TASKS, step.isTask ? 1 : 0);
        }
        if (timers != null) {
            Set.copyOf(timers).forEach(Waiting::cancel);
        }
        if (handler != null) { // it had its turn at all, and its factory did not throw
            call("CLOSE", () -> handler.onClose(connection, reason));
        }
    }

    // ---- steps: what a helper does while the own thread is in a read or a write -----------------------------------------

    /** Something to do with the turn. */
    private static final class Step extends TaskQueue.Task {
        private final Runnable work;
        private final boolean isTask;

        Step(Runnable work, boolean isTask) {
            this.work = work;
            this.isTask = isTask;
        }

        @Override
        public void run() {
            work.run();
        }
    }

    /** Any thread. As {@link dev.sluice.Connection#execute}. */
    boolean execute(Runnable task) {
        return post(new Step(() -> call("TASK", task::run), true));
    }

    /** Any thread. Has something of ours done with the turn. */
    void post(Runnable work) {
        post(new Step(work, false));
    }

    private boolean post(Step step) {
        if (connection.life.isClosed() || !tasks.add(step)) {
            return false;
        }
        runner.wake();
        return true;
    }

    /**
     * Whoever sends, without the turn: the handler may write again. A callback that takes its time, this one or another, must not keep
     * the writer from what else is to be sent.
     */
    void writable() {
        if (!connection.ownThread.isCurrent() || !tryEnter()) {
            post(this::callWritable);
            return;
        }
        try {
            callWritable();
        } finally {
            leave();
        }
    }

    private void callWritable() {
        if (opened && connection.isOpen()) { // a stream has no handler
            call("WRITABLE", () -> handler.onWritable(connection));
        }
    }

    private void runSteps() {
        for (boolean more = true; more; ) {
            enter();
            try {
                TaskQueue.Task step = connection.life.isClosed() ? null : tasks.poll(); // after the end, they are dropped
                more = step != null;
                if (more) {
                    step.run();
                }
            } finally {
                leave();
            }
            connection.output.wakeIfNeeded(); // this thread must not be kept by a slow peer
        }
    }

    // ---- timers -----------------------------------------------------------------------------------------------------------

    Timer schedule(Duration delay, Runnable task) {
        checkMine();
        if (connection.life.isClosed()) {
            return () -> false;
        }
        Waiting timer = new Waiting(System.nanoTime() + Deadlines.nanos(delay), task);
        if (timers == null) {
            timers = new HashSet<>();
        }
        timers.add(timer);
        connection.group.reactor.execute(timer::begin);
        return timer;
    }

    /** Waits on the server's loop, and belongs to the turn otherwise. */
    private final class Waiting implements Timer {
        private final long atNs;
        private final Runnable task;

        /** On the loop. */
        private Timer timer;

        Waiting(long atNs, Runnable task) {
            this.atNs = atNs;
            this.task = task;
        }

        private void begin() {
            timer = connection.group.reactor.schedule(
                    Duration.ofNanos(atNs - System.nanoTime()), () -> post(this::run));
        }

        private void run() {
            if (timers.remove(this)) {
                call("TASK", task::run);
            }
        }

        @Override
        public boolean cancel() {
            checkMine();
            boolean waited = timers.remove(this);
            if (waited) {
                connection.group.reactor.execute(() -> timer.cancel());
            }
            return waited;
        }
    }
}
