package dev.sluice;

/** A task that waits for its time on a {@link Reactor}. Belongs to the reactor's thread. */
public interface Timer {

    /**
     * Takes the task back.
     *
     * @return true if it had not run and now never will
     * @throws IllegalStateException on another thread
     */
    boolean cancel();
}
