package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.net.UnixDomainSocketAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The sources that are trusted have to be named, and no other is. */
class ProxyProtocolTest {

    @Test
    void sourceDecides() {
        ProxyProtocol setting = ProxyProtocol.from("10.0.0.0/8", "fd00::/8");
        assertTrue(setting.trusts(new InetSocketAddress("10.1.2.3", 1)));
        assertTrue(setting.trusts(new InetSocketAddress("fd12::1", 1)));
        assertFalse(setting.trusts(new InetSocketAddress("127.0.0.1", 1)), "loopback is not trusted unasked");
        assertFalse(setting.trusts(InetSocketAddress.createUnresolved("10.1.2.3", 1)));
        assertFalse(setting.trusts(UnixDomainSocketAddress.of("")));
        assertFalse(setting.trusts(null));
        assertTrue(ProxyProtocol.from("unix").trusts(UnixDomainSocketAddress.of("")));
        assertEquals(List.of("10.0.0.0/8", "0:0:0:0:0:0:0:1/128", "unix"), ProxyProtocol.from("10.0.0.0/8", "unix", "::1").sources());
    }

    @Test
    void hasDefaultsAndIsAValue() {
        ProxyProtocol setting = ProxyProtocol.from("10.0.0.0/8");
        assertEquals(Duration.ofSeconds(5), setting.timeout());
        assertEquals(ProxyProtocol.Others.REFUSE, setting.others());
        ProxyProtocol other = setting.withTimeout(Duration.ofSeconds(3)).withOthers(ProxyProtocol.Others.SERVE);
        assertEquals(Duration.ofSeconds(3), other.timeout());
        assertEquals(ProxyProtocol.Others.SERVE, other.others());
        assertEquals(Duration.ofSeconds(5), setting.timeout());
        assertNotEquals(setting, other);
        assertEquals(setting, other.withTimeout(Duration.ofSeconds(5)).withOthers(ProxyProtocol.Others.REFUSE));
        assertEquals(setting.hashCode(), ProxyProtocol.from(List.of("10.0.0.0/8")).hashCode());
    }

    @Test
    void nonsenseIsRefused() {
        assertThrows(IllegalArgumentException.class, ProxyProtocol::from);
        assertThrows(IllegalArgumentException.class, () -> ProxyProtocol.from("10.0.0.0/8", ""));
        for (Duration timeout : List.of(Duration.ZERO, Duration.ofSeconds(-1), Duration.ofDays(2))) {
            assertThrows(InvalidOption.class, () -> ProxyProtocol.from("::1").withTimeout(timeout));
        }
    }
}
