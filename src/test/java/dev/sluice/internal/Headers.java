package dev.sluice.internal;

import dev.sluice.ProxyHeader;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** PROXY headers, put together here byte by byte, and what each of them says. */
public final class Headers {

    /** The peer of the socket in all of them. */
    public static final SocketAddress PROXY = internet("192.0.2.7", 7);

    private static final byte[] SIGNATURE = HexFormat.of().parseHex("0d0a0d0a000d0a515549540a");

    /**
     * A header.
     *
     * @param name what is special about it
     * @param bytes the header
     * @param says  what it says, null if it is refused
     * @param fault why it is refused, null if it is not
     */
    public record Sample(String name, byte[] bytes, ProxyHeader says, ProxyHeader.Fault fault) {
        @Override
        public String toString() {
            return name;
        }
    }

    private Headers() {}

    /** Those that are accepted. */
    public static List<Sample> good() {
        SocketAddress v4 = internet("198.51.100.1", 56324);
        SocketAddress web = internet("203.0.113.9", 443);
        SocketAddress v6 = internet("2001:db8::1", 65535);
        SocketAddress v6web = internet("2001:db8:0:0:0:0:0:ff", 0);
        byte[] v4Block = block("198.51.100.1", "203.0.113.9", 56324, 443);
        byte[] v6Block = block("2001:db8::1", "2001:db8::ff", 65535, 0);
        byte[] ssl = tlv(0x20, join(bytes(5, 0, 0, 0, 0), tlv(0x21, text("TLSv1.3")), tlv(0x22, text("joe")), tlv(0x99)));
        return List.of(
                line("TCP4 198.51.100.1 203.0.113.9 56324 443", v4, web),
                line("TCP4 0.0.0.0 255.255.255.255 0 65535", internet("0.0.0.0", 0), internet("255.255.255.255", 65535)),
                line("TCP4 1.1.1.1 2.2.2.2 3 4", internet("1.1.1.1", 3), internet("2.2.2.2", 4)),
                line("TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:ff 65535 0", v6, v6web),
                line("TCP6 :: ::1 1 2", internet("::", 1), internet("::1", 2)),
                line("TCP6 2001:db8:: 1:2:3:4:5:6:7:8 1 2", internet("2001:db8::", 1), internet("1:2:3:4:5:6:7:8", 2)),
                line("TCP6 ::ffff:198.51.100.1 ::ffff:cb00:7109 56324 443", v4, web),
                line("TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
                        internet("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535), internet("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535)),
                line("UNKNOWN", null, null),
                line("UNKNOWN ", null, null),
                line("UNKNOWN anything  at all, \0 and \t included", null, null),
                line("UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535", null, null),
                accepted("IPv4", v2(0x21, 0x11, v4Block), v4, web),
                accepted("IPv6", v2(0x21, 0x21, v6Block), v6, v6web),
                accepted("IPv6, both mapped", v2(0x21, 0x21, block("::ffff:198.51.100.1", "::ffff:203.0.113.9", 56324, 443)), v4, web),
                accepted("Unix", v2(0x21, 0x31, unix("/run/client", "/run/server")), path("/run/client"), path("/run/server")),
                accepted("Unix, a path of 108 bytes", v2(0x21, 0x31, unix("/" + "x".repeat(107), "/s")), path("/" + "x".repeat(107)), path("/s")),
                accepted("Unix, without a name", v2(0x21, 0x31, unix("", "")), path(""), path("")),
                accepted("Unix, an abstract name", v2(0x21, 0x31, unix("\0hidden", "/s")), path(""), path("/s")),
                accepted("Unix, no text", v2(0x21, 0x31, unix("\u00ff\u00fe", "/s")), path(""), path("/s")),
                accepted("nothing said", v2(0x21, 0x00), null, null),
                accepted("nothing said, with a value", v2(0x21, 0x00, tlv(2, text("name.example"))), null, null, tlv(2, text("name.example"))),
                accepted("no family, a stream", v2(0x21, 0x01), null, null),
                accepted("IPv4, no transport", v2(0x21, 0x10, v4Block), null, null),
                accepted("IPv6, no transport", v2(0x21, 0x20, v6Block), null, null),
                accepted("IPv4 datagrams", v2(0x21, 0x12, v4Block), null, null),
                accepted("IPv6 datagrams", v2(0x21, 0x22, v6Block), null, null),
                accepted("Unix datagrams", v2(0x21, 0x32, unix("/a", "/b")), null, null),
                accepted("all values", v2(0x21, 0x11, v4Block, tlv(1, text("h2")), tlv(2, text("name.example")), tlv(4, bytes(0, 0, 0)),
                        tlv(5, text("id-1")), ssl, tlv(0x30, text("blue")), tlv(0xEA)), v4, web,
                        tlv(1, text("h2")), tlv(2, text("name.example")), tlv(4, bytes(0, 0, 0)), tlv(5, text("id-1")), ssl,
                        tlv(0x30, text("blue")), tlv(0xEA)),
                accepted("a unique id of 128 bytes", v2(0x21, 0x11, v4Block, tlv(5, new byte[128])), v4, web, tlv(5, new byte[128])),
                accepted("one value twice", v2(0x21, 0x11, v4Block, tlv(2, text("a")), tlv(2, text("b"))), v4, web, tlv(2, text("a")), tlv(2, text("b"))),
                accepted("4 KiB", v2(0x21, 0x11, v4Block, tlv(0xE0, new byte[4096 - 16 - 12 - 3])), v4, web, tlv(0xE0, new byte[4096 - 16 - 12 - 3])),
                accepted("TLS, nothing more", v2(0x21, 0x21, v6Block, tlv(0x20, bytes(0, 0, 0, 0, 1))), v6, v6web, tlv(0x20, bytes(0, 0, 0, 0, 1))),
                local("local", v2(0x20, 0x00)),
                local("local, with addresses", v2(0x20, 0x11, v4Block)),
                local("local, a family that there is not, and no values", v2(0x20, 0xFF, bytes(1, 2, 3))),
                local("local, a checksum that is wrong", v2(0x20, 0x00, tlv(3, bytes(1, 2, 3, 4)))),
                captured("HAProxy 2.6, a check", "0d0a0d0a000d0a515549540a20000007030004a9b87e8f", null),
                captured("HAProxy 2.6, version 1", HexFormat.of().formatHex(text("PROXY TCP6 ::1 ::1 35574 19006\r\n")),
                        ProxyHeader.of(PROXY, internet("::1", 35574), internet("::1", 19006), ByteBuffer.allocate(0))),
                captured("HAProxy 2.6, checksum and id",
                        "0d0a0d0a000d0a515549540a211100317f0000017f000001b3c04a3a03000441874cbc05001b37463030303030313a423343305f37463030303030313a34413341",
                        ProxyHeader.of(PROXY, internet("127.0.0.1", 46016), internet("127.0.0.1", 19002),
                                ByteBuffer.wrap(join(tlv(3, bytes(0x41, 0x87, 0x4c, 0xbc)), tlv(5, text("7F000001:B3C0_7F000001:4A3A")))))),
                captured("HAProxy 2.6, IPv6",
                        "0d0a0d0a000d0a515549540a2121002b0000000000000000000000000000000100000000000000000000000000000001cd684a3b030004f72fbd04",
                        ProxyHeader.of(PROXY, internet("::1", 52584), internet("::1", 19003), ByteBuffer.wrap(tlv(3, bytes(0xf7, 0x2f, 0xbd, 0x04))))),
                captured("HAProxy 2.6, TLS",
                        "0d0a0d0a000d0a515549540a211100697f0000017f0000018d2a4a3d030004d753109f010002683202000c6e616d652e6578616d706c6520003f01000000"
                                + "00210007544c5376312e332500075253413230343824000a5253412d534841323536230016544c535f4145535f3235365f47434d5f534841333834",
                        ProxyHeader.of(PROXY, internet("127.0.0.1", 36138), internet("127.0.0.1", 19005), ByteBuffer.wrap(join(
                                tlv(3, bytes(0xd7, 0x53, 0x10, 0x9f)), tlv(1, text("h2")), tlv(2, text("name.example")),
                                tlv(0x20, join(bytes(1, 0, 0, 0, 0), tlv(0x21, text("TLSv1.3")), tlv(0x25, text("RSA2048")),
                                        tlv(0x24, text("RSA-SHA256")), tlv(0x23, text("TLS_AES_256_GCM_SHA384")))))))));
    }

