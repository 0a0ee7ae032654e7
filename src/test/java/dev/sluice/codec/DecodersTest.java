package dev.sluice.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.Seed;
import java.lang.management.ManagementFactory;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Frames depend on the bytes, not on how they were cut; what is too long is rejected as soon as that shows. */
class DecodersTest {

    private static final String REJECTED = "<rejected>";

    /** Up to this length every one of the 2^(n-1) ways to cut is tried. */
    private static final int SHORT = 14;

    record Vector(String name, Supplier<Decoder> decoder, byte[] bytes, List<String> frames) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Vector lines(int max, String text, String... frames) {
        return new Vector("lines of " + max + ": " + shown(text), () -> new Lines(max), Cut.bytes(text), List.of(frames));
    }

    private static Vector prefixed(int prefix, ByteOrder order, int max, String text, String... frames) {
        return new Vector(prefix + " " + order + " of " + max + ": " + shown(text),
                () -> new LengthPrefixed(prefix, order, max), Cut.bytes(text), List.of(frames));
    }

    private static Vector delimited(String delimiter, int max, String text, String... frames) {
        return new Vector("until " + shown(delimiter) + " of " + max + ": " + shown(text),
                () -> new Delimited(Cut.bytes(delimiter), max), Cut.bytes(text), List.of(frames));
    }

    private static String shown(String text) {
        return text.replace("\r", "\\r").replace("\n", "\\n").replace("\0", "\\0");
    }

