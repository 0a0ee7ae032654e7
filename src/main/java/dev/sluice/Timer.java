package dev.sluice;

import dev.sluice.reactor.Reactor;

/** A task that waits for its time. Belongs to the thread of whoever gave it: a {@link Reactor}'s, or a connection's. */
public interface Timer {

    /**
     * Takes the task back.
     *
     * @return true if it had not run and now never will
     * @throws IllegalStateException on another thread
     */
    boolean cancel();
}
