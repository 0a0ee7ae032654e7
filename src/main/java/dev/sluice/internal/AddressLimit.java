package dev.sluice.internal;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;

/**
 * How many connections each address has, against how many it may have. A place is kept with its socket, so that it is given back once,
 * and to the address that took it, whatever the connection says of its peer by then. Any thread.
 *
 * <p>The addresses of an IPv6 network of 64 bits count as one: a single machine is given so many, and may connect from another each time.
 * Two networks are shared by machines that have nothing to do with each other: addresses of the link, and those into which a gateway
 * translates IPv4. In these each address counts by itself. An IPv4 address within an IPv6 socket is an IPv4 address.
 */
final class AddressLimit {

    /** 64:ff9b::/64, the beginning of the network of translated IPv4 addresses (RFC 6052). */
    private static final long TRANSLATED = 0x0064_FF9B_0000_0000L;

    private final int most;
    private final Map<Object, Crowd> crowds = new HashMap<>();
    private final Map<SocketChannel, Crowd> inside = new IdentityHashMap<>();

    /** The connections of one address. */
    private static final class Crowd {
        private final Object key;
        private int size;

        Crowd(Object key) {
            this.key = key;
        }
    }

    AddressLimit(int most) {
        this.most = most;
    }

    /**
     * Takes a place for a connection. Finds it no memory, no place is taken.
     *
     * @param channel its socket
     * @param peer    where it comes from; of one without an internet address, nothing is counted
     * @return false if the address has as many as it may
     */
    synchronized boolean enter(SocketChannel channel, SocketAddress peer) {
        if (!(peer instanceof InetSocketAddress address) || address.isUnresolved()) {
            return true;
        }
        Crowd crowd = crowds.computeIfAbsent(key(address.getAddress()), Crowd::new);
        if (crowd.size >= most) {
            return false;
        }
        inside.put(channel, crowd);
        crowd.size++;
        return true;
    }

    /** Gives back the place of a connection, if it has one. */
    synchronized void leave(SocketChannel channel) {
        Crowd crowd = inside.remove(channel);
        if (crowd != null && --crowd.size == 0) {
            crowds.remove(crowd.key);
        }
    }

    /** Addresses that have connections. */
    synchronized int addresses() {
        return crowds.size();
    }

    private static Object key(InetAddress address) {
        if (!(address instanceof Inet6Address) || address.isLinkLocalAddress()) {
            return address;
        }
        byte[] bytes = address.getAddress();
        long network = 0;
        for (int i = 0; i < Long.BYTES; i++) {
            network = network << Byte.SIZE | bytes[i] & 0xFF;
        }
        return network == TRANSLATED ? address : (Object) network;
    }
}
