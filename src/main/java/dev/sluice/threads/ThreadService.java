package dev.sluice.threads;

import dev.sluice.Handler;

/** The way in which connections are served by their own threads: with callbacks, or with streams. Serves many of them at the same time. */
interface ThreadService {

    /** On the connection's own thread. */
    void serve(ThreadConnection connection);

    /** Callbacks of a handler that the factory makes; the first of them is all that has to be begun. */
    static ThreadService callbacks(Handler.Factory factory) {
        return connection -> connection.inTurn(() -> connection.turn.open(factory));
    }
}
