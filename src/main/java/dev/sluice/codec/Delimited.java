package dev.sluice.codec;

import java.nio.ByteBuffer;

/**
 * Frames that end with a delimiter, such as a zero byte or an empty line. It is found by the algorithm of Knuth, Morris and Pratt
 * (SIAM J. Comput. 6, 1977), which never goes back, so that a delimiter cut in two costs nothing.
 */
public final class Delimited implements Decoder {

    private final byte[] delimiter;

    /** Of the first {@code i} bytes of the delimiter: how many of its first ones they end with, themselves aside. */
    private final int[] border;

    private final int max;

    /** Bytes behind the position that were looked at. */
    private int looked;

    /** How many bytes of the delimiter those end with. */
    private int matched;

    /**
     * Makes a decoder.
     *
     * @param delimiter what ends each frame; at least one byte
     * @param max       bytes of the longest frame, its delimiter not counted; from 1 to 1 GiB
     * @throws IllegalArgumentException naming what is wrong
     */
    public Delimited(byte[] delimiter, int max) {
        if (delimiter.length == 0) {
            throw new IllegalArgumentException("a delimiter must have a byte");
        }
        this.delimiter = delimiter.clone();
        this.max = Frame.maximum(max);
        this.border = new int[delimiter.length + 1];
        for (int i = 1, length = 0; i < delimiter.length; i++) {
            length = advance(length, delimiter[i]);
            border[i + 1] = length;
        }
    }

    /** How much of the delimiter is matched with one byte more. */
    private int advance(int matched, byte next) {
        int length = matched;
        while (length > 0 && delimiter[length] != next) {
            length = border[length];
        }
        return delimiter[length] == next ? length + 1 : 0;
    }

    @Override
    public boolean decode(ByteBuffer in, Sink sink) throws Exception {
        int start = in.position();
        int at = start + looked;
        while (at < in.limit() && matched < delimiter.length) {
            matched = advance(matched, in.get(at++));
        }
        looked = at - start;
        int content = looked - matched; // what no delimiter can begin before
        if (content > max) {
            throw Frame.tooLong(max);
        }
        if (matched < delimiter.length) {
            return false;
        }
        looked = 0;
        matched = 0;
        Frame.lend(in, start, start + content, at, sink);
        return true;
    }
}
