package dev.sluice.program.bench;

import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/**
 * The bytes of requests and answers: one endless stream of letters. Each connection has its own stretch of it, so that an answer that is
 * late, double, cut, or another connection's, differs from the right one. Belongs to one thread.
 */
final class Content {

    /** A prime, so that no size of a request divides it: each request differs from the one before. */
    private static final int PERIOD = 65_521;

    private static final long SEED = 20_260_101;

    private final ByteBuffer sent;
    private final ByteBuffer expected;

    Content(int size, Expect expect) {
        sent = ByteBuffer.allocateDirect(PERIOD + Math.max(size, PERIOD));
        expected = ByteBuffer.allocateDirect(sent.capacity());
        byte[] letters = new byte[PERIOD];
        SplittableRandom random = new SplittableRandom(SEED);
        for (int i = 0; i < PERIOD; i++) {
            letters[i] = (byte) ('a' + random.nextInt(26));
        }
        for (int i = 0; i < sent.capacity(); i++) {
            byte letter = letters[i % PERIOD];
            sent.put(i, letter);
            expected.put(i, expect.answerTo(letter));
        }
    }

    /** The beginning of a connection's stretch, far from its neighbour's. */
    static long start(int connection) {
        return connection * 7_919L;
    }

    /** The bytes from an offset of the stream on; lent until the next call. */
    ByteBuffer request(long offset, int size) {
        int at = (int) (offset % PERIOD);
        return sent.limit(at + size).position(at);
    }

    /** Whether these are the answer's bytes from an offset on; all are read if they are. */
    boolean matches(ByteBuffer in, long offset) {
        int end = in.limit();
        for (long at = offset; in.position() < end; ) {
            int from = (int) (at % PERIOD);
            int length = Math.min(end - in.position(), PERIOD);
            in.limit(in.position() + length);
            boolean same = in.mismatch(expected.limit(from + length).position(from)) < 0;
            in.position(in.limit()).limit(end);
            if (!same) {
                return false;
            }
            at += length;
        }
        return true;
    }
}
