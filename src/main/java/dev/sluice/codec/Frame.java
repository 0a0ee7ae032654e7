package dev.sluice.codec;

import java.net.ProtocolException;
import java.nio.ByteBuffer;

/** What decoders do alike once they know where a frame is. */
final class Frame {

    /** Leaves room for what surrounds a frame in an array. */
    private static final int LARGEST = 1 << 30;

    private Frame() {}

    /** Checks a decoder's maximum. */
    static int maximum(int bytes) {
        if (bytes < 1 || bytes > LARGEST) {
            throw new IllegalArgumentException("the longest frame must have 1 to " + LARGEST + " bytes, not " + bytes);
        }
        return bytes;
    }

    static ProtocolException tooLong(int max) {
        return new ProtocolException("a frame of more than " + max + " bytes");
    }

    /** Lends the bytes from one index to another to the sink, then moves behind the frame, whatever the sink did. */
    static void lend(ByteBuffer in, int from, int to, int behind, Decoder.Sink sink) throws Exception {
        int limit = in.limit();
        in.limit(to).position(from);
        try {
            sink.frame(in);
        } finally {
            in.limit(limit).position(behind);
        }
    }
}
