package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.IdentityHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The memory that unread input is kept in. */
class UnreadInputTest {

    @Test
    void joinedBytesKeepTheirOrder() {
        ByteBuffer kept = null;
        for (int i = 0; i < 1_000; i++) {
            kept = UnreadInput.join(kept, ByteBuffer.wrap(new byte[] {(byte) i, (byte) (i + 1)}));
        }
        assertEquals(2_000, kept.remaining());
        for (int i = 0; i < 1_000; i++) {
            assertEquals((byte) i, kept.get());
            assertEquals((byte) (i + 1), kept.get());
        }
    }

    @Test
    void memoryDoublesSoThatAByteCostsAByte() {
        IdentityHashMap<ByteBuffer, Integer> buffers = new IdentityHashMap<>();
        ByteBuffer kept = null;
        for (int i = 0; i < 1 << 20; i++) {
            kept = UnreadInput.join(kept, ByteBuffer.wrap(new byte[] {1}));
            buffers.put(kept, kept.capacity());
        }
        assertEquals(1 << 20, kept.remaining());
        assertTrue(buffers.size() <= 13, buffers.size() + " copies");
        assertTrue(kept.capacity() <= 2 << 20);
    }

    /** The longest remainder is 1 GiB, and what was read comes behind it. */
    @ParameterizedTest
    @CsvSource({"1, 256", "256, 256", "257, 512", "1073741824, 1073741824", "1073741825, 1073741825", "1073807360, 1073807360"})
    void memoryIsAsLargeAsWhatItHolds(int length, int capacity) {
        assertEquals(capacity, UnreadInput.capacity(length));
    }
}
