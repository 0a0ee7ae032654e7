package dev.sluice.internal;

import java.util.concurrent.atomic.AtomicInteger;

/** How many connections are open, against how many may be. Any thread. */
public final class Admission {

    private final int limit;
    private final AtomicInteger open = new AtomicInteger();

    /**
     * Makes an empty house.
     *
     * @param limit connections that may be open at once
     */
    public Admission(int limit) {
        this.limit = limit;
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

    /** An admitted connection is gone. */
    public void leave() {
        int left = open.decrementAndGet();
        assert left >= 0 : "more connections left than entered";
    }

    /**
     * How many are in.
     *
     * @return connections
     */
    public int open() {
        return open.get();
    }
}
