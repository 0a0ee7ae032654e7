package dev.sluice.reactor;

import dev.sluice.internal.TaskQueue;

/** A write by another thread than the connection's loop: a message with a copy of the bytes. */
final class CrossThreadWrite extends TaskQueue.Task {

    /** What a message costs beside its bytes, so that short ones and empty ones are bounded, too: it is 56, or 64 with wide references. */
    static final int OVERHEAD = 64;

    private final ReactorConnection connection;
    private final byte[] bytes;
    private final boolean wasFull;

    /**
     * Makes a message that was not sent.
     *
     * @param wasFull whether the writer was told to wait
     */
    CrossThreadWrite(ReactorConnection connection, byte[] bytes, boolean wasFull) {
        this.connection = connection;
        this.bytes = bytes;
        this.wasFull = wasFull;
    }

    @Override
    public void run() {
        connection.arrived(bytes, wasFull);
    }
}
