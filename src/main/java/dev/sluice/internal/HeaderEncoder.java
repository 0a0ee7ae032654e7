package dev.sluice.internal;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.StringJoiner;
import java.util.zip.CRC32C;

/**
 * Makes headers of the PROXY protocol, for a connection that is made on behalf of a client. Where one address is IPv6 and the other IPv4,
 * that one is written as IPv6. Where one is neither, as with a client on a Unix socket, the header says that the client is unknown.
 */
public final class HeaderEncoder {

    private static final byte[] SIGNATURE = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};
    private static final byte PROXY = 0x21;
    private static final byte UNSPECIFIED = 0x00;
    private static final byte TCP_OVER_IPV4 = 0x11;
    private static final byte TCP_OVER_IPV6 = 0x21;
    private static final byte CRC32C = 0x03;
    private static final byte UNIQUE_ID = 0x05;

    /** A byte for the type, and two for the length. */
    private static final int TLV = 3;

    private HeaderEncoder() {}

    /**
     * Makes a line of version 1.
     *
     * @param source      the client's address, or null
     * @param destination where it connected to, or null
     * @return the header, from zero to its limit
     */
    public static ByteBuffer version1(SocketAddress source, SocketAddress destination) {
        String line = "PROXY UNKNOWN\r\n";
        if (isInternet(source) && isInternet(destination)) {
            InetSocketAddress from = (InetSocketAddress) source;
            InetSocketAddress to = (InetSocketAddress) destination;
            boolean isIpv4 = isIpv4(from, to);
            line = "PROXY " + (isIpv4 ? "TCP4 " : "TCP6 ") + text(from.getAddress(), isIpv4) + " " + text(to.getAddress(), isIpv4)
                    + " " + from.getPort() + " " + to.getPort() + "\r\n";
        }
        return ByteBuffer.wrap(line.getBytes(StandardCharsets.US_ASCII));
    }

    /**
     * Makes a header of version 2, with its CRC32C.
     *
     * @param source      the client's address, or null
     * @param destination where it connected to, or null
     * @param uniqueId    the connection's identity, at most 128 bytes, or null; its position does not move
     * @return the header, from zero to its limit
     */
    public static ByteBuffer version2(SocketAddress source, SocketAddress destination, ByteBuffer uniqueId) {
        boolean isKnown = isInternet(source) && isInternet(destination);
        boolean isIpv4 = isKnown && isIpv4((InetSocketAddress) source, (InetSocketAddress) destination);
        int addresses = !isKnown ? 0 : isIpv4 ? 2 * (4 + 2) : 2 * (16 + 2);
        int tlvs = TLV + Integer.BYTES + (uniqueId == null ? 0 : TLV + uniqueId.remaining());
        ByteBuffer header = ByteBuffer.allocate(SIGNATURE.length + 4 + addresses + tlvs);
        header.put(SIGNATURE).put(PROXY).put(!isKnown ? UNSPECIFIED : isIpv4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6);
        header.putShort((short) (addresses + tlvs));
        if (isKnown) {
            InetSocketAddress from = (InetSocketAddress) source;
            InetSocketAddress to = (InetSocketAddress) destination;
            header.put(bytes(from.getAddress(), isIpv4)).put(bytes(to.getAddress(), isIpv4));
            header.putShort((short) from.getPort()).putShort((short) to.getPort());
        }
        if (uniqueId != null) {
            header.put(UNIQUE_ID).putShort((short) uniqueId.remaining()).put(uniqueId.duplicate());
        }
        header.put(CRC32C).putShort((short) Integer.BYTES);
        CRC32C checksum = new CRC32C();
        checksum.update(header.array()); // four zeros stand where it will
        return header.putInt((int) checksum.getValue()).flip();
    }

    private static boolean isInternet(SocketAddress address) {
        return address instanceof InetSocketAddress internet && !internet.isUnresolved();
    }

    private static boolean isIpv4(InetSocketAddress from, InetSocketAddress to) {
        return from.getAddress() instanceof Inet4Address && to.getAddress() instanceof Inet4Address;
    }

    /** Eight groups, none left out: the JDK's text of an address may have a zone, which means nothing elsewhere. */
    private static String text(InetAddress address, boolean isIpv4) {
        if (isIpv4) {
            return address.getHostAddress();
        }
        ByteBuffer bytes = ByteBuffer.wrap(bytes(address, false));
        StringJoiner groups = new StringJoiner(":");
        while (bytes.hasRemaining()) {
            groups.add(Integer.toHexString(bytes.getShort() & 0xFFFF));
        }
        return groups.toString();
    }

    private static byte[] bytes(InetAddress address, boolean isIpv4) {
        byte[] bytes = address.getAddress();
        if (isIpv4 || bytes.length == 16) {
            return bytes;
        }
        return ByteBuffer.allocate(16).put(HexFormat.of().parseHex("00000000000000000000ffff")).put(bytes).array();
    }
}
