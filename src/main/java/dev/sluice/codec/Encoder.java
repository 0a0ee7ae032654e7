package dev.sluice.codec;

import dev.sluice.Connection;
import java.nio.ByteBuffer;

/**
 * Makes frames, each of which a {@link Decoder} of the same kind and settings finds again as it was. It refuses content for which that
 * would not be so. It keeps no state: any thread may use it, several at a time, and while the same object decodes.
 */
public interface Encoder {

    /**
     * The length of a frame, with its length field or its ending.
     *
     * @param length bytes of its content
     * @return bytes of the frame
     * @throws IllegalArgumentException if a frame cannot have so much content, or the length is negative
     */
    int encodedLength(int length);

    /**
     * Puts a frame into a buffer. When it throws, neither buffer has changed.
     *
     * @param content the bytes between position and limit; the position moves to the limit
     * @param to      has room for {@link #encodedLength}; the position moves behind the frame
     * @throws IllegalArgumentException         if the frame would not be found again as it was, naming the reason
     * @throws java.nio.BufferOverflowException if there is too little room
     */
    void encode(ByteBuffer content, ByteBuffer to);

    /**
     * Makes a frame in a new buffer: to be written to many connections, say.
     *
     * @param content the bytes between position and limit; the position moves to the limit
     * @return the frame, from zero to its limit
     * @throws IllegalArgumentException if the frame would not be found again as it was, naming the reason
     */
    default ByteBuffer encode(ByteBuffer content) {
        ByteBuffer frame = ByteBuffer.allocate(encodedLength(content.remaining()));
        encode(content, frame);
        return frame.flip();
    }

    /**
     * Writes a frame in one piece, so that frames from several threads do not mix. A frame of up to 1 KiB costs no memory.
     *
     * @param connection where to
     * @param content    the bytes between position and limit; the position moves to the limit
     * @return as {@link Connection#write}
     * @throws IllegalArgumentException if the frame would not be found again as it was, naming the reason; then nothing was written
     */
    default boolean write(Connection connection, ByteBuffer content) {
        ByteBuffer frame = Frame.room(encodedLength(content.remaining()));
        encode(content, frame);
        return connection.write(frame.flip());
    }
}
