package dev.sluice.codec;

import java.nio.ByteBuffer;

/** Lines: each ends with LF, or with CR LF. A CR elsewhere is part of its line; what follows the last LF is no line yet. */
public final class Lines implements Decoder {

    private final int max;

    /** Bytes behind the position that hold no LF. */
    private int looked;

    /**
     * Makes a decoder.
     *
     * @param max bytes of the longest line, its ending not counted; from 1 to 1 GiB
     * @throws IllegalArgumentException naming the range and what was given
     */
    public Lines(int max) {
        this.max = Frame.maximum(max);
    }

    @Override
    public boolean decode(ByteBuffer in, Sink sink) throws Exception {
        int start = in.position();
        int limit = in.limit();
        int at = start + looked;
        while (at < limit && in.get(at) != '\n') {
            at++;
        }
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
}
