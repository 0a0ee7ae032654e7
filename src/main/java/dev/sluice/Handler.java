package dev.sluice;

import java.nio.ByteBuffer;

/**
 * The callbacks for one connection. They come in this order, on every engine:
 *
 * <pre>
 *   [ onOpen (onRead | onWritable)* [ onEof onWritable* ] ] onClose
 * </pre>
 *
 * <p>The handler of a connection that was never open hears {@code onClose} alone: of an outbound one that could not be made, and of one
 * that its {@link Factory} has closed or aborted.
 *
 * <p>Callbacks and tasks of one connection run one at a time, each happening before the next, on a thread of the
 * server's and never inside a call that user code makes. They must not block: on a reactor, every other connection of
 * the loop waits meanwhile. A callback that throws, an {@link Error} included, loses its own connection and nothing else
 * ({@link CloseReason.Kind#HANDLER_FAILURE}). A {@link java.net.ProtocolException} says that the peer is at fault
 * ({@link CloseReason.Kind#PROTOCOL}): that is not counted as a failure, and not logged.
 *
 * <p>State lives in the handler: a server takes a {@link Factory} and asks it for one handler for each connection. A
 * handler without state may serve them all.
 */
@FunctionalInterface
public interface Handler {

    /** Makes the handler of a connection that was just admitted. */
    @FunctionalInterface
    interface Factory {
        /**
         * Called once for each connection, on its own thread, just before the first callback: {@link Handler#onOpen}, or
         * {@link Handler#onClose} of an outbound connection that could not be made, and of one that was closed or aborted here.
         *
         * @param connection the new connection; it may be used already
         * @return its handler; null is a failure, too
         * @throws Exception closes the connection; as it has no handler, it sees no callback
         */
        Handler create(Connection connection) throws Exception;
    }

    /**
     * The connection is open and may be written to.
     *
     * @param connection this handler's connection
     * @throws Exception closes the connection
     */
    default void onOpen(Connection connection) throws Exception {}

    /**
     * Bytes have arrived. The buffer is lent for the length of this call and may be modified in place between position
     * and limit. Bytes that the call leaves unread come back, in front of the next bytes; a handler that reads everything
     * costs its connection no memory. Those still unread when the peer ends its side are offered once more, just
     * before {@link #onEof}; {@link Connection#resumeReading} offers them again without waiting for new bytes.
     *
     * @param connection this handler's connection
     * @param in         what was left unread, then what has arrived
     * @throws Exception closes the connection
     */
    void onRead(Connection connection, ByteBuffer in) throws Exception;

    /**
     * The outbound queue fell to the low water mark after a {@link Connection#write} had returned false.
     *
     * @param connection this handler's connection
     * @throws Exception closes the connection
     */
    default void onWritable(Connection connection) throws Exception {}

    /**
     * Whether reading goes on while output of this connection waits above the high water mark. False suits a handler that answers: a peer
     * that does not take its answers is not read. True suits a relay, which sends elsewhere what it reads, and pauses reading itself
     * when that is full: if its output stopped its input, a peer that sends before it reads on would wait for ever. Called at any time, on
     * any thread of the server's; the answer has to be always the same.
     *
     * @return false unless overridden
     */
    default boolean readsWhileOutputWaits() {
        return false;
    }

    /**
     * The peer has ended its side, or the server drains while this connection is {@linkplain Connection#hold held}. Nothing more is
     * read, and our side can still write. Closes the connection unless overridden.
     *
     * @param connection this handler's connection
     * @throws Exception closes the connection
     */
    default void onEof(Connection connection) throws Exception {
        connection.close();
    }

    /**
     * The connection is gone: always the last callback, exactly once.
     *
     * @param connection this handler's connection; it tells its number and addresses, takes work that is
     *                   {@linkplain Connection#offload offloaded}, and refuses everything else
     * @param reason     why, and how many queued bytes never left
     * @throws Exception is counted and logged
     */
    default void onClose(Connection connection, CloseReason reason) throws Exception {}

    /**
     * The name of this handler in reports, such as that of a loop that it blocks. Any thread, also while a callback runs.
     *
     * @return the name of its class unless overridden
     */
    default String handlerName() {
        return getClass().getName();
    }
}
