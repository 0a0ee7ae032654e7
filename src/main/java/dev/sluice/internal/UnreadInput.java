package dev.sluice.internal;

import java.nio.ByteBuffer;

/**
 * Input that a handler left unread, kept in front of the next bytes. It is a heap buffer with its bytes from zero to its limit, or null
 * for none; only during a read may its limit be wider. The functions here place it before a read, join it with new bytes, and keep the
 * rest after the handler's call.
 *
 * <p>Short unread input is copied to the front of the lent buffer, so that a partial message does not make the next read short. Behind
 * long unread input the read goes straight, so that a message that arrives byte by byte costs no more than its length.
 */
public final class UnreadInput {

    /** The most that is copied at each read: 4 KiB take less time than the read itself. */
    private static final int SHORT = 4 << 10;

    private static final int SMALLEST = 256;

    private UnreadInput() {}

    /**
     * The buffer to read into: {@code kept} or {@code lent}, positioned behind the unread input. After the read it is
     * {@link ByteBuffer#flip flipped} and lent to the handler, or, if nothing was read, flipped and forgotten.
     *
     * @param kept the unread input, or null
     * @param lent the reactor's buffer, longer than short unread input
     * @param most bytes that may be kept
     * @return has room, unless the unread input is as long as it may be
     */
    public static ByteBuffer before(ByteBuffer kept, ByteBuffer lent, int most) {
        lent.clear().limit(Math.min(lent.capacity(), most));
        if (kept == null) {
            return lent;
        }
        int length = kept.limit();
        if (length <= SHORT) {
            lent.limit(Math.max(lent.limit(), length));
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
     * Puts new bytes behind the unread input, for a reader that cannot lend its buffer while it waits. The memory doubles
     * as it fills, so that a message that arrives byte by byte costs no more than its length here, too.
     *
     * @param kept the unread input, or null
     * @param in   the new bytes
     * @return both, from zero to the limit
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
     * Keeps the bytes that the handler left.
     *
     * @param kept the unread input until now, or null
     * @param in   the buffer that was lent to the handler, starting at zero; if it is not {@code lent}, it is that of the unread input
     * @param lent the reactor's buffer
     * @return the new unread input, or null
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

    /**
     * The memory of unread input for which the connection has not paid when it was let in.
     *
     * @param kept the unread input, or null
     * @return bytes
     */
    public static long cost(ByteBuffer kept) {
        return kept == null ? 0 : Math.max(0, kept.capacity() - MemoryBudget.PAID);
    }

    /**
     * Moves a short rest out of memory that was needed for more, so that it does not keep that while it waits.
     *
     * @param kept the unread input, from zero to its limit, or null
     * @return the same bytes, in memory of which they take at least a part, or in what a connection has paid for
     */
    public static ByteBuffer fitted(ByteBuffer kept) {
        if (kept == null || kept.capacity() <= MemoryBudget.PAID || kept.limit() > kept.capacity() / 4) {
            return kept;
        }
        return ByteBuffer.allocate(capacity(kept.limit())).put(kept).flip();
    }

    /**
     * Whether more input can be kept without more memory.
     *
     * @param kept the unread input, or null
     * @return true below its capacity, and below what a connection has paid for
     */
    public static boolean hasRoom(ByteBuffer kept) {
        return kept == null || kept.limit() < Math.max(MemoryBudget.PAID, kept.capacity());
    }

    /**
     * How much memory more would double that of unread input.
     *
     * @param kept the unread input, or null
     * @param most bytes that may be kept
     * @return bytes; 0 if it has room, or may not be longer
     */
    public static int growth(ByteBuffer kept, int most) {
        return hasRoom(kept) ? 0 : Math.min(kept.capacity(), most - kept.capacity());
    }

    /**
     * Copies unread input into more memory.
     *
     * @param kept the unread input
     * @param more bytes
     * @return the same bytes
     */
    public static ByteBuffer grown(ByteBuffer kept, int more) {
        return ByteBuffer.allocate(kept.capacity() + more).put(kept.array(), 0, kept.limit()).flip();
    }

    /**
     * The memory for so much unread input.
     *
     * @param length bytes
     * @return bytes: a power of two, while that is one; above 1 GiB no int is
     */
    public static int capacity(int length) {
        return length > 1 << 30 ? length : Math.max(SMALLEST, Integer.highestOneBit(length - 1) << 1);
    }
}
