package dev.sluice.internal;

import dev.sluice.AddressRange;
import dev.sluice.ProxyHeader;
import dev.sluice.ProxyHeader.Fault;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;

/**
 * Reads one header of the PROXY protocol, version 1 or 2. Does no I/O: it says how many bytes may be read next, never more than the
 * header must still have. So not a byte of what follows the header is taken off the socket.
 *
 * <pre>
 *   15 bytes ──▶ "PROXY ..."       as many as the line must still have, until CRLF: 107 at most
 *        └─────▶ binary signature  one more, for the length; then what the length says: 4 KiB at most
 * </pre>
 *
 * <p>The shortest header is "PROXY UNKNOWN" with its CRLF. The buffer grows with the bytes that have come, not with the length that the
 * peer claims.
 */
public final class HeaderDecoder {

    /** The longest header that is read. Its addresses and checksums need a tenth of it; nginx has the same bound. */
    public static final int MOST = 4 << 10;

    private static final byte[] TEXT = "PROXY ".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] BINARY = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

    private static final int SHORTEST = 15;
    private static final int LONGEST_LINE = 107;

    /** Spaces of a line behind "PROXY ", for the family, two addresses and two ports. */
    private static final int SPACES = 4;

    /** Bytes of a binary header before its addresses. */
    private static final int FIXED = 16;

    private static final int LOCAL = 0;
    private static final int PROXY = 1;
    private static final int STREAM = 1;
    private static final int DATAGRAM = 2;
    private static final int UNIX = 3;

    /** The length of one address, by family: none, IPv4, IPv6, a Unix path. */
    private static final int[] ADDRESS = {0, 4, 16, 108};

    private static final int CRC32C = 0x03;

    private ByteBuffer in = ByteBuffer.allocate(128).limit(SHORTEST);

    /**
     * Where the next bytes are to be read to. It has room for at least one byte, and for none that the header may not have.
     *
     * @return the decoder's own buffer, valid until {@link #decode} is called
     */
    public ByteBuffer room() {
        return in;
    }

    /**
     * Looks at what was read. Called whenever bytes were read into {@link #room}.
     *
     * @param proxy the socket's peer
     * @return the header, once it is whole; null while more has to be read
     * @throws RejectedHeader if this is no header that is accepted
     */
    public ProxyHeader decode(SocketAddress proxy) throws RejectedHeader {
        if (in.position() == 0) {
            return null;
        }
        boolean isText = in.get(0) == TEXT[0];
        checkSignature(isText ? TEXT : BINARY);
        if (in.position() < SHORTEST) {
            return null;
        }
        return isText ? text(proxy) : binary(proxy);
    }

    private void checkSignature(byte[] signature) throws RejectedHeader {
        for (int i = 0; i < Math.min(in.position(), signature.length); i++) {
            if (in.get(i) != signature[i]) {
                throw new RejectedHeader(Fault.MISSING, "the first bytes are no PROXY header");
            }
        }
    }

    /** Reads on up to a length that the header has at least, and that it is known to have by what came so far. */
    private ProxyHeader readUpTo(int length) {
        if (in.position() == in.capacity()) {
            in = ByteBuffer.allocate(Math.min(2 * in.capacity(), MOST)).put(in.flip());
        }
        in.limit(Math.min(length, in.capacity()));
        return null;
    }

    // ---- version 1 ----------------------------------------------------------------------------------------------------

    private ProxyHeader text(SocketAddress proxy) throws RejectedHeader {
        int length = in.position();
        String line = new String(in.array(), 0, length, StandardCharsets.ISO_8859_1);
        boolean isUnknown = line.startsWith("UNKNOWN\r", TEXT.length) || line.startsWith("UNKNOWN ", TEXT.length);
        if (!isUnknown && !line.startsWith("TCP4 ", TEXT.length) && !line.startsWith("TCP6 ", TEXT.length)) {
            throw malformed("its protocol is none of TCP4, TCP6, UNKNOWN");
        }
        int end = line.indexOf('\r');
        int lineFeed = line.indexOf('\n');
        if (lineFeed >= 0 && lineFeed != end + 1 || end >= 0 && end < length - 1 && lineFeed != end + 1) {
            throw malformed("its line does not end with CRLF");
        }
        if (lineFeed > 0) {
            return isUnknown ? unknown(proxy) : addresses(proxy, line.substring(TEXT.length, end));
        }
        long spaces = isUnknown ? SPACES : line.chars().skip(TEXT.length).filter(c -> c == ' ').count();
        if (spaces > SPACES) {
            throw malformed("it has more than two addresses and two ports");
        }
        // each field that has not begun takes two bytes at least, a space and one more; then come CR and LF
        int least = length + (end >= 0 ? 1 : 2 * (SPACES - (int) spaces) + 2);
        if (least > LONGEST_LINE) {
            throw new RejectedHeader(Fault.TOO_LONG, "a PROXY header of version 1 is longer than " + LONGEST_LINE + " bytes");
        }
        return readUpTo(least);
    }

    private static ProxyHeader unknown(SocketAddress proxy) {
        return ProxyHeader.of(proxy, null, null, ByteBuffer.allocate(0));
    }

    private static ProxyHeader addresses(SocketAddress proxy, String line) throws RejectedHeader {
        String[] fields = line.split(" ", -1);
        if (fields.length != SPACES + 1) {
            throw malformed("it has fewer than two addresses and two ports");
        }
        boolean isIpv6 = fields[0].equals("TCP6");
        SocketAddress source = new InetSocketAddress(address(isIpv6, fields[1]), port(fields[3]));
        SocketAddress destination = new InetSocketAddress(address(isIpv6, fields[2]), port(fields[4]));
        return ProxyHeader.of(proxy, source, destination, ByteBuffer.allocate(0));
    }

    private static InetAddress address(boolean isIpv6, String field) throws RejectedHeader {
        if (isIpv6 == field.contains(":")) {
            try {
                return AddressRange.literal(field);
            } catch (IllegalArgumentException e) {
                // as below
            }
        }
        throw malformed("an address is none of its protocol");
    }

    private static int port(String field) throws RejectedHeader {
        boolean isNumber = !field.isEmpty() && field.length() <= 5 && field.chars().allMatch(c -> c >= '0' && c <= '9');
        int port = isNumber && (field.length() == 1 || field.charAt(0) != '0') ? Integer.parseInt(field) : -1;
        if (port < 0 || port > 0xFFFF) {
            throw malformed("a port is none");
        }
        return port;
    }

    // ---- version 2 ----------------------------------------------------------------------------------------------------

    private ProxyHeader binary(SocketAddress proxy) throws RejectedHeader {
        if (in.position() < FIXED) {
            return readUpTo(FIXED);
        }
        int version = in.get(12) >> 4 & 0xF;
        int command = in.get(12) & 0xF;
        int family = in.get(13) >> 4 & 0xF;
        int transport = in.get(13) & 0xF;
        int length = FIXED + (in.getShort(14) & 0xFFFF);
        if (version != 2 || command > PROXY) {
            throw malformed("its version or command is not defined");
        }
        if (command == PROXY && (family > UNIX || transport > DATAGRAM)) {
            throw malformed("its family or transport is not defined");
        }
        if (length > MOST) {
            throw new RejectedHeader(Fault.TOO_LONG, "a PROXY header of version 2 is longer than " + MOST + " bytes");
        }
        int tlvs = command == LOCAL || family == 0 ? FIXED : FIXED + 2 * ADDRESS[family] + (family == UNIX ? 0 : 4);
        if (tlvs > length) {
            throw malformed("it is shorter than its addresses");
        }
        if (in.position() < length) {
            return readUpTo(length);
        }
        if (command == LOCAL) {
            return ProxyHeader.local(proxy); // whatever its family and its body
        }
        boolean tells = family != 0 && transport == STREAM;
        ProxyHeader header = header(
                proxy, tells ? address(family, false) : null, tells ? address(family, true) : null, in.slice(tlvs, length - tlvs));
        checkChecksum(tlvs, length);
        return header;
    }

    private static ProxyHeader header(SocketAddress proxy, SocketAddress source, SocketAddress destination, ByteBuffer tlvs) throws RejectedHeader {
        try {
            return ProxyHeader.of(proxy, source, destination, tlvs);
        } catch (IllegalArgumentException e) {
            throw malformed(e.getMessage());
        }
    }

    private SocketAddress address(int family, boolean isDestination) {
        byte[] address = new byte[ADDRESS[family]];
        in.get(FIXED + (isDestination ? address.length : 0), address);
        if (family == UNIX) {
            return unix(address);
        }
        int port = in.getShort(FIXED + 2 * address.length + (isDestination ? 2 : 0)) & 0xFFFF;
        try {
            return new InetSocketAddress(InetAddress.getByAddress(address), port);
        } catch (UnknownHostException e) {
            throw new AssertionError("4 and 16 are lengths of addresses", e);
        }
    }

    /** A path ends at its first zero byte, or has all 108. One that begins with a zero byte is no file, and the JDK has no name for it. */
    private static SocketAddress unix(byte[] path) {
        int length = 0;
        while (length < path.length && path[length] != 0) {
            length++;
        }
        try {
            return UnixDomainSocketAddress.of(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(path, 0, length)).toString());
        } catch (CharacterCodingException | IllegalArgumentException e) { // no text, or none that a path of this system may have
            return UnixDomainSocketAddress.of("");
        }
    }

    /** Compares the header with its checksum, which was computed while four zeros stood in its place. */
    private void checkChecksum(int tlvs, int length) throws RejectedHeader {
        for (int at = tlvs; at < length; at += 3 + (in.getShort(at + 1) & 0xFFFF)) {
            if (in.get(at) == CRC32C) {
                int told = in.getInt(at + 3);
                in.putInt(at + 3, 0);
                CRC32C checksum = new CRC32C();
                checksum.update(in.array(), 0, length);
                if ((int) checksum.getValue() != told) {
                    throw new RejectedHeader(Fault.CHECKSUM, "a PROXY header's CRC32C is wrong");
                }
                return;
            }
        }
    }

    private static RejectedHeader malformed(String why) {
        return new RejectedHeader(Fault.MALFORMED, "a PROXY header is malformed: " + why);
    }
}
