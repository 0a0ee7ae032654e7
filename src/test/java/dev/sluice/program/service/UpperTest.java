package dev.sluice.program.service;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Every byte, at every place of a word, in both orders, beside every other byte. */
class UpperTest {

    @Test
    void onlyLettersOfAsciiChangeAndNoneTouchesItsNeighbours() {
        for (ByteOrder order : new ByteOrder[] {ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN}) {
            for (int neighbour = 0; neighbour < 256; neighbour++) {
                for (int b = 0; b < 256; b++) {
                    for (int length = 1; length <= 17; length += length < 8 ? 7 : 3) {
                        int place = (b + neighbour) % length;
                        ByteBuffer bytes = ByteBuffer.allocate(length + 4).order(order);
                        for (int i = 0; i < bytes.capacity(); i++) {
                            bytes.put(i, (byte) neighbour);
                        }
                        bytes.put(2 + place, (byte) b).position(2).limit(2 + length);
                        Upper.change(bytes);
                        for (int i = 0; i < length; i++) {
                            assertEquals(upper(i == place ? b : neighbour), bytes.get(2 + i) & 0xff);
                        }
                        assertEquals((byte) neighbour, bytes.array()[1]);
                        assertEquals((byte) neighbour, bytes.array()[2 + length]);
                    }
                }
            }
        }
    }

    private static int upper(int b) {
        return b >= 'a' && b <= 'z' ? b - 32 : b;
    }
}
