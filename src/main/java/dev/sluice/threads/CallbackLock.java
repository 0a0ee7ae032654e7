package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.Handler;
import dev.sluice.ServerStats.Counter;
import dev.sluice.Timer;
import dev.sluice.internal.PendingWork;
import dev.sluice.internal.TaskQueue;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The turn: the lock that a thread holds for the length of one callback or task of a connection, so that they come one at a time. The
 * connection's own thread has it after a read; a helper has it to run tasks, timers and renewed offers meanwhile.
 */
final class CallbackLock {

    private final ThreadConnection connection;
    private final ReentrantLock lock;
    private final TaskQueue steps = new TaskQueue();
    private final HelperTask helper;

    /** Set once, with the turn; read by any thread. Null for a stream, and until the factory has returned. */
    private volatile Handler handler;

    /** The handler's answer, which is always the same. */
    private volatile boolean readsWhileOutputWaits;

    /** With the turn. Whether the factory was called. */
    private boolean created;

    /** With the turn. Whether onOpen was called: a handler whose factory has ended its connection hears of the end alone. */
    private boolean opened;

    /** With the turn. Whether onClose was called. */
    private boolean closed;

    CallbackLock(ThreadConnection connection) {
        this.connection = connection;
        this.lock = connection.context.seams.locks().get();
        this.helper = new HelperTask(connection.context.threads, this::runSteps, connection::fail);
    }

    void enter() {
        lock.lock();
    }

    /** Does not wait; true if the calling thread has the turn now. */
    boolean tryEnter() {
        return lock.tryLock();
    }

    void leave() {
        lock.unlock();
    }

    /** Whether the calling thread has the turn, and so is in a callback or about to call one. */
    boolean isMine() {
        return lock.isHeldByCurrentThread();
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
        assert isMine() && lock.getHoldCount() == 1 : "callbacks nest";
        try {
            call.make();
        } catch (ProtocolException e) {
            connection.end(CloseReason.Kind.PROTOCOL, e);
        } catch (Throwable t) {
            connection.end(CloseReason.Kind.HANDLER_FAILURE, t);
            connection.context.handlerFailed(callback, connection, t);
        }
    }

    void open(Handler.Factory factory) {
        if (!connection.isClosed()) { // or there is nothing to tell a handler of
            create(factory);
        }
        if (handler != null && !connection.isLeaving()) {
            call("OPEN", () -> {
                opened = true;
                handler.onOpen(connection);
            });
        }
    }

    /** Makes the handler, once, also of a connection that could not be made, and is told so by its last callback. */
    void create(Handler.Factory factory) {
        if (created) {
            return;
        }
        call("CREATE", () -> {
            created = true;
            Handler made = Objects.requireNonNull(factory.create(connection), "the factory's handler");
            readsWhileOutputWaits = made.readsWhileOutputWaits();
            handler = made;
        });
    }

    /** Any thread. */
    boolean readsWhileOutputWaits() {
        return readsWhileOutputWaits;
    }

    /** Any thread. Whether some thread is in a callback or task, or about to be. */
    boolean isTaken() {
        return lock.isLocked();
    }

    void read(ByteBuffer in) {
        call("READ", () -> handler.onRead(connection, in));
    }

    void eof() {
        call("EOF", () -> handler.onEof(connection));
    }

    /** The last callback, once: tasks that wait are dropped. */
    void close(CloseReason reason) {
        steps.close();
        for (TaskQueue.Task step; (step = steps.poll()) != null; ) {
            connection.context.counters.add(Counter.DROPPED_TASKS, step instanceof UserTask ? 1 : 0);
        }
        if (handler != null && !closed) { // it had its turn at all, and its factory did not throw
            call("CLOSE", () -> {
                closed = true;
                handler.onClose(connection, reason);
            });
        }
    }

