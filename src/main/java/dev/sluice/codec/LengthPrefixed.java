package dev.sluice.codec;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Frames that begin with their length, an unsigned number of 1 to 4 bytes which does not count itself. */
public final class LengthPrefixed implements Decoder {

    private final int prefix;
    private final ByteOrder order;
    private final int max;

    /**
     * Makes a decoder.
     *
     * @param prefix bytes of the length: 1, 2, 3 or 4
     * @param order  which of them comes first
     * @param max    bytes of the longest frame, its length not counted; from 1 to 1 GiB
     * @throws IllegalArgumentException naming the range and what was given
     */
    public LengthPrefixed(int prefix, ByteOrder order, int max) {
        if (prefix < 1 || prefix > 4) {
            throw new IllegalArgumentException("a length must have 1 to 4 bytes, not " + prefix);
        }
        this.prefix = prefix;
        this.order = order;
        this.max = Frame.maximum(max);
    }

    @Override
    public boolean decode(ByteBuffer in, Sink sink) throws Exception {
        if (in.remaining() < prefix) {
            return false;
        }
        long length = 0;
        for (int i = 0; i < prefix; i++) {
            length |= (in.get(in.position() + i) & 0xFFL) << shift(i);
        }
        if (length > max) {
            throw Frame.tooLong(max);
        }
        if (in.remaining() - prefix < length) {
            return false;
        }
        int from = in.position() + prefix;
        int to = from + (int) length;
        Frame.lend(in, from, to, to, sink);
        return true;
    }

    /**
     * Makes a frame, to be written in one piece.
     *
     * @param content the bytes between position and limit; the position moves to the limit
     * @return its length, then the content
     * @throws IllegalArgumentException if the content is longer than the maximum, or than its length can tell
     */
    public ByteBuffer encode(ByteBuffer content) {
        int length = content.remaining();
        if (length > max || (prefix < 4 && length >>> 8 * prefix > 0)) {
            throw new IllegalArgumentException("a frame of " + length + " bytes is too long");
        }
        ByteBuffer frame = ByteBuffer.allocate(prefix + length);
        for (int i = 0; i < prefix; i++) {
            frame.put((byte) (length >>> shift(i)));
        }
        return frame.put(content).flip();
    }

    /** Of the byte that comes as number {@code i}: by how many bits it counts more than the least one. */
    private int shift(int i) {
        return 8 * (order == ByteOrder.LITTLE_ENDIAN ? i : prefix - 1 - i);
    }
}
