package dev.sluice;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Objects;

/**
 * One place where a server accepts connections: an address, and the settings of its socket. An immutable value: {@link #at} gives it
 * every default, and a method that changes a setting returns a copy.
 */
public final class Listener {

    private final InetSocketAddress address;
    private final int backlog;

    private Listener(InetSocketAddress address, int backlog) {
        this.address = Objects.requireNonNull(address, "address");
        this.backlog = backlog;
    }

    /**
     * Listens at an address.
     *
     * @param address where; port zero takes a free one
     * @return a listener with default settings
     */
    public static Listener at(InetSocketAddress address) {
        return new Listener(address, 1024);
    }

    /**
     * Changes {@link #backlog}.
     *
     * @param connections from 1 to 65,535
     * @return a copy with this setting
     * @throws InvalidOption outside this range
     */
    public Listener withBacklog(int connections) {
        return new Listener(address, InvalidOption.within("backlog", connections, 1, 65_535));
    }

    /**
     * The address that was asked for. {@link Server#addresses} tells which port was taken where it was zero.
     *
     * @return an address
     */
    public SocketAddress address() {
        return address;
    }

    /**
     * Connections that the kernel holds until they are accepted. Default: 1024.
     *
     * @return connections
     */
    public int backlog() {
        return backlog;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Listener listener && address.equals(listener.address) && backlog == listener.backlog;
    }

    @Override
    public int hashCode() {
        return Objects.hash(address, backlog);
    }

    @Override
    public String toString() {
        return "Listener[address=" + address + ", backlog=" + backlog + "]";
    }
}
