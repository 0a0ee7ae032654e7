package dev.sluice;

/** A task that waits for its time. Belongs to the thread that it was scheduled on: a reactor's, or a connection's. */
public interface Timer {

    /**
     * Takes the task back.
     *
     * @return true if it had not run and now never will
     * @throws IllegalStateException on another thread
     */
    boolean cancel();
}
