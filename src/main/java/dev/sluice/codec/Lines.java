package dev.sluice.codec;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Lines: each ends with LF, or with CR LF. A CR elsewhere is part of its line; bytes after the last LF are no line yet. Encoded lines end
 * with LF; for CR LF, take {@link Delimited} with both. A line that a peer has sent may end with CR, and is then refused when it is encoded.
 *
 * <p>Connections may share one, by {@link Framed}; each decodes with its {@linkplain #forStream own}.
 */
public final class Lines implements Decoder, Encoder {

    private static final long LFS = 0x0A0A0A0A0A0A0A0AL;
    private static final long SEVENS = 0x7F7F7F7F7F7F7F7FL;

    private final int max;

    /** Bytes behind the position that hold no LF. */
    private int looked;

    /**
     * Makes a decoder, which also encodes.
     *
     * @param max bytes of the longest line, its ending not counted; from 1 to 1 GiB
     * @throws IllegalArgumentException naming the range and the value
     */
    public Lines(int max) {
        this.max = Frame.maximum(max);
    }

    @Override
    public Lines forStream() {
        return new Lines(max);
    }

    /**
     * The index of the first LF, or the limit. Eight bytes at a time: byte by byte, the search takes as long as everything else about a
     * line.
     */
    private static int nextLf(ByteBuffer in, int from, int limit) {
        int at = from;
        for (; at <= limit - Long.BYTES; at += Long.BYTES) {
            long difference = in.getLong(at) ^ LFS;
            long found = ~((difference & SEVENS) + SEVENS | difference | SEVENS); // the high bit is set of each byte that is zero
            if (found != 0) {
                boolean bigEndian = in.order() == ByteOrder.BIG_ENDIAN;
                return at + (bigEndian ? Long.numberOfLeadingZeros(found) : Long.numberOfTrailingZeros(found)) / Byte.SIZE;
            }
        }
        while (at < limit && in.get(at) != '\n') {
            at++;
        }
        return at;
    }

    @Override
    public boolean decode(ByteBuffer in, Sink sink) throws Exception {
        int start = in.position();
        int limit = in.limit();
        int at = nextLf(in, start + looked, limit);
        looked = at - start;
        int end = at > start && in.get(at - 1) == '\r' ? at - 1 : at;
        if (end - start > max) {
            throw Frame.tooLong(max);
        }
        if (at == limit) {
            return false;
        }
        looked = 0;
        Frame.lend(in, start, end, at + 1, sink);
        return true;
    }

    @Override
    public int encodedLength(int length) {
        return Frame.encodedLength(length, 1, max);
    }

    @Override
    public void encode(ByteBuffer content, ByteBuffer to) {
        int end = content.limit();
        Frame.checkRoom(encodedLength(content.remaining()), to);
        if (nextLf(content, content.position(), end) < end) {
            throw new IllegalArgumentException("a line must not contain LF");
        }
        if (content.hasRemaining() && content.get(end - 1) == '\r') {
            throw new IllegalArgumentException("a line must not end with CR: it would be taken for a part of the line's end");
        }
        to.put(content).put((byte) '\n');
    }
}