    /** Those that are refused, or have to be. */
    public static List<Sample> bad() {
        byte[] v4Block = block("198.51.100.1", "203.0.113.9", 56324, 443);
        byte[] late = v2(0x21, 0x11, v4Block, tlv(3, bytes(0, 0, 0, 1)));
        return Stream.of(
                Stream.of(
                        refused("HTTP", text("GET / HTTP/1.1\r\n\r\n"), ProxyHeader.Fault.MISSING),
                        refused("TLS", bytes(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4), ProxyHeader.Fault.MISSING),
                        refused("lower case", text("proxy TCP4 1.1.1.1 2.2.2.2 3 4\r\n"), ProxyHeader.Fault.MISSING),
                        refused("the signature's last byte", join(Arrays.copyOf(SIGNATURE, 11), bytes(0)), ProxyHeader.Fault.MISSING),
                        refused("a number of the version", v2(0x11, 0x11, v4Block), ProxyHeader.Fault.MALFORMED),
                        refused("a version to come", v2(0x31, 0x11, v4Block), ProxyHeader.Fault.MALFORMED),
                        refused("a command to come", v2(0x22, 0x11, v4Block), ProxyHeader.Fault.MALFORMED),
                        refused("a family to come", v2(0x21, 0x41, v4Block), ProxyHeader.Fault.MALFORMED),
                        refused("a transport to come", v2(0x21, 0x13, v4Block), ProxyHeader.Fault.MALFORMED),
                        refused("IPv4, too short", v2(0x21, 0x11, Arrays.copyOf(v4Block, 11)), ProxyHeader.Fault.MALFORMED),
                        refused("IPv6, too short", v2(0x21, 0x21, new byte[35]), ProxyHeader.Fault.MALFORMED),
                        refused("Unix, too short", v2(0x21, 0x31, new byte[215]), ProxyHeader.Fault.MALFORMED),
                        refused("a value that is cut", v2(0x21, 0x11, v4Block, bytes(2, 0, 5, 'a')), ProxyHeader.Fault.MALFORMED),
                        refused("a value without its length", v2(0x21, 0x11, v4Block, bytes(2, 0)), ProxyHeader.Fault.MALFORMED),
                        refused("a value that claims all", v2(0x21, 0x11, v4Block, bytes(0xE0, 0xFF, 0xFF)), ProxyHeader.Fault.MALFORMED),
                        refused("a unique id of 129 bytes", v2(0x21, 0x11, v4Block, tlv(5, new byte[129])), ProxyHeader.Fault.MALFORMED),
                        refused("TLS, too short", v2(0x21, 0x11, v4Block, tlv(0x20, new byte[4])), ProxyHeader.Fault.MALFORMED),
                        refused("TLS, a value inside that overruns it",
                                v2(0x21, 0x11, v4Block, tlv(0x20, join(new byte[5], bytes(0x21, 0, 9, 'x'))), tlv(2, new byte[20])),
                                ProxyHeader.Fault.MALFORMED),
                        refused("a checksum of 3 bytes", v2(0x21, 0x11, v4Block, tlv(3, new byte[3])), ProxyHeader.Fault.MALFORMED),
                        refused("two checksums", v2(0x21, 0x11, v4Block, tlv(3, new byte[4]), tlv(3, new byte[4])), ProxyHeader.Fault.MALFORMED),
                        refused("a wrong checksum", late, ProxyHeader.Fault.CHECKSUM),
                        refused("a byte above 4 KiB", v2(0x21, 0x11, v4Block, tlv(0xE0, new byte[4097 - 16 - 12 - 3])), ProxyHeader.Fault.TOO_LONG),
                        refused("a length of 65,535", join(SIGNATURE, bytes(0x21, 0x11, 0xFF, 0xFF)), ProxyHeader.Fault.TOO_LONG),
                        refused("local, a length of 65,535", join(SIGNATURE, bytes(0x20, 0, 0xFF, 0xFF)), ProxyHeader.Fault.TOO_LONG),
                        refused("a line of 108 bytes", text("PROXY UNKNOWN " + "x".repeat(92) + "\r\n"), ProxyHeader.Fault.TOO_LONG),
                        refused("a line without end", text("PROXY TCP4 " + "1".repeat(200)), ProxyHeader.Fault.TOO_LONG)),
                Stream.of(
                        "UNKNOWNS", "UNKNOWN\n", "TCP5 1.1.1.1 2.2.2.2 3 4", "tcp4 1.1.1.1 2.2.2.2 3 4", " TCP4 1.1.1.1 2.2.2.2 3 4",
                        "TCP4  1.1.1.1 2.2.2.2 3 4", "TCP4 1.1.1.1 2.2.2.2 3 4 ", "TCP4 1.1.1.1 2.2.2.2 3 4 5", "TCP4 1.1.1.1 2.2.2.2 3",
                        "TCP4 1.1.1 2.2.2.2 3 4", "TCP4 1.1.1.1.1 2.2.2.2 3 4", "TCP4 1.1.1.256 2.2.2.2 3 4", "TCP4 01.1.1.1 2.2.2.2 3 4",
                        "TCP4 1.1..1 2.2.2.2 3 4", "TCP4 1.1.1.1 2.2.2.2/8 3 4", "TCP4 ::1 ::1 3 4", "TCP4 1.1.1.1 2.2.2.2 65536 4",
                        "TCP4 1.1.1.1 2.2.2.2 -1 4", "TCP4 1.1.1.1 2.2.2.2 03 4", "TCP4 1.1.1.1 2.2.2.2 3 ", "TCP4 1.1.1.1 2.2.2.2 3 +4",
                        "TCP4 1.1.1.1\t2.2.2.2 3 4 5", "TCP4 1.1.1.1 2.2.2.2 3 4\n", "TCP4 1.1.1.1\r2.2.2.2 3 4", "TCP4 localhost 2.2.2.2 3 4",
                        "TCP6 1.1.1.1 2.2.2.2 3 4", "TCP6 : ::1 3 4", "TCP6 ::: ::1 3 4", "TCP6 1:2:3:4:5:6:7 ::1 3 4",
                        "TCP6 1:2:3:4:5:6:7:8:9 ::1 3 4", "TCP6 1::2::3 ::1 3 4", "TCP6 12345::1 ::1 3 4", "TCP6 ::g ::1 3 4",
                        "TCP6 1:2:3:4:5:6:7::8 ::1 3 4", "TCP6 fe80::1%lo ::1 3 4", "TCP6 ::1.2.3 ::1 3 4", "TCP6 1.2.3.4:: ::1 3 4",
                        "TCP6 [::1] ::1 3 4")
                        .map(line -> refused("PROXY " + line, text("PROXY " + line + "\r\n"), ProxyHeader.Fault.MALFORMED)))
                .flatMap(samples -> samples).toList();
    }

