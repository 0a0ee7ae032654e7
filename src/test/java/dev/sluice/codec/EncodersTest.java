package dev.sluice.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.sluice.Connection;
import dev.sluice.harness.Seed;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Proxy;
import java.nio.BufferOverflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A frame that is encoded is decoded as it was, however it is cut; content for which that cannot be is refused, and no other is. */
class EncodersTest {

    /** Content of up to so many bytes is tried in full. */
    private static final int SHORT = 6;

    private static final int MAX = 5;

    /**
     * A kind of frame.
     *
     * @param decoder  makes one, for frames of up to {@link #MAX} bytes
     * @param alphabet the bytes of its content
     * @param framed   the simplest way to encode, which refuses nothing
     */
    record Kind(String name, Supplier<Decoder> decoder, String alphabet, Function<byte[], byte[]> framed) {

        Encoder encoder() {
            return (Encoder) decoder.get();
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Kind delimited(String delimiter) {
        return new Kind("until " + delimiter, () -> new Delimited(Cut.bytes(delimiter), MAX), "abc", content -> join(content, Cut.bytes(delimiter)));
    }

    private static Kind prefixed(int prefix, ByteOrder order) {
        return new Kind(prefix + " " + order, () -> new LengthPrefixed(prefix, order, MAX), "a\0\3", content -> {
            byte[] length = new byte[prefix];
            length[order == ByteOrder.LITTLE_ENDIAN ? 0 : prefix - 1] = (byte) content.length;
            return join(length, content);
        });
    }

    static Stream<Kind> kinds() {
        return Stream.concat(
                Stream.of(new Kind("lines", () -> new Lines(MAX), "a\r\n", content -> join(content, Cut.bytes("\n")))),
                Stream.concat(
                        Stream.of("a", "ab", "aab", "abab", "aaa", "abcab", "abaab").map(EncodersTest::delimited),
                        IntStream.rangeClosed(1, 4).boxed().flatMap(prefix ->
                                Stream.of(prefixed(prefix, ByteOrder.BIG_ENDIAN), prefixed(prefix, ByteOrder.LITTLE_ENDIAN)))));
    }

    private static byte[] join(byte[] first, byte[] second) {
        byte[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        return all;
    }

    private static String string(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static byte[] array(ByteBuffer bytes) {
        byte[] array = new byte[bytes.remaining()];
        bytes.get(array);
        return array;
    }

    /** Every content over the alphabet, the empty one first. */
    private static List<byte[]> contents(String alphabet) {
        List<byte[]> all = new ArrayList<>(List.of(new byte[0]));
        for (int i = 0; all.get(i).length < SHORT; i++) {
            for (char next : alphabet.toCharArray()) {
                all.add(join(all.get(i), new byte[] {(byte) next}));
            }
        }
        return all;
    }

    private static boolean isRefused(Encoder encoder, byte[] content) {
        ByteBuffer in = ByteBuffer.wrap(content);
        ByteBuffer out = ByteBuffer.allocate(100).position(7);
        try {
            encoder.encode(in, out);
            return false;
        } catch (IllegalArgumentException e) {
            assertEquals(0, in.position(), "nothing was taken");
            assertEquals(7, out.position(), "nothing was put");
            return true;
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void contentIsRefusedIfItWouldNotBeDecodedAgain(Kind kind) throws Exception {
        Encoder encoder = kind.encoder();
        int refused = 0;
        for (byte[] content : contents(kind.alphabet)) {
            List<String> found = Cut.decode(kind.decoder.get(), join(kind.framed.apply(content), kind.framed.apply(new byte[0])));
            boolean isFound = found.equals(List.of(string(content), ""));
            assertEquals(!isFound, isRefused(encoder, content), () -> Arrays.toString(content));
            refused += isFound ? 0 : 1;
        }
        assertTrue(refused > 0, "those that are too long at least");
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void framesAreDecodedAsTheyWereHoweverTheyAreCut(Kind kind) throws Exception {
        Random random = new Random(Seed.VALUE);
        Encoder encoder = kind.encoder();
        List<byte[]> contents = contents(kind.alphabet).stream().filter(content -> !isRefused(encoder, content)).toList();
        for (int round = 0; round < 300; round++) {
            List<byte[]> some = random.ints(random.nextInt(4), 0, contents.size()).mapToObj(contents::get).toList();
            List<String> expected = some.stream().map(EncodersTest::string).toList();
            byte[] all = new byte[0];
            for (byte[] content : some) {
                ByteBuffer frame = ByteBuffer.allocate(encoder.encodedLength(content.length));
                encoder.encode(ByteBuffer.wrap(content).order(random.nextBoolean() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN), frame);
                assertEquals(0, frame.remaining(), "it is as long as it was said to be");
                all = join(all, frame.array());
            }
            assertEquals(expected, Cut.decodeByteByByte(kind.decoder.get(), all));
            for (int cut = 0; cut <= all.length; cut++) {
                int second = random.nextInt(all.length + 1);
                assertEquals(expected, Cut.decode(kind.decoder.get(), all, Math.min(cut, second), Math.max(cut, second)));
            }
        }
    }

    /** Random bytes of any length up to the maximum, with lengths that need every byte of the prefix. */
    @Test
    void longFramesAreDecodedAsTheyWere() throws Exception {
        Random random = new Random(Seed.VALUE);
        int max = 70_000;
        for (int round = 0; round < 200; round++) {
            Decoder decoder = switch (round % 4) {
                case 0 -> new Lines(max);
                case 1 -> new Delimited(new byte[] {0, 1}, max);
                default -> new LengthPrefixed(3 + random.nextInt(2), round % 4 == 2 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN, max);
            };
            byte[] content = new byte[round < 8 ? max : random.nextInt(max + 1)];
            for (int i = 0; i < content.length; i++) {
                content[i] = (byte) (round % 4 < 2 ? 'a' + random.nextInt(26) : random.nextInt());
            }
            ByteBuffer in = ByteBuffer.wrap(join(content, new byte[3]), 0, content.length);
            byte[] frame = array(((Encoder) decoder).encode(in));
            assertEquals(0, in.remaining());
            int piece = 5_000 + random.nextInt(20_000);
            int[] cuts = IntStream.iterate(piece, cut -> cut < frame.length, cut -> cut + piece).toArray();
            assertEquals(List.of(string(content)), Cut.decode(decoder, frame, cuts));
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void nothingIsPutWhereThereIsTooLittleRoom(Kind kind) {
        Encoder encoder = kind.encoder();
        byte[] content = Cut.bytes("cc".substring(kind.alphabet.contains("c") ? 0 : 2));
        int length = encoder.encodedLength(content.length);
        ByteBuffer out = ByteBuffer.allocate(length - 1);
        ByteBuffer in = ByteBuffer.wrap(content);
        assertThrows(BufferOverflowException.class, () -> encoder.encode(in, out));
        assertEquals(0, in.position());
        assertEquals(0, out.position());
        encoder.encode(in, ByteBuffer.allocate(length));
    }

    @Test
    void refusalNamesItsReason() {
        assertThrows(IllegalArgumentException.class, () -> new Lines(5).encodedLength(-1));
        refuses("a frame must have between 0 and 5 bytes, not 6", new Lines(5), "sixsix");
        refuses("a frame must have between 0 and 255 bytes, not 256", new LengthPrefixed(1, ByteOrder.BIG_ENDIAN, 1_000), "x".repeat(256));
        refuses("a line must not contain LF", new Lines(5), "a\nb");
        refuses("a line must not end with CR: it would be taken for a part of the line's end", new Lines(5), "ab\r");
        refuses("a frame must not contain its delimiter, nor end with a part that completes it too early", new Delimited(Cut.bytes("abab"), 5), "ab");
    }

    private static void refuses(String reason, Encoder encoder, String content) {
        ByteBuffer in = ByteBuffer.wrap(Cut.bytes(content));
        assertEquals(reason, assertThrows(IllegalArgumentException.class, () -> encoder.encode(in)).getMessage());
    }

    // ---- to a connection ------------------------------------------------------------------------------------------------

    /** A connection that can be written to, and nothing else; the bytes are taken, as a connection takes them. */
    private static Connection connection(Function<ByteBuffer, Boolean> write) {
        return (Connection) Proxy.newProxyInstance(EncodersTest.class.getClassLoader(), new Class<?>[] {Connection.class}, (self, method, arguments) ->
                method.getName().equals("write") ? write.apply((ByteBuffer) arguments[0]) : null);
    }

    @Test
    void frameIsWrittenInOnePiece() {
        List<String> written = new ArrayList<>();
        Connection connection = connection(data -> written.add(string(array(data))) && written.size() < 3);
        assertTrue(new Lines(5_000).write(connection, ByteBuffer.wrap(Cut.bytes("small"))));
        assertTrue(new Delimited(Cut.bytes("--"), 5_000).write(connection, ByteBuffer.wrap(Cut.bytes("x".repeat(3_000)))));
        assertEquals(false, new LengthPrefixed(2, ByteOrder.BIG_ENDIAN, 5).write(connection, ByteBuffer.allocate(0)));
        assertEquals(List.of("small\n", "x".repeat(3_000) + "--", "\0\0"), written);
        assertThrows(IllegalArgumentException.class, () -> new Lines(5).write(connection, ByteBuffer.wrap(Cut.bytes("a\nb"))));
        assertEquals(3, written.size());
    }

    @Test
    void smallFrameCostsNoMemory() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long id = Thread.currentThread().getId();
        int rounds = 20_000;
        Connection connection = connection(data -> {
            data.position(data.limit());
            return true;
        });
        for (Encoder encoder : List.of(new Lines(1_000), new Delimited(new byte[2], 1_000), new LengthPrefixed(4, ByteOrder.BIG_ENDIAN, 1_000))) {
            byte[] content = new byte[1_000];
            Arrays.fill(content, (byte) 'x');
            ByteBuffer in = ByteBuffer.wrap(content);
            encoder.write(connection, in);
            long before = threads.getThreadAllocatedBytes(id);
            for (int i = 0; i < rounds; i++) {
                encoder.write(connection, in.rewind());
            }
            long each = (threads.getThreadAllocatedBytes(id) - before) / rounds;
            assertTrue(each < 100, () -> each + " bytes a frame: more than what the proxy makes");
        }
    }
}
