package dev.sluice;

import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Optional;

/**
 * What a proxy said about a connection before the client's first byte: a header of the PROXY protocol, as HAProxy's specification
 * "The PROXY protocol, versions 1 and 2" defines it; the sections named here are those of that document. An immutable value.
 *
 * <p>A header of version 2 may carry further values, each with a type: TLVs (2.2). A value that occurs twice is found once, the first of
 * them. They are as trustworthy as the proxy, and their text may hold anything: escape it before it goes to a log or a terminal.
 */
public final class ProxyHeader {

    /** The reasons why a connection is closed for its header. More may be added. */
    public enum Fault {
        /** It came from a source that is not {@linkplain ProxyProtocol#trusts trusted}. */
        UNTRUSTED,
        /** Its first bytes are no header: they fit neither signature. */
        MISSING,
        /** It begins like a header, and breaks the rules: a value that the specification does not define is not guessed. */
        MALFORMED,
        /** It is longer than 107 bytes in version 1, or than 4 KiB in version 2. */
        TOO_LONG,
        /** Its CRC32C (2.2.3) is not that of its bytes. */
        CHECKSUM,
        /** It was not whole within {@link ProxyProtocol#timeout}. */
        LATE,
        /** The peer ended its side, or the connection was lost, before the header was whole. */
        ENDED,
        /** The server ended before the header was whole. */
        STOPPED
    }

    private static final int ALPN = 0x01;
    private static final int AUTHORITY = 0x02;
    private static final int CRC32C = 0x03;
    private static final int UNIQUE_ID = 0x05;
    private static final int SSL = 0x20;

    private static final int LONGEST_UNIQUE_ID = 128;
    private static final int CRC32C_LENGTH = 4;

    private final SocketAddress proxy;
    private final boolean isLocal;
    private final SocketAddress source;
    private final SocketAddress destination;
    private final ByteBuffer tlvs;

    private ProxyHeader(SocketAddress proxy, boolean isLocal, SocketAddress source, SocketAddress destination, ByteBuffer tlvs) {
        this.proxy = Objects.requireNonNull(proxy, "proxy");
        this.isLocal = isLocal;
        this.source = source;
        this.destination = destination;
        this.tlvs = tlvs;
    }

    /**
     * The header of a connection that the proxy made for itself, such as a health check: the command LOCAL (2.2).
     *
     * @param proxy the socket's peer
     * @return a header without addresses and values
     */
    public static ProxyHeader local(SocketAddress proxy) {
        return new ProxyHeader(proxy, true, null, null, ByteBuffer.allocate(0));
    }

    /**
     * The header of a connection that the proxy made for a client.
     *
     * @param proxy       the socket's peer
     * @param source      the client's address; null where the proxy does not tell
     * @param destination where the client connected to; null exactly if the source is null
     * @param tlvs        the further values, as the header has them: for each a byte with its type, two with its length, and its bytes
     * @return a header; the values are copied
     * @throws IllegalArgumentException if the values are malformed: one is longer than what is there, a unique id is longer than 128 bytes,
     *     a CRC32C has other than four bytes or occurs twice, or the TLS information is too short; or if one address alone is null
     */
    public static ProxyHeader of(SocketAddress proxy, SocketAddress source, SocketAddress destination, ByteBuffer tlvs) {
        if ((source == null) != (destination == null)) {
            throw new IllegalArgumentException("one address alone");
        }
        check(tlvs);
        return new ProxyHeader(proxy, false, source, destination, ByteBuffer.allocate(tlvs.remaining()).put(tlvs.duplicate()).flip());
    }

    // ---- the addresses ------------------------------------------------------------------------------------------------

    /**
     * The proxy that sent the header.
     *
     * @return the address of the socket's peer
     */
    public SocketAddress proxy() {
        return proxy;
    }

    /**
     * Whether the proxy made the connection for itself, for example to see whether the server is well: the command LOCAL (2.2). A service
     * closes such a connection and tells nobody.
     *
     * @return false for a connection that was made for a client
     */
    public boolean isLocal() {
        return isLocal;
    }

    /**
     * The client's address. Empty where the proxy does not tell: LOCAL, UNKNOWN (2.1), UNSPEC and datagrams (2.2).
     *
     * @return an address; a Unix socket without a name, or with one that is no path here, has the empty path
     */
    public Optional<SocketAddress> source() {
        return Optional.ofNullable(source);
    }

    /**
     * Where the client connected to. Empty exactly if the source is.
     *
     * @return an address
     */
    public Optional<SocketAddress> destination() {
        return Optional.ofNullable(destination);
    }

    // ---- the further values -------------------------------------------------------------------------------------------

    /**
     * The protocol that the client and the proxy agreed on (PP2_TYPE_ALPN, 2.2.1), such as {@code h2}.
     *
     * @return its name, a byte for each character
     */
    public Optional<String> alpn() {
        return tlv(ALPN).map(value -> StandardCharsets.ISO_8859_1.decode(value).toString());
    }

    /**
     * The host name that the client asked for (PP2_TYPE_AUTHORITY, 2.2.2), as in TLS's server name indication.
     *
     * @return the name; what is no UTF-8 is replaced
     */
    public Optional<String> authority() {
        return tlv(AUTHORITY).map(ProxyHeader::text);
    }

    /**
     * The connection's identity (PP2_TYPE_UNIQUE_ID, 2.2.5), the same at all proxies on the way.
     *
     * @return up to 128 bytes, read-only
     */
    public Optional<ByteBuffer> uniqueId() {
        return tlv(UNIQUE_ID);
    }

