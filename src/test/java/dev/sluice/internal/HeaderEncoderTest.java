package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.sluice.ProxyHeader;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is encoded is decoded as it was, and no address is written that another reader would not accept. */
class HeaderEncoderTest {

    private static final List<InetSocketAddress> ADDRESSES = List.of(
            Headers.internet("127.0.0.1", 1), Headers.internet("198.51.100.255", 65535), Headers.internet("0.0.0.0", 0),
            Headers.internet("::", 0), Headers.internet("::1", 7007), Headers.internet("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535),
            Headers.internet("2001:db8::a:0:1", 443));

    private static ProxyHeader decoded(ByteBuffer header) throws RejectedHeader {
        HeaderDecoder decoder = new HeaderDecoder();
        ProxyHeader decoded = null;
        while (decoded == null) {
            ByteBuffer room = decoder.room();
            int length = Math.min(room.remaining(), header.remaining());
            room.put(header.slice(header.position(), length));
            header.position(header.position() + length);
            decoded = decoder.decode(Headers.PROXY);
        }
        assertEquals(0, header.remaining());
        return decoded;
    }

    private static String line(SocketAddress source, SocketAddress destination) {
        return StandardCharsets.US_ASCII.decode(HeaderEncoder.version1(source, destination)).toString();
    }

    @Test
    void addressesOfAllFamiliesComeBack() throws RejectedHeader {
        ByteBuffer id = ByteBuffer.wrap(new byte[] {1, 0, -1});
        for (InetSocketAddress source : ADDRESSES) {
            for (InetSocketAddress destination : ADDRESSES) {
                ProxyHeader text = decoded(HeaderEncoder.version1(source, destination));
                ProxyHeader binary = decoded(HeaderEncoder.version2(source, destination, id));
                for (ProxyHeader header : List.of(text, binary)) {
                    assertEquals(source, header.source().orElseThrow());
                    assertEquals(destination, header.destination().orElseThrow());
                }
                assertEquals(id, binary.uniqueId().orElseThrow());
            }
        }
        assertEquals(3, id.remaining());
    }

    @Test
    void clientWithoutAnInternetAddressIsUnknown() throws RejectedHeader {
        SocketAddress unix = UnixDomainSocketAddress.of("/run/x");
        SocketAddress internet = ADDRESSES.get(0);
        SocketAddress unresolved = InetSocketAddress.createUnresolved("name.example", 1);
        for (List<SocketAddress> two : List.of(List.of(unix, internet), List.of(internet, unix), List.of(unresolved, internet))) {
            assertEquals("PROXY UNKNOWN\r\n", line(two.get(0), two.get(1)));
            ProxyHeader unknown = decoded(HeaderEncoder.version2(two.get(0), two.get(1), null));
            assertFalse(unknown.source().isPresent() || unknown.isLocal(), unknown.toString());
        }
        assertEquals("PROXY UNKNOWN\r\n", line(null, null));
    }

    @Test
    void lineIsAsTheSpecificationHasIt() throws UnknownHostException {
        SocketAddress v4 = Headers.internet("10.1.2.3", 56324);
        byte[] linkLocal = HexFormat.of().parseHex("fe800000000000000000000000000001");
        SocketAddress zoned = new InetSocketAddress(Inet6Address.getByAddress(null, linkLocal, 1), 9);
        assertEquals("PROXY TCP4 10.1.2.3 10.1.2.3 56324 56324\r\n", line(v4, v4));
        assertEquals("PROXY TCP6 0:0:0:0:0:ffff:a01:203 fe80:0:0:0:0:0:0:1 56324 9\r\n", line(v4, zoned));
        SocketAddress mapped = new InetSocketAddress(InetAddress.getByAddress(HexFormat.of().parseHex("00000000000000000000ffff0a010203")), 1);
        assertEquals("PROXY TCP4 10.1.2.3 10.1.2.3 1 1\r\n", line(mapped, mapped));
    }

    /** The checksum is HAProxy's: its own header, with the same addresses. */
    @Test
    void headerOfVersion2IsWhatHaproxySends() {
        ByteBuffer header = HeaderEncoder.version2(Headers.internet("::1", 52584), Headers.internet("::1", 19003), null);
        assertEquals("0d0a0d0a000d0a515549540a2121002b0000000000000000000000000000000100000000000000000000000000000001cd684a3b030004f72fbd04",
                HexFormat.of().formatHex(header.array()));
    }
}