    static Stream<Vector> vectors() {
        return Stream.of(
                lines(8, ""),
                lines(8, "\n", ""),
                lines(8, "\r\n", ""),
                lines(8, "a\nb\n", "a", "b"),
                lines(8, "a\r\nb\r\n\r\n", "a", "b", ""),
                lines(8, "a\rb\r\r\nc\n\r", "a\rb\r", "c"),
                lines(8, "whole\nunfinished".substring(0, 13), "whole"),
                lines(4, "four\nfour\r\n", "four", "four"),
                lines(4, "four\nfives\nno", "four", REJECTED),
                lines(4, "fiv\r\r\n", "fiv\r"),
                lines(4, "four\r\r\n", REJECTED),
                lines(1, "ab", REJECTED),
                lines(1, "a\rb", REJECTED),
                lines(40, "a line of twenty-six bytes\r\nand another one\nend\n",
                        "a line of twenty-six bytes", "and another one", "end"),
                prefixed(1, ByteOrder.BIG_ENDIAN, 8, "\3abc\0\1d", "abc", "", "d"),
                prefixed(1, ByteOrder.LITTLE_ENDIAN, 255, "\3abc\4de", "abc"),
                prefixed(1, ByteOrder.BIG_ENDIAN, 3, "\3abc\4de", "abc", REJECTED),
                prefixed(1, ByteOrder.BIG_ENDIAN, 254, "\u00ff", REJECTED),
                prefixed(2, ByteOrder.BIG_ENDIAN, 8, "\0\3abc\0\0\0\1d", "abc", "", "d"),
                prefixed(2, ByteOrder.LITTLE_ENDIAN, 8, "\3\0abc\0\0\1\0d", "abc", "", "d"),
                prefixed(2, ByteOrder.BIG_ENDIAN, 8, "\u0080\0", REJECTED),
                prefixed(3, ByteOrder.BIG_ENDIAN, 8, "\0\0\3abc\0\0\0", "abc", ""),
                prefixed(3, ByteOrder.LITTLE_ENDIAN, 8, "\3\0\0abc\0\0\1", "abc", REJECTED),
                prefixed(4, ByteOrder.BIG_ENDIAN, 8, "\0\0\0\2ab\0\0\0\0", "ab", ""),
                prefixed(4, ByteOrder.LITTLE_ENDIAN, 8, "\2\0\0\0ab\0\0\0\0", "ab", ""),
                prefixed(4, ByteOrder.BIG_ENDIAN, 1 << 30, "\u00ff\u00ff\u00ff\u00ff", REJECTED),
                prefixed(4, ByteOrder.LITTLE_ENDIAN, 1 << 30, "\0\0\0\u0080", REJECTED),
                delimited("\0", 8, "ab\0\0c\0d", "ab", "", "c"),
                delimited("\r\n\r\n", 8, "a\r\nb\r\n\r\n\r\n\r", "a\r\nb"),
                delimited("\r\n\r\n", 8, "\r\n\r\nab\r\n\r\n", "", "ab"),
                delimited("aab", 4, "aaab", "a"),
                delimited("aabaaa", 8, "aabaabaaab", "aab"),
                delimited("abab", 4, "abaabab", "aba"),
                delimited("--", 2, "ab--abc--", "ab", REJECTED),
                delimited("--", 2, "ab-", new String[0]),
                delimited("--", 2, "ab-c", REJECTED),
                delimited("--", 30, "first part--second - part--rest", "first part", "second - part"));
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void framesAreTheSameHoweverTheBytesAreCut(Vector vector) throws Exception {
        int length = vector.bytes.length;
        if (length <= SHORT) {
            for (int mask = 0; mask < 1 << Math.max(0, length - 1); mask++) {
                int cuts = mask;
                check(vector, IntStream.range(1, length).filter(i -> (cuts >> (i - 1) & 1) == 1).toArray());
            }
            return;
        }
        for (int first = 0; first <= length; first++) {
            for (int second = first; second <= length; second++) {
                check(vector, first, second);
            }
        }
        check(vector, IntStream.range(1, length).toArray());
    }

    private static void check(Vector vector, int... cuts) throws Exception {
        assertEquals(vector.frames, Cut.decode(vector.decoder.get(), vector.bytes, cuts), () -> vector + " cut at " + IntStream.of(cuts).boxed().toList());
    }

    // ---- random bytes, against the simplest thing that could work ------------------------------------------------------

    @Test
    void linesAreThoseOfASplit() throws Exception {
        fuzz("ab\r\n", () -> new Lines(6), text -> reference(text, "\n", 6, true));
    }

    @Test
    void delimitedFramesAreThoseOfASplit() throws Exception {
        for (String delimiter : List.of("a", "ab", "aab", "abab", "aaa", "abcab")) {
            fuzz("abc", () -> new Delimited(Cut.bytes(delimiter), 6), text -> reference(text, delimiter, 6, false));
        }
    }

    @Test
    void prefixedFramesAreThoseThatWereEncoded() throws Exception {
        Random random = random();
        for (int round = 0; round < 2_000; round++) {
            int prefix = 1 + random.nextInt(4);
            ByteOrder order = random.nextBoolean() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
            LengthPrefixed encoder = new LengthPrefixed(prefix, order, 200);
            ByteBuffer all = ByteBuffer.allocate(2_000);
            List<String> frames = new ArrayList<>();
            for (int i = random.nextInt(8); i > 0; i--) {
                byte[] content = new byte[random.nextInt(random.nextBoolean() ? 4 : 200)];
                random.nextBytes(content);
                all.put(encoder.encode(ByteBuffer.wrap(content)));
                frames.add(new String(content, java.nio.charset.StandardCharsets.ISO_8859_1));
            }
            byte[] bytes = java.util.Arrays.copyOf(all.array(), all.position());
            assertEquals(frames, Cut.decode(new LengthPrefixed(prefix, order, 200), bytes, cuts(random, bytes.length)));
        }
    }

    @Test
    void anyBytesAreFramesOrRejected() throws Exception {
        Random random = random();
        for (int round = 0; round < 5_000; round++) {
            byte[] bytes = new byte[random.nextInt(300)];
            random.nextBytes(bytes);
            for (Supplier<Decoder> decoder : List.<Supplier<Decoder>>of(
                    () -> new Lines(50),
                    () -> new LengthPrefixed(2, ByteOrder.LITTLE_ENDIAN, 50),
                    () -> new Delimited(new byte[] {0}, 50))) {
                assertEquals(Cut.decode(decoder.get(), bytes), Cut.decode(decoder.get(), bytes, cuts(random, bytes.length)));
            }
        }
    }

    private interface Reference {
        List<String> frames(String text);
    }

    private static void fuzz(String alphabet, Supplier<Decoder> decoder, Reference reference) throws Exception {
        Random random = random();
        for (int round = 0; round < 5_000; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(40); i > 0; i--) {
                text.append(alphabet.charAt(random.nextInt(alphabet.length())));
            }
            byte[] bytes = Cut.bytes(text.toString());
            assertEquals(reference.frames(text.toString()), Cut.decode(decoder.get(), bytes, cuts(random, bytes.length)), shown(text.toString()));
        }
    }

    /** Splits whole text. That an unfinished frame is too long shows when no delimiter, begun already, can save it. */
    private static List<String> reference(String text, String delimiter, int max, boolean stripsCr) {
        List<String> frames = new ArrayList<>();
        int from = 0;
        for (int at; (at = text.indexOf(delimiter, from)) >= 0; from = at + delimiter.length()) {
            int end = stripsCr && at > from && text.charAt(at - 1) == '\r' ? at - 1 : at;
            if (end - from > max) {
                frames.add(REJECTED);
                return frames;
            }
            frames.add(text.substring(from, end));
        }
        String rest = text.substring(from);
        String ending = stripsCr ? "\r\n" : delimiter;
        int begun = ending.length();
        while (begun > 0 && !rest.endsWith(ending.substring(0, begun))) {
            begun--;
        }
        if (rest.length() - begun > max) {
            frames.add(REJECTED);
        }
        return frames;
    }

