package dev.sluice.threads;

import dev.sluice.Handler;
import java.nio.ByteBuffer;

/** How connections are served by their own threads: with callbacks, or with streams. Serves many of them at the same time. */
interface ThreadService {

    /**
     * On the connection's own thread. Returns once the peer's bytes are of no interest any more.
     *
     * @param buffer what to read into
     */
    void serve(ThreadConnection connection, ByteBuffer buffer);

    /** With the turn. The connection could not be made: its handler is made, to hear of that. */
    void neverOpened(ThreadConnection connection);

    /** Callbacks of a handler that the factory makes. */
    static ThreadService callbacks(Handler.Factory factory) {
        return new ThreadService() {
            @Override
            public void serve(ThreadConnection connection, ByteBuffer buffer) {
                connection.inTurn(() -> connection.turn.open(factory));
            }

            @Override
            public void neverOpened(ThreadConnection connection) {
                connection.turn.create(factory);
            }
        };
    }
}
