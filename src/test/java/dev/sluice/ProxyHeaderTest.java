package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.HexFormat;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A header gives each value by its name or type, cannot be changed, and cannot be made of what makes no sense. */
class ProxyHeaderTest {

    private static final SocketAddress PROXY = new InetSocketAddress("192.0.2.1", 1);
    private static final SocketAddress CLIENT = new InetSocketAddress("192.0.2.2", 2);
    private static final SocketAddress SERVER = new InetSocketAddress("192.0.2.3", 3);

    private static ByteBuffer bytes(String hex) {
        return ByteBuffer.wrap(HexFormat.of().parseHex(hex));
    }

    private static ProxyHeader header(String tlvs) {
        return ProxyHeader.of(PROXY, CLIENT, SERVER, bytes(tlvs));
    }

    @Test
    void valuesAreFoundByNameAndType() {
        ProxyHeader header = header("010002" + "6832" + "020003" + "61c3a4" + "050002" + "00ff" + "ea0000" + "020001" + "7a");
        assertEquals(PROXY, header.proxy());
        assertEquals(Optional.of(CLIENT), header.source());
        assertEquals(Optional.of(SERVER), header.destination());
        assertEquals(Optional.of("h2"), header.alpn());
        assertEquals(Optional.of("aä"), header.authority());
        assertEquals(Optional.of(bytes("00ff")), header.uniqueId());
        assertEquals(Optional.of(bytes("")), header.tlv(0xEA));
        assertEquals(Optional.empty(), header.tlv(0xEB));
        assertEquals(Optional.empty(), header.tls());
        assertFalse(header.isLocal());
    }

    @Test
    void tlsTellsWhetherTheClientsCertificateWasVerified() {
        String version = "210007" + "544c5376312e33";
        ProxyHeader.Tls verified = header("200016" + "05" + "00000000" + version + "220004" + "6a6f6500").tls().orElseThrow();
        assertTrue(verified.isUsed());
        assertTrue(verified.isClientVerified());
        assertEquals(Optional.of("TLSv1.3"), verified.version());
        assertEquals(Optional.of("joe\0"), verified.commonName());
        assertEquals(Optional.empty(), verified.cipher());
        assertEquals(Optional.of(bytes("6a6f6500")), verified.tlv(0x22));
        assertFalse(header("200005" + "01" + "00000000").tls().orElseThrow().isClientVerified(), "no certificate");
        assertFalse(header("200005" + "03" + "00000001").tls().orElseThrow().isClientVerified(), "not verified");
        assertFalse(header("200005" + "06" + "00000000").tls().orElseThrow().isUsed(), "not over TLS");
    }

    @Test
    void cannotBeChanged() {
        ByteBuffer tlvs = bytes("050002" + "0102");
        ProxyHeader header = ProxyHeader.of(PROXY, CLIENT, SERVER, tlvs);
        assertEquals(5, tlvs.remaining());
        tlvs.put(3, (byte) 9);
        assertThrows(ReadOnlyBufferException.class, () -> header.uniqueId().orElseThrow().put((byte) 9));
        header.uniqueId().orElseThrow().get();
        assertEquals(Optional.of(bytes("0102")), header.uniqueId());
    }

    @Test
    void sameContentIsEqual() {
        assertEquals(header("020001" + "61"), header("020001" + "61"));
        assertEquals(header("020001" + "61").hashCode(), header("020001" + "61").hashCode());
        assertNotEquals(header("020001" + "61"), header("020001" + "62"));
        assertNotEquals(ProxyHeader.local(PROXY), ProxyHeader.of(PROXY, null, null, bytes("")));
        assertTrue(ProxyHeader.local(PROXY).isLocal());
    }

    @Test
    void nonsenseIsRefused() {
        for (String tlvs : new String[] {"02", "0200", "020001", "02ffff61", "030003000000", "03000400000000" + "03000400000000", "200004" + "00000000",
                "050081" + "00".repeat(129), "200007" + "0100000000" + "2100"}) {
            assertThrows(IllegalArgumentException.class, () -> header(tlvs), tlvs);
        }
        assertThrows(IllegalArgumentException.class, () -> ProxyHeader.of(PROXY, null, SERVER, bytes("")));
        assertThrows(NullPointerException.class, () -> ProxyHeader.local(null));
    }
}
