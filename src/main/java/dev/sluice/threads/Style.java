package dev.sluice.threads;

import java.nio.ByteBuffer;

/** How a connection's own thread serves it: one object for each connection. */
interface Style {

    /**
     * On the connection's own thread. Returns once the peer's bytes are of no interest any more.
     *
     * @param buffer what to read into
     */
    void serve(ByteBuffer buffer);

    /** With the turn. Reading was resumed: what was left unread is to be offered again. */
    void resumed();

    /** Any thread. The peer's bytes are welcome again: what was left unread because they were not is to be offered again. */
    void welcome();

    /** Any thread. Whether something was left unread that the handler is still to be offered. */
    boolean owesInput();

    /** Under the connection's lock. Whether the handler is running, and not waiting for its peer. */
    boolean isAtWork();

    /** With the turn, or once the style has served. Bytes that were read and that the handler has not taken. */
    int unread();

    /** With the turn. The connection could not be made: its handler is to hear of that. */
    void neverOpened();
}
