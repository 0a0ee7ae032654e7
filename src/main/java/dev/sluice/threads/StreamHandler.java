package dev.sluice.threads;

import java.io.InputStream;
import java.io.OutputStream;
import java.net.SocketAddress;

/** Serves a connection from its beginning to its end, in one method that may block: a request handler as of old. */
@FunctionalInterface
public interface StreamHandler {

    /**
     * Called once for each connection, on its own thread. When it returns, what it wrote leaves and the connection is closed
     * well; when it throws, the connection is closed with what had left by then ({@code HANDLER_FAILURE}).
     *
     * <p>The streams belong to the calling thread. The input ends when the peer ends its side, and when the server drains and
     * nothing more has arrived; it throws an {@link java.io.IOException} once the connection is lost, or closed for a limit.
     * The output is buffered and leaves in slices of 16 KiB, when it is flushed, and before a read waits; a write blocks while
     * the peer takes nothing. Closing a stream changes nothing but that stream.
     *
     * @param in     the peer's bytes
     * @param out    to the peer
     * @param remote the peer's address
     * @throws Exception closes the connection
     */
    void handle(InputStream in, OutputStream out, SocketAddress remote) throws Exception;
}
