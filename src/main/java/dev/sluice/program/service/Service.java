package dev.sluice.program.service;

import dev.sluice.Handler;
import java.io.IOException;

/** Something that can be served, with what its connections share. */
public interface Service extends AutoCloseable {

    /**
     * What a server needs to offer it.
     *
     * @return makes the handler of each connection; any thread
     */
    Handler.Factory factory();

    /**
     * Lets go of what the connections shared, once the server has ended.
     *
     * @throws IOException if something could not be brought to its end
     */
    @Override
    default void close() throws IOException {}
}
