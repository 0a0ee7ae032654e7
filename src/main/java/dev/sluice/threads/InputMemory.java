package dev.sluice.threads;

import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.ChunkPool.Chunk;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.UnreadInput;
import java.nio.ByteBuffer;

/**
 * The memory that a connection on a thread holds for input: the buffer that its thread waits in, and unread input. Used under the
 * connection's lock, unless a method says otherwise.
 *
 * <p>The buffer is small, and costs nothing beyond what the connection has paid for. A read that fills it makes the next one use a large
 * buffer, until a read brings less than the small one takes. So requests of one size use one buffer. What a read may turn into unread input
 * is reserved before it, because the thread waits in the read, and many may come back at once.
 */
final class InputMemory {

    /** Bytes of the small buffer. */
    private static final int SMALL = 1 << 10;

    private final InputAccount account;

    /** Made by the own thread: a connection that waits for its thread has none. */
    private ByteBuffer small;

    private Chunk large;

    /** Whether the last read brought as much as it could, or more than the small buffer takes. Of the own thread. */
    private boolean wantsLarge;

    /** What the coming read may add to the unread input. */
    private long reserved;

    /** What the account was told. */
    private long charged;

    InputMemory(InputAccount account) {
        this.account = account;
    }

    /** The own thread, without the lock. */
    void begin() {
        small = ByteBuffer.allocate(SMALL);
    }

    /**
     * The own thread. Chooses the buffer for the next read.
     *
     * @param unread the unread input, or null
     * @param beside bytes that count against the connection beside its unread input
     * @return is empty, and limited to what may be read now; null while memory is short, and the unread input has no room left
     */
    ByteBuffer beforeRead(ByteBuffer unread, long beside) {
        settle(unread);
        chooseBuffer();
        ByteBuffer into = large == null ? small : large.bytes();
        int length = unread == null ? 0 : unread.limit();
        int free = Math.max(MemoryBudget.PAID, unread == null ? 0 : unread.capacity()) - length;
        int most = into.capacity();
        if (free >= most / 2) {
            most = Math.min(most, free); // without more memory, at the cost of two reads instead of one
        } else if (!reserve(unread, UnreadInput.capacity(length + most), beside)) {
            boolean hadLarge = large != null;
            dropLarge();
            into = small;
            most = SMALL;
            if (free < most && !(hadLarge && reserve(unread, UnreadInput.capacity(length + most), beside))) { // it may be what made memory short
                most = free;
            }
        }
        return most > 0 ? into.clear().limit(most) : null;
    }

    /** The own thread. The buffer for input that is not kept. */
    ByteBuffer toDiscard() {
        dropLarge();
        return small.clear();
    }

    private void chooseBuffer() {
        if (!wantsLarge || large != null && !account.isRoomForLarge()) {
            dropLarge();
        } else if (large == null) {
            large = account.takeLarge();
        }
    }

    private void dropLarge() {
        if (large != null) {
            account.giveLarge(large);
            large = null;
        }
    }

    private boolean reserve(ByteBuffer unread, int capacity, long beside) {
        long more = Math.max(0, capacity - MemoryBudget.PAID) - UnreadInput.cost(unread);
        if (more > 0 && !account.reserve(more, beside + capacity)) {
            return false;
        }
        reserved = more;
        charged += more;
        return true;
    }

    /**
     * The own thread, without the lock. A read has returned.
     *
     * @param read bytes
     * @param most that there was room for
     */
    void wasRead(int read, int most) {
        wantsLarge = read >= Math.min(SMALL, most);
    }

    /** The own thread, without the lock. Whether memory is reserved for a read. */
    boolean hasReserved() {
        return reserved > 0;
    }

    /** The own thread: there is no read to reserve for. */
    void settle(ByteBuffer unread) {
        reserved = 0;
        kept(unread);
    }

    /** The unread input is this now, or null. */
    void kept(ByteBuffer unread) {
        long less = charged - UnreadInput.cost(unread) - reserved;
        if (less != 0) {
            account.release(less);
            charged -= less;
        }
    }

    /** The own thread, or once it is gone. No input is read while the connection waits. */
    void rest(ByteBuffer unread) {
        dropLarge();
        settle(unread);
    }

    /** What it reads into, and has reserved for that. Any thread, without the lock, which may see it late. */
    long heldToRead() {
        return reserved + (large == null ? 0 : ChunkPool.CHUNK);
    }
}
