package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Timer;
import dev.sluice.internal.Flight;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * One connection on a thread of its own.
 *
 * <pre>
 *      own thread   waits in read, calls the handler, sends what it wrote; the last callback    {@link OwnThread}
 *      writer       a helper that sends what came from elsewhere                                {@link Output}
 *      runner       a helper that runs tasks while the own thread waits                         {@link Turns}
 *      loop         the server's: deadlines                                                     {@link Watch}
 * </pre>
 *
 * <p>Two locks order them. The <em>turn</em> is held for the length of a callback or task. The <em>lock</em> guards state and
 * queue, for a few instructions at a time, never through a blocking call or a callback; whoever has the turn may take it, and
 * nobody who has it waits for the turn. Closing the channel is what brings a thread back from a read or a write.
 */
final class ThreadConnection implements Connection {

    final ConnectionGroup group;
    final SocketChannel channel;
    final ReentrantLock lock = new ReentrantLock();

    /** The state is another, or the queue is at the low mark. */
    final Condition changed = lock.newCondition();

    final Output output;
    final Turns turns;
    final OwnThread ownThread;
    final Style style;
    final Watch watch;
    final Obligations obligations;
    final Lifecycle life;
    private final SocketAddress remote;

    /** How to connect, or null: it was accepted. */
    private final Dial dial;

    /** Whether {@link #isReading} has said no for want of room: the handler may have left whole messages. With the turn. */
    boolean toldToStop;

    private volatile boolean paused;

    /** When a byte was last read, or taken by the kernel, or when something was last owed or done for the peer. Under the lock. */
    long activeNs = System.nanoTime();

    ThreadConnection(
            ConnectionGroup group, SocketChannel channel, SocketAddress remote, Dial dial, Function<ThreadConnection, Style> styles) {
        this.group = group;
        this.channel = channel;
        this.dial = dial;
        this.remote = remote;
        this.life = new Lifecycle(this, dial == null);
        this.obligations = new Obligations(this);
        this.output = new Output(this);
        this.turns = new Turns(this);
        this.ownThread = new OwnThread(this);
        this.watch = new Watch(this);
        this.style = styles.apply(this);
    }

    // ---- the beginning ------------------------------------------------------------------------------------------------

    /** On the own thread. True once connected; false if that failed, and the connection has ended. */
    boolean connect() {
        if (dial == null) {
            return true;
        }
        boolean connected = dial.connect(this, channel);
        if (connected) {
            Flight.opened(this);
        }
        watch.begin();
        return connected;
    }

    /** Whether another connection has asked for it. */
    boolean isCompanion() {
        return dial != null;
    }

    // ---- output -------------------------------------------------------------------------------------------------------

    @Override
    public boolean write(ByteBuffer data) {
        boolean more = output.add(data);
        if (!turns.isMine()) { // else it leaves when the callback returns
            output.wake();
        }
        return more;
    }

    // ---- input --------------------------------------------------------------------------------------------------------

    @Override
    public void pauseReading() {
        turns.checkMine();
        paused = true;
    }

    @Override
    public void resumeReading() {
        turns.checkMine();
        if (!paused) {
            return;
        }
        lock.lock();
        try {
            paused = false;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        style.resumed();
    }

    @Override
    public boolean isReading() {
        turns.checkMine();
        boolean welcome = isWelcome();
        toldToStop |= !welcome;
        return welcome && life.takesInput() && !life.inputEnded() && !paused;
    }

    /** Whether there is room for what more input would bring. */
    boolean isWelcome() {
        return (pending() <= group.options.highWater() || turns.readsWhileOutputWaits()) && !obligations.isCrowded();
    }

    // ---- the end ------------------------------------------------------------------------------------------------------

    @Override
    public void close() {
        if (life.close() && !turns.isMine()) {
            output.wake();
        }
    }

    @Override
    public void shutdownOutput() {
        lock.lock();
        try {
            if (isOpen()) {
                output.queue.end(System.nanoTime());
            }
        } finally {
            lock.unlock();
        }
        if (!turns.isMine()) {
            output.wake();
        }
    }

    @Override
    public void abort() {
        lock.lock();
        try {
            if (!life.isClosed()) {
                group.wire.resetOnClose(channel);
                life.end(Kind.LOCAL, null);
            }
        } finally {
            lock.unlock();
        }
    }

    // ---- small things -------------------------------------------------------------------------------------------------

    @Override
    public boolean execute(Runnable task) {
        return turns.execute(task);
    }

    @Override
    public Timer schedule(Duration delay, Runnable task) {
        return turns.schedule(delay, task);
    }

    @Override
    public <T> boolean offload(Callable<? extends T> task, BiConsumer<? super T, ? super Throwable> callback) {
        return obligations.offload(task, callback);
    }

    @Override
    public Runnable hold() {
        return obligations.hold();
    }

    @Override
    public boolean connect(InetSocketAddress address, Duration timeout, Handler.Factory factory) {
        return !life.isClosed() && group.connect(new Dial(address, timeout), factory);
    }

    @Override
    public boolean isOpen() {
        return life.takesOutput();
    }

    boolean isPaused() {
        return paused && life.takesInput();
    }

    @Override
    public long pending() {
        return output.queue.length();
    }

    @Override
    public SocketAddress remoteAddress() {
        return remote;
    }

    @Override
    public String toString() {
        return "connection with " + remote + ", " + life + ", " + pending() + " bytes pending";
    }
}
