package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.ProxyHeader;
import dev.sluice.ProxyHeader.Fault;
import dev.sluice.harness.Seed;
import dev.sluice.internal.Headers.Sample;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A header is read as it was meant, however its bytes arrive, and not a byte behind it is; all else is refused, with its cause. */
class HeaderDecoderTest {

    /** How many headers are changed at random; the nightly run has a million. */
    private static final int MUTATIONS = Integer.getInteger("sluice.headers", 20_000);

    static Stream<Sample> good() {
        return Headers.good().stream();
    }

    static Stream<Sample> bad() {
        return Headers.bad().stream();
    }

    /** A socket that gives at most so many bytes for a call, up to the first cut, and after it. */
    private static ProxyHeader read(HeaderDecoder decoder, ByteBuffer socket, int cut, int most) throws RejectedHeader {
        ProxyHeader header = null;
        while (header == null && socket.hasRemaining()) {
            ByteBuffer room = decoder.room();
            assertTrue(room.hasRemaining(), "no room for a byte that is needed");
            assertTrue(room.capacity() <= Math.max(128, 2 * room.position()), "memory for bytes that have not come");
            int toCut = socket.position() < cut ? cut - socket.position() : Integer.MAX_VALUE;
            int length = Math.min(Math.min(room.remaining(), socket.remaining()), Math.min(toCut, most));
            room.put(socket.slice(socket.position(), length));
            socket.position(socket.position() + length);
            header = decoder.decode(Headers.PROXY);
        }
        return header;
    }

    private static ByteBuffer withPayload(byte[] header) {
        return ByteBuffer.wrap(Headers.join(header, Headers.text("\r\nPROXY TCP4 payload\r\n\r\n")));
    }

    @ParameterizedTest
    @MethodSource("good")
    void isReadAsItWasMeantHoweverItIsCut(Sample sample) throws RejectedHeader {
        for (int cut = 0; cut <= sample.bytes().length; cut++) {
            ByteBuffer socket = withPayload(sample.bytes());
            assertEquals(sample.says(), read(new HeaderDecoder(), socket, cut, Integer.MAX_VALUE), "cut at " + cut);
            assertEquals(sample.bytes().length, socket.position(), "bytes taken, cut at " + cut);
        }
        ByteBuffer socket = withPayload(sample.bytes());
        assertEquals(sample.says(), read(new HeaderDecoder(), socket, 0, 1), "byte by byte");
        assertEquals(sample.bytes().length, socket.position(), "bytes taken, byte by byte");
    }

    @ParameterizedTest
    @MethodSource("good")
    void isNotWholeBeforeItsLastByte(Sample sample) throws RejectedHeader {
        for (int length = 0; length < sample.bytes().length; length++) {
            ByteBuffer socket = ByteBuffer.wrap(sample.bytes(), 0, length);
            assertNull(read(new HeaderDecoder(), socket, 0, Integer.MAX_VALUE), "after " + length);
        }
    }

    @ParameterizedTest
    @MethodSource("bad")
    void isRefusedWithItsCauseHoweverItIsCut(Sample sample) {
        for (int cut = 0; cut <= sample.bytes().length; cut++) {
            int at = cut;
            RejectedHeader rejected = assertThrows(RejectedHeader.class,
                    () -> read(new HeaderDecoder(), ByteBuffer.wrap(sample.bytes()), at, Integer.MAX_VALUE), "cut at " + cut);
            assertEquals(sample.fault(), rejected.fault(), rejected.getMessage());
        }
        assertThrows(RejectedHeader.class, () -> read(new HeaderDecoder(), ByteBuffer.wrap(sample.bytes()), 0, 1), "byte by byte");
    }

    @Test
    void byteThatFitsNoSignatureIsEnough() {
        for (byte[] begin : List.of(Headers.text("X"), Headers.text("PX"), Headers.text("\r\n\n"), new byte[1])) {
            RejectedHeader rejected =
                    assertThrows(RejectedHeader.class, () -> read(new HeaderDecoder(), ByteBuffer.wrap(begin), 0, 1));
            assertEquals(Fault.MISSING, rejected.fault());
        }
    }

