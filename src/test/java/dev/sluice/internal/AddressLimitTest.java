package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The addresses that count as one, and the places that they take and give back. */
class AddressLimitTest {

    private final AddressLimit limit = new AddressLimit(2);
    private final List<SocketChannel> channels = new ArrayList<>();

    private SocketChannel channel() throws IOException {
        channels.add(SocketChannel.open());
        return channels.get(channels.size() - 1);
    }

    @AfterEach
    void close() throws IOException {
        for (SocketChannel channel : channels) {
            channel.close();
        }
    }

    private static SocketAddress peer(String host) throws IOException {
        return new InetSocketAddress(InetAddress.getByName(host), 1234);
    }

    @ParameterizedTest
    @CsvSource({
        "10.0.0.1, 10.0.0.1, true",
        "10.0.0.1, 10.0.0.2, false",
        "::ffff:10.0.0.1, 10.0.0.1, true",
        "2001:db8:1:2::1, 2001:db8:1:2:ffff::1, true",
        "2001:db8:1:2::1, 2001:db8:1:3::1, false",
        "2001:db8:8000:8001::1, 2001:db8:8000:8001:8000::1, true",
        "fe80::1, fe80::2, false",
        "fe80::1, fe80::1, true",
        "64:ff9b::a00:1, 64:ff9b::a00:2, false",
        "64:ff9b::a00:1, 64:ff9b::a00:1, true",
        "::1, ::1, true"
    })
    void addressesOfOneMachineCountAsOne(String one, String other, boolean together) throws IOException {
        assertTrue(limit.enter(channel(), peer(one)));
        assertTrue(limit.enter(channel(), peer(one)));
        assertEquals(!together, limit.enter(channel(), peer(other)));
    }

    @Test
    void placeIsGivenBackOnce() throws IOException {
        SocketChannel first = channel();
        assertTrue(limit.enter(first, peer("10.0.0.1")));
        assertTrue(limit.enter(channel(), peer("10.0.0.1")));
        SocketChannel refused = channel();
        assertFalse(limit.enter(refused, peer("10.0.0.1")));
        limit.leave(refused);
        limit.leave(null);
        assertFalse(limit.enter(channel(), peer("10.0.0.1")), "who was refused gives nothing back");
        limit.leave(first);
        limit.leave(first);
        assertTrue(limit.enter(channel(), peer("10.0.0.1")));
        assertFalse(limit.enter(channel(), peer("10.0.0.1")));
    }

    @Test
    void addressWithoutConnectionsIsForgotten() throws IOException {
        List<SocketChannel> there = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            there.add(channel());
            assertTrue(limit.enter(there.get(i), peer("10.0.0." + i)));
        }
        assertEquals(100, limit.addresses());
        there.forEach(limit::leave);
        assertEquals(0, limit.addresses());
    }

    @Test
    void peersWithoutAnInternetAddressAreNotCounted() throws IOException {
        for (SocketAddress peer : new SocketAddress[] {null, UnixDomainSocketAddress.of(""), InetSocketAddress.createUnresolved("x", 1)}) {
            for (int i = 0; i < 5; i++) {
                assertTrue(limit.enter(channel(), peer));
            }
        }
        assertEquals(0, limit.addresses());
    }
}
