package dev.sluice.program.service;

import dev.sluice.Handler;
import java.io.IOException;

/** A service that a server can offer, with the state that its connections share. */
public interface Service extends AutoCloseable {

    /**
     * The factory of its handlers.
     *
     * @return makes the handler of each connection; any thread
     */
    Handler.Factory factory();

    /**
     * Releases the shared state, once the server has ended.
     *
     * @throws IOException if something could not be saved
     */
    @Override
    default void close() throws IOException {}
}
