package dev.sluice.threads;

import dev.sluice.Handler;
import java.nio.ByteBuffer;

/** The way in which connections are served by their own threads: with callbacks, or with streams. Serves many of them at the same time. */
interface ThreadService {

    /**
     * On the connection's own thread.
     *
     * @param buffer to read into
     */
    void serve(ThreadConnection connection, ByteBuffer buffer);

    /** Callbacks of a handler that the factory makes; the first of them is all that has to be begun. */
    static ThreadService callbacks(Handler.Factory factory) {
        return (connection, buffer) -> connection.inTurn(() -> connection.turn.open(factory));
    }
}