    /** Whichever bit of a header with a checksum is wrong. */
    @Test
    void bitThatIsWrongIsSeen() {
        byte[] right = HeaderEncoder.version2(Headers.internet("10.0.0.1", 1), Headers.internet("10.0.0.2", 2), null).array();
        Set<Fault> faults = EnumSet.noneOf(Fault.class);
        for (int bit = 0; bit < right.length * 8; bit++) {
            byte[] wrong = right.clone();
            wrong[bit / 8] ^= (byte) (1 << bit % 8);
            boolean isLocal = bit == 12 * 8; // whose body nobody looks at
            boolean isLonger = bit / 8 == 14 || bit / 8 == 15;
            boolean isOtherType = bit / 8 >= 28 && bit / 8 < 31; // of the checksum: then there is none
            if (!isLocal && !isLonger && !isOtherType) {
                faults.add(assertThrows(RejectedHeader.class, () -> read(new HeaderDecoder(), ByteBuffer.wrap(wrong), 0, 99), "bit " + bit).fault());
            }
        }
        assertEquals(EnumSet.of(Fault.MISSING, Fault.MALFORMED, Fault.CHECKSUM), faults);
    }

    @Test
    void mutatedHeadersHaveDocumentedEndsOnly() {
        Random random = new Random(Seed.VALUE);
        List<byte[]> samples = Stream.concat(good(), bad()).map(Sample::bytes).toList();
        Set<Fault> faults = EnumSet.noneOf(Fault.class);
        int accepted = 0;
        int cut = 0;
        for (int i = 0; i < MUTATIONS; i++) {
            byte[] bytes = samples.get(random.nextInt(samples.size()));
            for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
                bytes = mutated(bytes, samples, random);
            }
            ByteBuffer socket = ByteBuffer.wrap(bytes);
            try {
                ProxyHeader header = read(new HeaderDecoder(), socket, random.nextInt(bytes.length + 1), 1 + random.nextInt(5000));
                if (header == null) {
                    cut++;
                } else {
                    accepted++;
                    assertTrue(socket.position() >= 15 && socket.position() <= HeaderDecoder.MOST, () -> "length " + socket.position());
                    useAll(header);
                }
            } catch (RejectedHeader e) {
                faults.add(e.fault());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("-Dsluice.seed=" + Seed.VALUE + ": " + HexFormat.of().formatHex(bytes), e);
            }
        }
        assertEquals(EnumSet.of(Fault.MISSING, Fault.MALFORMED, Fault.TOO_LONG, Fault.CHECKSUM), faults);
        assertTrue(accepted > 0 && cut > 0, accepted + " accepted, " + cut + " cut");
    }

    private static void useAll(ProxyHeader header) {
        assertNotNull(header.toString());
        header.alpn();
        header.authority();
        header.uniqueId();
        header.tls().ifPresent(tls -> {
            tls.version();
            tls.commonName();
            tls.cipher();
            tls.tlv(0xFF);
        });
        assertEquals(header.source().isPresent(), header.destination().isPresent());
    }

    private static byte[] mutated(byte[] bytes, List<byte[]> samples, Random random) {
        byte[] changed = bytes.clone();
        int at = random.nextInt(bytes.length + 1);
        int byteAt = Math.min(at, bytes.length - 1);
        switch (bytes.length == 0 ? 3 : random.nextInt(6)) {
            case 0 -> changed[byteAt] ^= (byte) (1 << random.nextInt(8));
            case 1 -> changed[byteAt] = (byte) random.nextInt(256);
            case 2 -> changed = Arrays.copyOf(bytes, at);
            case 3 -> {
                byte[] other = samples.get(random.nextInt(samples.size()));
                changed = Headers.join(Arrays.copyOf(bytes, at), Arrays.copyOfRange(other, random.nextInt(other.length), other.length));
            }
            case 4 -> {
                byte[] some = new byte[random.nextInt(9)];
                random.nextBytes(some);
                changed = Headers.join(Arrays.copyOf(bytes, at), some, Arrays.copyOfRange(bytes, at, bytes.length));
            }
            default -> {
                if (bytes.length > 15) { // the length that it claims
                    changed[14] = (byte) random.nextInt(17);
                    changed[15] = (byte) random.nextInt(256);
                }
            }
        }
        return changed;
    }
}
