package dev.sluice.codec;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Frames that begin with their length, an unsigned number of 1 to 4 bytes which does not count itself. It keeps no state: connections may
 * share one.
 */
public final class LengthPrefixed implements Decoder, Encoder {

    private final int prefix;
    private final ByteOrder order;
    private final int max;

    /** Bytes of the longest frame that can be encoded: fewer than the maximum where its length could not tell them. */
    private final int longest;

    /**
     * Makes a decoder, which also encodes.
     *
     * @param prefix bytes of the length: 1, 2, 3 or 4
     * @param order  which of them comes first
     * @param max    bytes of the longest frame, its length not counted; from 1 to 1 GiB
     * @throws IllegalArgumentException naming the range and the value
     */
    public LengthPrefixed(int prefix, ByteOrder order, int max) {
        if (prefix < 1 || prefix > 4) {
            throw new IllegalArgumentException("a length must have 1 to 4 bytes, not " + prefix);
        }
        this.prefix = prefix;
        this.order = order;
        this.max = Frame.maximum(max);
        this.longest = (int) Math.min(max, (1L << 8 * prefix) - 1);
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

    @Override
    public int encodedLength(int length) {
        return Frame.encodedLength(length, prefix, longest);
    }

    @Override
    public void encode(ByteBuffer content, ByteBuffer to) {
        int length = content.remaining();
        Frame.checkRoom(encodedLength(length), to);
        for (int i = 0; i < prefix; i++) {
            to.put((byte) (length >>> shift(i)));
        }
        to.put(content);
    }

    /** How many bits of the length are below those of its byte number {@code i}. */
    private int shift(int i) {
        return 8 * (order == ByteOrder.LITTLE_ENDIAN ? i : prefix - 1 - i);
    }
}
