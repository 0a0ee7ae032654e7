package dev.sluice.internal;

import java.nio.ByteBuffer;

/**
 * What a handler left unread, kept in front of the next bytes. A remainder is a heap buffer with its bytes from zero to
 * its limit, or null for none; the functions here bring it before a read, or join it with what was read, and take it after.
 *
 * <p>A short remainder is copied in front of the lent buffer, so that a partial message does not make the next read
 * short. Behind a long one the read goes straight, so that a message that arrives byte by byte costs no more than its
 * length.
 */
public final class UnreadInput {

    /** What may be copied at each read: 4 KiB take less time than the read itself. */
    private static final int SHORT = 4 << 10;

    private static final int SMALLEST = 256;

    private UnreadInput() {}

    /**
     * The buffer to read into: {@code kept} or {@code lent}, positioned behind the remainder. After the read it is
     * {@link ByteBuffer#flip flipped} and lent to the handler, or, if nothing was read, flipped and forgotten.
     *
     * @param kept the remainder, or null
     * @param lent the reactor's buffer, longer than a short remainder
     * @param most bytes that may be kept
     * @return has room, unless the remainder is as long as it may be
     */
    public static ByteBuffer before(ByteBuffer kept, ByteBuffer lent, int most) {
        lent.clear();
        if (kept == null) {
            return lent;
        }
        int length = kept.limit();
        if (length <= SHORT) {
            return lent.put(kept.array(), 0, length);
        }
        ByteBuffer target = kept;
        if (kept.capacity() - length < length / 2) {
            int doubled = (int) Math.min(most, 2L * kept.capacity());
            if (doubled > kept.capacity()) {
                target = ByteBuffer.allocate(doubled).put(kept.array(), 0, length);
            }
        }
        // no more than the lent buffer's size: the JDK reads into a heap buffer through a direct one as large as its room
        int room = Math.min(target.capacity(), most) - length;
        return target.limit(length + Math.min(room, lent.capacity())).position(length);
    }

    /**
     * Puts what was read behind the remainder, for a reader that cannot keep it at hand while it waits. The memory doubles
     * as it fills, so that a message that arrives byte by byte costs no more than its length here, too.
     *
     * @param kept the remainder, or null
     * @param in   what was read
     * @return both, from zero to the limit: the new remainder
     */
    public static ByteBuffer join(ByteBuffer kept, ByteBuffer in) {
        int length = kept == null ? 0 : kept.limit();
        int joined = length + in.remaining();
        ByteBuffer target = kept;
        if (kept == null || kept.capacity() < joined) {
            target = ByteBuffer.allocate(capacity(joined));
            if (kept != null) {
                target.put(kept.array(), 0, length);
            }
        }
        return target.limit(joined).position(length).put(in).flip();
    }

    /**
     * Keeps what was not read.
     *
     * @param kept the remainder until now, or null
     * @param in   the buffer that was lent to the handler, starting at zero; is it not {@code lent}, it is the remainder's
     * @param lent the reactor's buffer
     * @return the new remainder, or null
     */
    public static ByteBuffer after(ByteBuffer kept, ByteBuffer in, ByteBuffer lent) {
        int left = in.remaining();
        if (left == 0) {
            return null;
        }
        if (in != lent) {
            return in.position() == 0 ? in : in.compact().flip();
        }
        ByteBuffer target = kept != null && kept.capacity() >= left ? kept.clear() : ByteBuffer.allocate(capacity(left));
        return target.put(in).flip();
    }

    /** A power of two, while that is one: above 1 GiB no int is. */
    static int capacity(int length) {
        return length > 1 << 30 ? length : Math.max(SMALLEST, Integer.highestOneBit(length - 1) << 1);
    }
}