    private static Sample line(String line, SocketAddress source, SocketAddress destination) {
        return accepted("PROXY " + line.replace('\0', '0'), text("PROXY " + line + "\r\n"), source, destination);
    }

    private static Sample accepted(String name, byte[] bytes, SocketAddress source, SocketAddress destination, byte[]... tlvs) {
        return new Sample(name, bytes, ProxyHeader.of(PROXY, source, destination, ByteBuffer.wrap(join(tlvs))), null);
    }

    private static Sample local(String name, byte[] bytes) {
        return new Sample(name, bytes, ProxyHeader.local(PROXY), null);
    }

    private static Sample captured(String name, String hex, ProxyHeader says) {
        return new Sample(name, HexFormat.of().parseHex(hex), says == null ? ProxyHeader.local(PROXY) : says, null);
    }

    private static Sample refused(String name, byte[] bytes, ProxyHeader.Fault fault) {
        return new Sample(name, bytes, null, fault);
    }

    /** A header of version 2. */
    public static byte[] v2(int command, int family, byte[]... body) {
        int length = join(body).length;
        return join(SIGNATURE, bytes(command, family, length >> 8, length), join(body));
    }

    /** A value with its type and length. */
    public static byte[] tlv(int type, byte... value) {
        return join(bytes(type, value.length >> 8, value.length), value);
    }

    private static byte[] block(String source, String destination, int sourcePort, int destinationPort) {
        boolean isIpv6 = source.contains(":");
        return join(address(source, isIpv6), address(destination, isIpv6), bytes(sourcePort >> 8, sourcePort, destinationPort >> 8, destinationPort));
    }

    /** The JDK makes an IPv4 address of one that is mapped. */
    private static byte[] address(String text, boolean isIpv6) {
        byte[] bytes = internet(text, 0).getAddress().getAddress();
        return isIpv6 && bytes.length == 4 ? join(new byte[10], bytes(0xFF, 0xFF), bytes) : bytes;
    }

    private static byte[] unix(String source, String destination) {
        return join(Arrays.copyOf(text(source), 108), Arrays.copyOf(text(destination), 108));
    }

    private static SocketAddress path(String path) {
        return UnixDomainSocketAddress.of(path);
    }

    /** An address from its literal. */
    public static InetSocketAddress internet(String literal, int port) {
        try {
            return new InetSocketAddress(InetAddress.getByName(literal), port);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        IntStream.range(0, values.length).forEach(i -> bytes[i] = (byte) values[i]);
        return bytes;
    }

    /** A byte for each character. */
    public static byte[] text(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** All bytes in a row. */
    public static byte[] join(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}
