package dev.sluice.codec;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import java.net.ProtocolException;
import java.nio.ByteBuffer;

/**
 * A {@link Handler} that is given whole frames, by {@link Framed}. Its callbacks come in the same order and under the same rules:
 *
 * <pre>
 *   [ onOpen (onFrame | onWritable)* [ onReject onWritable* ] [ onEof onWritable* ] ] onClose
 * </pre>
 */
@FunctionalInterface
public interface FrameHandler {

    /**
     * As {@link Handler#onOpen}.
     *
     * @param connection this handler's connection
     * @throws Exception closes the connection
     */
    default void onOpen(Connection connection) throws Exception {}

    /**
     * A frame has arrived. No further one comes while the connection is not read ({@link Connection#isReading}): the handler has paused
     * reading, or the connection's own output waits, unless the handler {@linkplain #readsWhileOutputWaits reads all the same}.
     *
     * @param connection this handler's connection
     * @param frame      its content, lent as {@link Decoder.Sink#frame} says
     * @throws Exception closes the connection
     */
    void onFrame(Connection connection, ByteBuffer frame) throws Exception;

    /**
     * As {@link Handler#onWritable}.
     *
     * @param connection this handler's connection
     * @throws Exception closes the connection
     */
    default void onWritable(Connection connection) throws Exception {}

    /**
     * As {@link Handler#readsWhileOutputWaits}.
     *
     * @return false unless overridden
     */
    default boolean readsWhileOutputWaits() {
        return false;
    }

    /**
     * The peer has broken the protocol: with a frame above the maximum, or one for which {@link #onFrame} threw a {@link ProtocolException}.
     * No further frame comes. Ends the connection at once ({@link CloseReason.Kind#PROTOCOL}) unless overridden, say with a word to
     * the peer and {@link Connection#close}.
     *
     * @param connection this handler's connection
     * @param cause      the reason
     * @throws Exception closes the connection
     */
    default void onReject(Connection connection, ProtocolException cause) throws Exception {
        throw cause;
    }

    /**
     * As {@link Handler#onEof}.
     *
     * @param connection this handler's connection
     * @param unfinished bytes of a last frame that never got its end; they are dropped
     * @throws Exception closes the connection
     */
    default void onEof(Connection connection, int unfinished) throws Exception {
        connection.close();
    }

    /**
     * As {@link Handler#onClose}.
     *
     * @param connection this handler's connection
     * @param reason     the reason, and how many queued bytes never left
     * @throws Exception is counted and logged
     */
    default void onClose(Connection connection, CloseReason reason) throws Exception {}
}