    /**
     * A thread that sends, without the turn: tasks are due whose bytes have left, or the handler may write again. A callback that takes
     * its time, this one or another, must not keep the thread from what else is to be sent.
     *
     * @param isLow whether {@link Handler#onWritable} is due
     */
    void writable(boolean isLow) {
        boolean entered = connection.isOwnThread() && tryEnter();
        try {
            post(() -> {
                connection.runWritten();
                if (isLow && opened && connection.isOpen()) {
                    call("WRITABLE", () -> handler.onWritable(connection));
                }
            });
            if (entered) {
                runPosted();
            }
        } catch (Throwable t) { // before another has the turn: the step was left half way, or is missing
            connection.fail(t);
        } finally {
            if (entered) {
                leave();
            }
        }
    }

    // ---- steps: what is done with the turn besides ----------------------------------------------------------------------

    private final class UserTask extends TaskQueue.Task implements Call {
        private final Runnable task;

        UserTask(Runnable task) {
            this.task = task;
        }

        @Override
        public void run() {
            call("TASK", this);
        }

        @Override
        public void make() {
            task.run();
        }
    }

    /** With the turn. Runs a task; throws if there is no memory to do so. */
    void run(Runnable task) {
        call("TASK", task::run);
    }

    /** Any thread. As {@link dev.sluice.Connection#execute}. */
    boolean execute(Runnable task) {
        return add(new UserTask(task));
    }

    /** Any thread. Has something of ours done with the turn, unless the connection has closed. */
    void post(Runnable work) {
        add(TaskQueue.task(work));
    }

    private boolean add(TaskQueue.Task step) {
        if (connection.isClosed() || !steps.add(step)) {
            return false;
        }
        if (!isMine() || !connection.isOwnThread()) { // else it looks for steps before it leaves the turn
            helper.wake();
        }
        return true;
    }

    /** The own thread, with the turn. Runs what its callback has posted; what that posts in turn is a helper's. */
    void runPosted() {
        if (runStep() && !steps.isEmpty()) {
            helper.wake();
        }
    }

    /** With the turn. Runs one step, unless there is none; after the end, they are dropped. */
    private boolean runStep() {
        TaskQueue.Task step = connection.isClosed() ? null : steps.poll();
        if (step != null) {
            step.run();
        }
        return step != null;
    }

    /** A helper. A step for each turn, so that the own thread has its turn between two of them. */
    private void runSteps() {
        for (boolean more = true; more; ) {
            enter();
            try {
                more = runStep();
            } catch (Throwable t) { // before another has the turn: the step was left half way
                connection.fail(t);
            } finally {
                leave();
            }
            connection.send(0); // this thread must not be kept by a slow peer
        }
    }

    // ---- timers -----------------------------------------------------------------------------------------------------------

    /** With the turn. As {@link dev.sluice.Connection#schedule}, for a connection that has not closed. */
    Timer schedule(PendingWork work, Duration delay, Runnable task) {
        ConnectionTimer timer = new ConnectionTimer(work, task);
        work.began(timer);
        try {
            connection.context.reactor.execute(() -> timer.begin(delay));
        } catch (Throwable t) {
            work.ended(timer);
            throw t;
        }
        return timer;
    }

    /** A timer that waits on the server's loop, and belongs to the turn otherwise. */
    private final class ConnectionTimer implements Timer {
        private final PendingWork work;
        private final Runnable task;

        /** On the loop. */
        private Timer timer;

        ConnectionTimer(PendingWork work, Runnable task) {
            this.work = work;
            this.task = task;
        }

        /** On the loop. A connection ends that has no memory for its timer: its handler would wait for it in vain. */
        private void begin(Duration delay) {
            try {
                timer = connection.context.reactor.schedule(delay, this::due);
            } catch (Throwable t) {
                connection.fail(t);
            }
        }

        /** On the loop. */
        private void due() {
            try {
                post(this::run);
            } catch (Throwable t) {
                connection.fail(t);
            }
        }

        private void run() {
            if (work.ended(this)) {
                CallbackLock.this.run(task);
            }
        }

        @Override
        public boolean cancel() {
            checkMine();
            boolean waited = work.ended(this);
            if (waited) {
                connection.context.reactor.execute(this::forget);
            }
            return waited;
        }

        /** On the loop. */
        private void forget() {
            if (timer != null) { // else its connection has ended
                timer.cancel();
            }
        }
    }
}
