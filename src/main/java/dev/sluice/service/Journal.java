package dev.sluice.service;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lines on their way to a file. One thread writes whatever has come since it looked last, forces it to disk, and only then tells
 * the authors: while the disk is busy with one batch, the next one fills.
 *
 * <pre>
 *   append ──▶ filling ──(writer)──▶ writing ──▶ write ──▶ force ──▶ authors: saved
 *                                                  └────────┴── failed: cut back to the last force ──▶ authors: lost
 * </pre>
 */
final class Journal implements AutoCloseable {

    /** Whose lines they are. */
    interface Author {
        /** On the writer's thread: the first so many of the lines that wait are on disk. */
        void saved(int lines);

        /** On the writer's thread: the first so many of the lines that wait are not in the file, and will not be. */
        void lost(int lines, IOException why);
    }

    /** What may wait, in bytes; each connection may bring one line more until it is told. */
    private static final int LIMIT = 4 << 20;

    private final Disk disk;

    /** Guards what is below, for as long as it takes to copy a line. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition work = lock.newCondition();
    private List<Runnable> whenThereIsRoom = new ArrayList<>();
    private Batch filling = new Batch();
    private boolean closed;
    private boolean ended;

    // the writer's
    private Batch writing = new Batch();
    private long forced;
    private boolean whole = true;

    /** Goes on behind what a file holds, all of which is lines. */
    Journal(Disk disk, long length) {
        this.disk = disk;
        this.forced = length;
        Runnable run = () -> {
            while (next()) {
                save(writing);
            }
        };
        new Thread(run, "sluice-journal").start();
    }

    /** Any thread. Takes a line, without its ending; false if that is enough until there is {@link #whenThereIsRoom room}. */
    boolean append(Author author, ByteBuffer line) {
        lock.lock();
        try {
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
            while (filling.isEmpty() && !closed) {
                work.awaitUninterruptibly();
            }
            if (filling.isEmpty()) {
                ended = true;
                work.signalAll();
                return false;
            }
            Batch batch = filling;
            filling = writing;
            writing = batch;
            told = whenThereIsRoom;
            whenThereIsRoom = new ArrayList<>();
        } finally {
            lock.unlock();
        }
        told.forEach(Runnable::run);
        return true;
    }

    private void save(Batch batch) {
        try {
            if (!whole) {
                cutBack();
            }
            whole = false;
            long end = forced + batch.length();
            disk.write(batch.bytes(), forced);
            disk.force();
            whole = true;
            forced = end;
            batch.forEachAuthor(Author::saved);
        } catch (IOException e) {
            try {
                cutBack();
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            batch.forEachAuthor((author, lines) -> author.lost(lines, e));
        }
        batch.clear();
    }

    /** What was not forced may be there, or a part of it: nobody was told of it, and so it must go, now or before the next batch. */
    private void cutBack() throws IOException {
        disk.truncate(forced);
        whole = true;
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
        disk.close();
    }
}
