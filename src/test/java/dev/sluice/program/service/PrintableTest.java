package dev.sluice.program.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which characters steer, one by one; and that nothing else is touched. */
class PrintableTest {

    @Test
    void steeringCharactersAreThese() {
        String steering = IntStream.rangeClosed(Character.MIN_VALUE, Character.MAX_VALUE)
                .filter(c -> Printable.steers((char) c))
                .mapToObj(Integer::toHexString)
                .collect(Collectors.joining(" "));
        String c0 = IntStream.range(0, 0x20).filter(c -> c != '\t').mapToObj(Integer::toHexString).collect(Collectors.joining(" "));
        String delAndC1 = IntStream.rangeClosed(0x7F, 0x9F).mapToObj(Integer::toHexString).collect(Collectors.joining(" "));
        assertEquals(c0 + " " + delAndC1 + " 61c 200e 200f 2028 2029 202a 202b 202c 202d 202e 2066 2067 2068 2069", steering);
    }

    @Test
    void everyOtherCharacterPassesAsItCame() {
        for (int c = Character.MIN_CODE_POINT; c <= Character.MAX_CODE_POINT; c++) {
            if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE || c == 0xFFFD || c <= 0xFFFF && Printable.steers((char) c)) {
                continue;
            }
            ByteBuffer line = StandardCharsets.UTF_8.encode("a" + Character.toString(c) + "z");
            assertSame(line, Printable.line(line), Integer.toHexString(c));
        }
    }

    /** Random bytes, among which many sequences begin, and few end. */
    @Test
    void anyInputIsUtf8AfterwardsAndNoLonger() {
        Random random = new Random(7);
        int[] bytes = {'a', 'z', '\t', 0x1B, 0x7F, 0x80, 0x9B, 0xBF, 0xC0, 0xC2, 0xE2, 0x80, 0xAE, 0xED, 0xA0, 0xF0, 0x9F, 0x98, 0x80, 0xF4, 0xFF};
        for (int round = 0; round < 100_000; round++) {
            ByteBuffer line = (round % 2 == 0 ? ByteBuffer.allocate(20) : ByteBuffer.allocateDirect(20));
            while (line.hasRemaining()) {
                line.put((byte) bytes[random.nextInt(bytes.length)]);
            }
            line.position(random.nextInt(10)).limit(10 + random.nextInt(10));
            ByteBuffer before = line.duplicate();
            ByteBuffer shown = Printable.line(line);
            assertEquals(before, line, "stays as it is");
            assertTrue(shown.remaining() <= line.remaining());
            String text = StandardCharsets.UTF_8.decode(shown.duplicate()).toString();
            assertEquals(shown, StandardCharsets.UTF_8.encode(text));
            assertTrue(text.indexOf('\uFFFD') < 0 && text.chars().noneMatch(c -> Printable.steers((char) c)), text);
        }
    }
}
