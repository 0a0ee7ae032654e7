package dev.sluice.program.service;

import dev.sluice.internal.RateLimitedLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.LoggerFactory;

/**
 * Lines on their way to a file. One thread writes whatever has come since it looked last, forces it to disk, and only then tells
 * the authors: while the disk is busy with one batch, the next one fills.
 *
 * <pre>
 *   append ──▶ filling ──(writer)──▶ writing ──▶ write ──▶ force ──▶ authors: saved
 *                                                  └────────┴── failed: cut back to the last force, forced ──▶ authors: lost
 * </pre>
 */
final class Journal implements AutoCloseable {

    /** Whose lines they are. */
    interface Author {
        /** On the writer's thread: the first so many of the lines that wait are on disk. */
        void saved(int lines);

        /** On the writer's thread: the first so many of the lines that wait are not in the file, and will not be. */
        void lost(int lines, Throwable why);
    }

    /** What may wait, in bytes; each connection may bring one line more until it is told. */
    private static final int LIMIT = 4 << 20;

    /** Guards what is below, for as long as it takes to copy a line. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition work = lock.newCondition();
    private List<Runnable> whenThereIsRoom = new ArrayList<>();
    private Batch filling = new Batch();
    private boolean closed;
    private boolean ended;

    // the writer's
    private final RateLimitedLog log = new RateLimitedLog(LoggerFactory.getLogger(Journal.class));
    private final Tail tail;
    private Batch writing = new Batch();

    /** Goes on behind what a file holds, all of which is lines. */
    Journal(Disk disk, long length) {
        this.tail = new Tail(disk, length);
        new Thread(this::run, "sluice-journal").start();
    }

    private void run() {
        try {
            while (next()) {
                save(writing);
            }
        } finally { // whatever ended it: close waits for this
            lock.lock();
            ended = true;
            work.signalAll();
            lock.unlock();
        }
    }

    /** Any thread. Takes a line, without its ending; false if that is enough until there is {@link #whenThereIsRoom room}. */
    boolean append(Author author, ByteBuffer line) {
        lock.lock();
        try {
            if (ended) {
                throw new IllegalStateException("the journal has ended");
            }
            filling.add(author, line);
            work.signal();
            return filling.length() < LIMIT;
        } finally {
            lock.unlock();
        }
    }

    /** Any thread. Has somebody told, once, on the writer's thread, when the next batch is empty; at once if it has room. */
    void whenThereIsRoom(Runnable told) {
        lock.lock();
        boolean full = filling.length() >= LIMIT;
        if (full) {
            whenThereIsRoom.add(told);
        }
        lock.unlock();
        if (!full) {
            told.run();
        }
    }

    /** Waits for lines; false at the end. */
    private boolean next() {
        List<Runnable> told;
        lock.lock();
        try {
            while (filling.isEmpty()) {
                if (closed) {
                    return false;
                }
                work.awaitUninterruptibly();
            }
            Batch batch = filling;
            filling = writing;
            writing = batch;
            told = whenThereIsRoom;
            whenThereIsRoom = new ArrayList<>();
        } finally {
            lock.unlock();
        }
        told.forEach(this::tell);
        return true;
    }

    private void save(Batch batch) {
        Throwable failure = tail.append(batch.bytes());
        batch.forEachAuthor((author, lines) -> tell(failure == null ? () -> author.saved(lines) : () -> author.lost(lines, failure)));
        batch.clear();
    }

    /** One who fails must not keep an answer from the others. */
    private void tell(Runnable told) {
        try {
            told.run();
        } catch (Throwable t) {
            log.warn(System.nanoTime(), "one who waits could not be told", t);
        }
    }

    /** Saves what waits, then ends. Nobody appends any more. */
    @Override
    public void close() throws IOException {
        lock.lock();
        try {
            closed = true;
            work.signalAll();
            while (!ended) {
                work.awaitUninterruptibly(); // lines are worth more than haste
            }
        } finally {
            lock.unlock();
        }
        tail.close();
    }
}
