package dev.sluice.codec;

import java.net.ProtocolException;
import java.nio.ByteBuffer;

/**
 * Finds frames in a stream of bytes. The frames depend on the bytes alone, not on the pieces in which they come. A decoder holds no
 * socket and no bytes: an unfinished frame stays in the caller's buffer, and the decoder notes how far it has looked, so that no byte is
 * looked at twice. Every decoder has a maximum, and rejects a longer frame as soon as that shows.
 *
 * <p>One decoder serves one stream, on one thread at a time. {@link Framed} takes a {@linkplain #forStream new one} for each connection, so
 * that the one it is given may be shared.
 */
public interface Decoder {

    /** Takes a frame. */
    @FunctionalInterface
    interface Sink {
        /**
         * Called with the content of one frame, without its length or its ending. The buffer is lent for the length of this call,
         * and may be modified between position and limit. Bytes that the call leaves unread are skipped.
         *
         * @param content the bytes between position and limit
         * @throws Exception is passed on by {@link #decode}, whose buffer is then behind the frame
         */
        void frame(ByteBuffer content) throws Exception;
    }

    /**
     * Hands the first frame to the sink, if all of it is there.
     *
     * @param in   the bytes since the last frame, new ones behind those of the last call; the position moves behind the frame, or
     *             stays where it is
     * @param sink takes the frame
     * @return true if there was a frame; then there may be another
     * @throws ProtocolException if the frame is longer than the maximum: nothing after it can be decoded
     * @throws Exception         if the sink throws it
     */
    boolean decode(ByteBuffer in, Sink sink) throws Exception;

    /**
     * A decoder of the same kind and settings that has seen no byte. Any thread. A decoder that keeps state between its calls overrides this,
     * or serves one connection only.
     *
     * @return this decoder unless overridden
     */
    default Decoder forStream() {
        return this;
    }
}
