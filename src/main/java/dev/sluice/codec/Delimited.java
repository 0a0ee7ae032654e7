package dev.sluice.codec;

import java.nio.ByteBuffer;

/**
 * Frames that end with a delimiter, such as a zero byte or an empty line. It is found by the algorithm of Knuth, Morris and Pratt
 * (SIAM J. Comput. 6, 1977), which never goes back, so that a delimiter cut in two costs nothing.
 *
 * <p>Connections may share one, by {@link Framed}; each decodes with its {@linkplain #forStream own}.
 */
public final class Delimited implements Decoder, Encoder {

    private final byte[] delimiter;

    /** For each {@code i}, the length of the longest border of the delimiter's first {@code i} bytes: of a proper prefix that is also their end. */
    private final int[] border;

    private final int max;

    /** Bytes behind the position that were looked at. */
    private int looked;

    /** How many bytes of the delimiter the bytes that were looked at end with. */
    private int matched;

    /**
     * Makes a decoder, which also encodes.
     *
     * @param delimiter the end of each frame; at least one byte
     * @param max       bytes of the longest frame, its delimiter not counted; from 1 to 1 GiB
     * @throws IllegalArgumentException naming the argument that is wrong
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

    private Delimited(Delimited settings) {
        this.delimiter = settings.delimiter;
        this.border = settings.border;
        this.max = settings.max;
    }

    @Override
    public Delimited forStream() {
        return new Delimited(this);
    }

    /** The number of bytes of the delimiter that are matched with one byte more. */
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
        int content = looked - matched; // no delimiter begins in these
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

    @Override
    public int encodedLength(int length) {
        return Frame.encodedLength(length, delimiter.length, max);
    }

    @Override
    public void encode(ByteBuffer content, ByteBuffer to) {
        Frame.checkRoom(encodedLength(content.remaining()), to);
        int length = 0; // how much of the delimiter is matched
        for (int at = content.position(); at < content.limit() && length < delimiter.length; at++) {
            length = advance(length, content.get(at));
        }
        for (int i = 0; i < delimiter.length - 1 && length < delimiter.length; i++) {
            length = advance(length, delimiter[i]);
        }
        if (length == delimiter.length) {
            throw new IllegalArgumentException("a frame must not contain its delimiter, nor end with a part that completes it too early");
        }
        to.put(content).put(delimiter);
    }
}
