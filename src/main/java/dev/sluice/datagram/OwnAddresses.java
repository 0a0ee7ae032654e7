package dev.sluice.datagram;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketException;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The addresses that a datagram of a port's own can come from. An answer to one would come back, be answered, and so on for ever. Any
 * thread.
 *
 * <p>A port that listens on one address has that alone. One that listens on all has every address of the machine. Those are looked up only
 * when a datagram comes from the port's own number, which may be forged. A look takes from 60 µs for three addresses to 100 ms for four
 * thousand: so its result is kept for a second, and for a thousand times as long as the look took.
 */
final class OwnAddresses {

    private static final long STANDS_NS = 1_000_000_000;

    /** How much longer than a look its result stands. */
    private static final int THRIFT = 1000;

    /** The addresses that were seen, and until when they stand. */
    private record Looked(Set<InetAddress> addresses, long untilNs) {}

    private final InetSocketAddress bound;
    private volatile Looked last;

    OwnAddresses(InetSocketAddress bound) {
        this.bound = bound;
    }

    boolean contain(SocketAddress sender) {
        return sender instanceof InetSocketAddress from && from.getPort() == bound.getPort() && isOwn(from.getAddress());
    }

    private boolean isOwn(InetAddress address) {
        if (!bound.getAddress().isAnyLocalAddress()) {
            return address.equals(bound.getAddress());
        }
        return address.isLoopbackAddress() || address.isAnyLocalAddress() || local().contains(address);
    }

    private Set<InetAddress> local() {
        Looked before = last;
        long beganNs = System.nanoTime();
        if (before != null && beganNs - before.untilNs() < 0) {
            return before.addresses();
        }
        Set<InetAddress> addresses = look(before);
        long endedNs = System.nanoTime();
        last = new Looked(addresses, endedNs + Math.max(STANDS_NS, THRIFT * (endedNs - beganNs)));
        return addresses;
    }

    private static Set<InetAddress> look(Looked before) {
        try {
            return NetworkInterface.networkInterfaces().flatMap(NetworkInterface::inetAddresses).collect(Collectors.toSet());
        } catch (SocketException | OutOfMemoryError e) {
            return before == null ? Set.of() : before.addresses(); // no descriptor to ask with, or no memory
        }
    }
}