    /**
     * What the proxy knows of TLS between itself and the client (PP2_TYPE_SSL, 2.2.6).
     *
     * @return empty if it does not tell
     */
    public Optional<Tls> tls() {
        return tlv(SSL).map(Tls::new);
    }

    /**
     * The value of any type (2.2): those above, those that an organisation defines for itself (0xE0 to 0xEF), those of later versions.
     *
     * @param type from 0 to 255
     * @return the first value of this type, read-only
     */
    public Optional<ByteBuffer> tlv(int type) {
        return find(tlvs, type);
    }

    /** TLS between the proxy and its client (2.2.6). An immutable value. */
    public static final class Tls {

        /** The bits of the client field and the verify field. */
        private static final int LEAST = 5;

        private static final int CLIENT_SSL = 0x01;
        private static final int CERT_CONN = 0x02;
        private static final int CERT_SESS = 0x04;

        private final int client;
        private final int verify;
        private final ByteBuffer tlvs;

        private Tls(ByteBuffer value) {
            this.client = value.get() & 0xFF;
            this.verify = value.getInt();
            this.tlvs = value.slice();
        }

        /**
         * Whether the client connected over TLS (PP2_CLIENT_SSL).
         *
         * @return true if it did
         */
        public boolean isUsed() {
            return (client & CLIENT_SSL) != 0;
        }

        /**
         * Whether the client showed a certificate, on this connection or on another of its TLS session (PP2_CLIENT_CERT_CONN and
         * PP2_CLIENT_CERT_SESS), and the proxy verified it.
         *
         * @return true if both hold
         */
        public boolean isClientVerified() {
            return (client & (CERT_CONN | CERT_SESS)) != 0 && verify == 0;
        }

        /**
         * The version of TLS (PP2_SUBTYPE_SSL_VERSION), such as {@code TLSv1.3}.
         *
         * @return its name
         */
        public Optional<String> version() {
            return tlv(0x21).map(ProxyHeader::text);
        }

        /**
         * The common name of the client's certificate (PP2_SUBTYPE_SSL_CN).
         *
         * @return the name; what is no UTF-8 is replaced
         */
        public Optional<String> commonName() {
            return tlv(0x22).map(ProxyHeader::text);
        }

        /**
         * The cipher (PP2_SUBTYPE_SSL_CIPHER), such as {@code ECDHE-RSA-AES128-GCM-SHA256}.
         *
         * @return its name
         */
        public Optional<String> cipher() {
            return tlv(0x23).map(ProxyHeader::text);
        }

        /**
         * The value of any subtype.
         *
         * @param type from 0 to 255, such as 0x24 for the algorithm that signed the certificate, 0x25 for that of its key
         * @return the first value of this type, read-only
         */
        public Optional<ByteBuffer> tlv(int type) {
            return find(tlvs, type);
        }
    }

    // ---- how the values stand in a header -----------------------------------------------------------------------------

    /** The first value of a type among values that were checked. */
    private static Optional<ByteBuffer> find(ByteBuffer tlvs, int type) {
        for (ByteBuffer rest = tlvs.duplicate(); rest.hasRemaining(); ) {
            int found = rest.get() & 0xFF;
            ByteBuffer value = value(rest);
            if (found == type) {
                return Optional.of(value.asReadOnlyBuffer());
            }
        }
        return Optional.empty();
    }

    /** Takes a length and as many bytes. */
    private static ByteBuffer value(ByteBuffer rest) {
        int length = rest.remaining() < 2 ? -1 : rest.getShort() & 0xFFFF;
        if (length < 0 || length > rest.remaining()) {
            throw new IllegalArgumentException("a value is longer than what is there");
        }
        ByteBuffer value = rest.slice(rest.position(), length);
        rest.position(rest.position() + length);
        return value;
    }

    private static void check(ByteBuffer tlvs) {
        boolean hasChecksum = false;
        for (ByteBuffer rest = tlvs.duplicate(); rest.hasRemaining(); ) {
            int type = rest.get() & 0xFF;
            ByteBuffer value = value(rest);
            int length = value.remaining();
            if (type == UNIQUE_ID && length > LONGEST_UNIQUE_ID
                    || type == CRC32C && (length != CRC32C_LENGTH || hasChecksum)
                    || type == SSL && length < Tls.LEAST) {
                throw new IllegalArgumentException("a value of type " + type + " has " + length + " bytes, or occurs twice");
            }
            hasChecksum |= type == CRC32C;
            if (type == SSL) {
                find(value.position(Tls.LEAST), -1); // its own values: of none of those may the length be wrong, nor do they have others
            }
        }
    }

    private static String text(ByteBuffer value) {
        return StandardCharsets.UTF_8.decode(value).toString();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ProxyHeader header
                && proxy.equals(header.proxy)
                && isLocal == header.isLocal
                && Objects.equals(source, header.source)
                && Objects.equals(destination, header.destination)
                && tlvs.equals(header.tlvs);
    }

    @Override
    public int hashCode() {
        return Objects.hash(proxy, isLocal, source, destination, tlvs);
    }

    @Override
    public String toString() {
        String what = isLocal ? "local" : source == null ? "unknown" : source + " to " + destination;
        return "ProxyHeader[" + what + ", from " + proxy + ", " + tlvs.remaining() + " bytes of further values]";
    }
}