    private static int[] cuts(Random random, int length) {
        return random.ints(random.nextInt(10), 0, length + 1).sorted().toArray();
    }

    private static Random random() {
        return new Random(Seed.VALUE);
    }

    // ---- bounds ---------------------------------------------------------------------------------------------------------

    /** Processor time: a machine that is busy with something else is no defect. If each byte were looked at again, it would be a minute. */
    @Test
    void lineOfAMegabyteByteByByteTakesUnderASecond() throws Exception {
        byte[] bytes = new byte[(1 << 20) + 1];
        java.util.Arrays.fill(bytes, (byte) 'x');
        bytes[1 << 20] = '\n';
        for (Decoder decoder : List.of(new Lines(1 << 20), new Delimited(Cut.bytes("\n"), 1 << 20))) {
            long beforeNs = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            List<String> frames = Cut.decodeByteByByte(decoder, bytes);
            long tookNs = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - beforeNs;
            assertEquals(List.of(1 << 20), frames.stream().map(String::length).toList());
            assertTrue(tookNs < 1_000_000_000L, () -> tookNs + " ns");
        }
    }

    @Test
    void rejectsBeforeTheBytesAreThere() {
        ByteBuffer prefix = ByteBuffer.wrap(new byte[] {0, 1, 0});
        assertThrows(ProtocolException.class, () -> new LengthPrefixed(3, ByteOrder.BIG_ENDIAN, 255).decode(prefix, frame -> {}));
        ByteBuffer line = ByteBuffer.wrap(new byte[102]);
        assertThrows(ProtocolException.class, () -> new Lines(100).decode(line, frame -> {}));
    }

    @Test
    void frameMayBeChangedInPlaceAndASinkMayThrow() throws Exception {
        ByteBuffer in = ByteBuffer.wrap(Cut.bytes("..ab\ncd\n"), 2, 6).slice();
        Lines lines = new Lines(8);
        assertThrows(IllegalStateException.class, () -> lines.decode(in, frame -> {
            frame.put(0, (byte) 'A');
            throw new IllegalStateException();
        }));
        assertEquals(3, in.position());
        assertEquals('A', in.get(0));
        lines.decode(in, frame -> assertEquals(2, frame.remaining()));
        assertEquals(0, in.remaining());
    }

    @Test
    void everyByteBeforeAnLfIsPartOfTheLineInBothOrdersOfTheBuffer() throws Exception {
        for (ByteOrder order : new ByteOrder[] {ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN}) {
            for (int b = 0; b < 256; b++) {
                for (int length = 0; length < 20; length++) {
                    if (b == '\n' || b == '\r') {
                        continue;
                    }
                    ByteBuffer in = ByteBuffer.allocate(30).order(order);
                    for (int i = 0; i < 30; i++) {
                        in.put(i, (byte) b);
                    }
                    in.put(1 + length, (byte) '\n').position(1);
                    int expected = length;
                    new Lines(20).decode(in, frame -> assertEquals(expected, frame.remaining()));
                    assertEquals(length + 2, in.position());
                }
            }
        }
    }

    @Test
    void encodesInBothOrders() {
        ByteBuffer content = ByteBuffer.allocate(258);
        assertArrayEquals(new byte[] {0, 1, 2}, java.util.Arrays.copyOf(new LengthPrefixed(3, ByteOrder.BIG_ENDIAN, 300).encode(content.duplicate()).array(), 3));
        assertArrayEquals(new byte[] {2, 1, 0}, java.util.Arrays.copyOf(new LengthPrefixed(3, ByteOrder.LITTLE_ENDIAN, 300).encode(content.duplicate()).array(), 3));
        assertThrows(IllegalArgumentException.class, () -> new LengthPrefixed(1, ByteOrder.BIG_ENDIAN, 300).encode(content));
        assertThrows(IllegalArgumentException.class, () -> new LengthPrefixed(2, ByteOrder.BIG_ENDIAN, 257).encode(content));
    }

    @Test
    void badArgumentsAreNamed() {
        assertThrows(IllegalArgumentException.class, () -> new Lines(0));
        assertThrows(IllegalArgumentException.class, () -> new LengthPrefixed(0, ByteOrder.BIG_ENDIAN, 1));
        assertThrows(IllegalArgumentException.class, () -> new LengthPrefixed(5, ByteOrder.BIG_ENDIAN, 1));
        assertThrows(IllegalArgumentException.class, () -> new Delimited(new byte[0], 1));
        assertThrows(IllegalArgumentException.class, () -> new Delimited(new byte[1], (1 << 30) + 1));
    }
}
