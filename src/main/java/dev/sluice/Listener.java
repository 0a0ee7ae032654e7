package dev.sluice;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One place where a server accepts connections: an address, and the settings of its socket. An immutable value: {@link #at} gives it
 * every default, and a method that changes a setting returns a copy.
 *
 * <p>The address may be that of a Unix-domain socket, which is a file. The file appears when the socket is listened on, with its mode
 * from the first moment. One that nobody listens on is replaced. At the end of the server the file is removed, unless another has
 * replaced it. The connections of such a socket keep two things less than those of TCP: a reset does not tell a peer that something
 * is missing, and nothing tells of a peer that has gone while its connection is not read and no output waits.
 */
public final class Listener {

    private static final int SYSTEMS = -1;

    private final SocketAddress address;
    private final int backlog;
    private final int mode;
    private final boolean replaces;
    private final ProxyProtocol proxy;

    private Listener(SocketAddress address, int backlog, int mode, boolean replaces, ProxyProtocol proxy) {
        this.address = address;
        this.backlog = backlog;
        this.mode = mode;
        this.replaces = replaces;
        this.proxy = proxy;
    }

    /**
     * Listens at an address.
     *
     * @param address where: an {@link InetSocketAddress}, whose port zero takes a free one, or a {@link UnixDomainSocketAddress}
     * @return a listener with default settings
     * @throws IllegalArgumentException for another kind of address, and for a Unix-domain address without a path
     */
    public static Listener at(SocketAddress address) {
        Objects.requireNonNull(address, "address");
        if (!(address instanceof InetSocketAddress) && !isUnix(address)) {
            throw new IllegalArgumentException("a listener needs a TCP or Unix-domain address, was " + address.getClass().getName());
        } else if (isUnix(address) && address.toString().isEmpty()) {
            throw new IllegalArgumentException("a Unix-domain listener needs a path");
        }
        return new Listener(address, 1024, SYSTEMS, false, null);
    }

    private static boolean isUnix(SocketAddress address) {
        return address instanceof UnixDomainSocketAddress;
    }

    /**
     * Changes {@link #backlog}.
     *
     * @param connections from 1 to 65,535
     * @return a copy with this setting
     * @throws InvalidOption outside this range
     */
    public Listener withBacklog(int connections) {
        return new Listener(address, InvalidOption.within("backlog", connections, 1, 65_535), mode, replaces, proxy);
    }

    /**
     * Changes {@link #proxy}.
     *
     * @param setting which sources are proxies; null if nobody is
     * @return a copy with this setting
     */
    public Listener withProxy(ProxyProtocol setting) {
        return new Listener(address, backlog, mode, replaces, setting);
    }

    /**
     * Changes {@link #mode}. A peer needs the permission to write.
     *
     * @param permissions of the file, from 0 to 0777 (octal), such as 0660
     * @return a copy with this setting
     * @throws InvalidOption         outside this range
     * @throws IllegalStateException if the address is not a Unix-domain one
     */
    public Listener withMode(int permissions) {
        checkFile("mode");
        return new Listener(address, backlog, InvalidOption.within("mode", permissions, 0, 0777), replaces, proxy);
    }

    /**
     * Changes {@link #replaces}.
     *
     * @param live whether to take the place of a socket that is listened on
     * @return a copy with this setting
     * @throws IllegalStateException if the address is not a Unix-domain one
     */
    public Listener withReplace(boolean live) {
        checkFile("replace");
        return new Listener(address, backlog, mode, live, proxy);
    }

    private void checkFile(String setting) {
        if (!isUnix(address)) {
            throw new IllegalStateException(setting + " is a setting of Unix-domain sockets, and this is " + address);
        }
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

    /**
     * The permissions of a Unix-domain socket's file. Default: as the process makes files.
     *
     * @return the mode, or empty for the default
     */
    public OptionalInt mode() {
        return mode == SYSTEMS ? OptionalInt.empty() : OptionalInt.of(mode);
    }

    /**
     * Whether a Unix-domain socket that is listened on is replaced by this one. Default: no, it is an error. Its server goes on with the
     * connections that it has, and with those that wait in its backlog.
     *
     * @return whether it is
     */
    public boolean replaces() {
        return replaces;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Listener listener
                && address.equals(listener.address)
                && backlog == listener.backlog
                && mode == listener.mode
                && replaces == listener.replaces
                && Objects.equals(proxy, listener.proxy);
    }

    @Override
    public int hashCode() {
        return Objects.hash(address, backlog, mode, replaces, proxy);
    }

    @Override
    public String toString() {
        String file = isUnix(address) ? ", mode=" + (mode == SYSTEMS ? "default" : "0" + Integer.toOctalString(mode)) + ", replaces=" + replaces : "";
        return "Listener[address=" + address + ", backlog=" + backlog + file + (proxy == null ? "" : ", " + proxy) + "]";
    }
}
