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
 * Lines on their way to a file. One thread writes the lines that have come since it looked last, forces them to disk, and only then tells
 * the authors: while the disk is busy with one batch, the next one fills. A full batch takes no line until the disk has caught up, so that
 * two batches are all the memory of a journal, however slow the disk and however many the authors.
 *
 * <pre>
 *   append ──▶ filling ──(writer)──▶ writing ──▶ write ──▶ force ──▶ authors: saved
 *                                                  └────────┴── failed: cut back to the last force, forced ──▶ authors: lost
 * </pre>
 */
final class Journal implements AutoCloseable {

    /** An author of lines, which hears what became of them. */
    interface Author {
        /** On the writer's thread: the first so many of the lines that wait are on disk. */
        void saved(int lines);

        /** On the writer's thread: the first so many of the lines that wait are not in the file, and will not be. */
        void lost(int lines, Throwable why);
    }

    /** Bytes of a batch, unless the longest line is longer. */
    private static final int BATCH = 4 << 20;

    /** Guards the fields below, for as long as it takes to copy a line. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition work = lock.newCondition();
    private List<Runnable> whenThereIsRoom = new ArrayList<>();
    private Batch filling;

    /** True if a line was refused since the batch began to fill: later lines must not overtake it. */
    private boolean full;

    private boolean closed;
    private boolean ended;

    // ---- on the writer's thread

    private final RateLimitedLog log = new RateLimitedLog(LoggerFactory.getLogger(Journal.class));
    private final Tail tail;
    private Batch writing;

    /**
     * Goes on behind the content of a file.
     *
     * @param disk    the file
     * @param length  its length in bytes, all of which is whole lines
     * @param maxLine bytes of the longest line, its ending not counted
     */
    Journal(Disk disk, long length, int maxLine) {
        this.tail = new Tail(disk, length);
        this.filling = new Batch(Math.max(BATCH, maxLine + 1));
        this.writing = new Batch(Math.max(BATCH, maxLine + 1));
        new Thread(this::run, "sluice-journal").start();
    }

    private void run() {
        try {
            while (next()) {
                save(writing);
            }
        } finally { // also after an Error: close waits for this
            lock.lock();
            ended = true;
            work.signalAll();
            lock.unlock();
        }
    }

    /** Any thread. Takes a line, without its ending; false if it has not, and will not until there is {@link #whenThereIsRoom room}. */
    boolean append(Author author, ByteBuffer line) {
        lock.lock();
        try {
            if (ended) {
                throw new IllegalStateException("the journal has ended");
            }
            if (!full) {
                full = !filling.add(author, line);
                work.signal();
            }
            return !full;
        } finally {
            lock.unlock();
        }
    }

    /** Any thread. Whether a line was refused, and there has been no room since. */
    boolean isFull() {
        lock.lock();
        try {
            return full;
        } finally {
            lock.unlock();
        }
    }

    /** Any thread. Runs a task once, on the writer's thread, when there is room after a line was refused; at once if there is already. */
    void whenThereIsRoom(Runnable told) {
        lock.lock();
        try {
            if (full) {
                whenThereIsRoom.add(told);
                return;
            }
        } finally {
            lock.unlock();
        }
        told.run();
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
            full = false;
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

    /** A failure of one must not keep an answer from the others. */
    private void tell(Runnable told) {
        try {
            told.run();
        } catch (Throwable t) {
            log.warn(System.nanoTime(), "an author could not be told", t);
        }
    }

    /** Saves the lines that wait, then ends. No line may be appended after this. */
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
