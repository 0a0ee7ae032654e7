package dev.sluice;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Objects;
import java.util.Optional;

/**
 * One place where a server accepts connections: an address, and the settings of its socket. An immutable value: {@link #at} gives it
 * every default, and a method that changes a setting returns a copy.
 */
public final class Listener {

    private final InetSocketAddress address;
    private final int backlog;
    private final ProxyProtocol proxy;

    private Listener(InetSocketAddress address, int backlog, ProxyProtocol proxy) {
        this.address = Objects.requireNonNull(address, "address");
        this.backlog = backlog;
        this.proxy = proxy;
    }

    /**
     * Listens at an address.
     *
     * @param address where; port zero takes a free one
     * @return a listener with default settings
     */
    public static Listener at(InetSocketAddress address) {
        return new Listener(address, 1024, null);
    }

    /**
     * Changes {@link #backlog}.
     *
     * @param connections from 1 to 65,535
     * @return a copy with this setting
     * @throws InvalidOption outside this range
     */
    public Listener withBacklog(int connections) {
        return new Listener(address, InvalidOption.within("backlog", connections, 1, 65_535), proxy);
    }

    /**
     * Changes {@link #proxy}.
     *
     * @param setting which sources are proxies; null if nobody is
     * @return a copy with this setting
     */
    public Listener withProxy(ProxyProtocol setting) {
        return new Listener(address, backlog, setting);
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

    /**
     * The PROXY protocol that peers speak here. The header is read before there is a connection, exactly its bytes; those who wait for it
     * count against {@link ServerOptions#maxConnections}. Default: none, each peer is a client.
     *
     * @return the setting, or empty
     */
    public Optional<ProxyProtocol> proxy() {
        return Optional.ofNullable(proxy);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Listener listener && address.equals(listener.address) && backlog == listener.backlog
                && Objects.equals(proxy, listener.proxy);
    }

    @Override
    public int hashCode() {
        return Objects.hash(address, backlog, proxy);
    }

    @Override
    public String toString() {
        return "Listener[address=" + address + ", backlog=" + backlog + (proxy == null ? "" : ", " + proxy) + "]";
    }
}
