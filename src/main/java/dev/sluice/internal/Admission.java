package dev.sluice.internal;

import dev.sluice.ServerOptions;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** How many connections of a server are open, against how many may be, and what number each has. Any thread. */
public final class Admission {

    /** The limit where that of the descriptors is not known. */
    private static final int UNKNOWN = 10_000;

    /** The most that an option allows; a container may have a descriptor limit of 2^30. */
    private static final int MOST = 10_000_000;

    private final int limit;
    private final AtomicInteger open = new AtomicInteger();
    private final AtomicLong ids = new AtomicLong();
    private final List<Runnable> whenOneLeaves = new CopyOnWriteArrayList<>();

    /**
     * Makes one with nothing open.
     *
     * @param options a server's
     */
    public Admission(ServerOptions options) {
        this.limit = limit(options);
    }

    /**
     * How many connections may be open at once.
     *
     * @param options a server's
     * @return what the options say; else what the descriptors allow, or 10,000 where that is not known
     */
    public static int limit(ServerOptions options) {
        return options.maxConnections() > 0 ? options.maxConnections() : Math.min(MOST, DescriptorLimit.connections(UNKNOWN));
    }

    /**
     * Has a task run whenever a connection has gone.
     *
     * @param task called on any thread; does not wait
     */
    void whenOneLeaves(Runnable task) {
        whenOneLeaves.add(task);
    }

    /**
     * Lets a connection in, if there is room.
     *
     * @return false at the limit
     */
    public boolean enter() {
        if (open.incrementAndGet() <= limit) {
            return true;
        }
        open.decrementAndGet();
        return false;
    }

    /** An admitted connection has gone, and its descriptor is free or about to be. */
    public void leave() {
        int left = open.decrementAndGet();
        assert left >= 0 : "more connections left than entered";
        for (Runnable task : whenOneLeaves) {
            task.run();
        }
    }

    /**
     * A number for a connection, whether it is let in or not.
     *
     * @return 1 for the first
     */
    public long nextId() {
        return ids.incrementAndGet();
    }

    /**
     * How many are in.
     *
     * @return connections
     */
    public int open() {
        return open.get();
    }

    /**
     * Why a connection that could not enter was refused.
     *
     * @return for an exception or a log
     */
    public String refusal() {
        return limit + " connections are open, the limit";
    }
}
