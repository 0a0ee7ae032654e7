package dev.sluice.codec;

import java.net.ProtocolException;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;

/** The steps that are the same for frames of every kind. */
final class Frame {

    /** The longest frame that an option may allow, 1 GiB: with its prefix or ending it still fits into an array. */
    private static final int LARGEST = 1 << 30;

    /** Bytes up to which an encoded frame is built in memory that its thread keeps. */
    private static final int SMALL = 1 << 10;

    private static final ThreadLocal<ByteBuffer> ROOM = ThreadLocal.withInitial(() -> ByteBuffer.allocate(SMALL));

    private Frame() {}

    /** An empty buffer with room for so many bytes. It is the calling thread's until its next call. */
    static ByteBuffer room(int bytes) {
        return bytes <= SMALL ? ROOM.get().clear() : ByteBuffer.allocate(bytes);
    }

    /** Checks a maximum, in bytes. */
    static int maximum(int bytes) {
        if (bytes < 1 || bytes > LARGEST) {
            throw new IllegalArgumentException("the longest frame must have 1 to " + LARGEST + " bytes, not " + bytes);
        }
        return bytes;
    }

    static ProtocolException tooLong(int max) {
        return new ProtocolException("a frame of more than " + max + " bytes");
    }

    /** The length of a frame with so many bytes of content, and so many beside it. */
    static int encodedLength(int content, int beside, int max) {
        if (content < 0 || content > max) {
            throw new IllegalArgumentException("a frame must have between 0 and " + max + " bytes, not " + content);
        }
        return content + beside;
    }

    /** Checks that there is room for a frame, before any of it is put. */
    static void checkRoom(int bytes, ByteBuffer to) {
        if (to.remaining() < bytes) {
            throw new BufferOverflowException();
        }
    }

    /** Lends the bytes between two indices to the sink, then moves behind the frame, even if the sink throws. */
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
