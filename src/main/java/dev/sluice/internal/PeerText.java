package dev.sluice.internal;

import java.io.IOException;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;

/**
 * The ends of connections as logs, reports and the flight recorder name them. The client of a Unix-domain socket has no address of its own.
 * It is known by its user and group, which the kernel tells while the connection is open. Any thread.
 */
public final class PeerText {

    private static final String CLIENT = "unix client";

    private PeerText() {}

    /**
     * Names an address.
     *
     * @param address the address, or null
     * @return such as {@code /127.0.0.1:7}, {@code unix:/run/chat.sock}, {@code unix client}
     */
    public static String of(SocketAddress address) {
        if (address instanceof UnixDomainSocketAddress) {
            String path = address.toString();
            return path.isEmpty() ? CLIENT : "unix:" + path;
        }
        return String.valueOf(address);
    }

    /**
     * Names the peer of an open connection.
     *
     * @param remote  its address, or null
     * @param channel the connection's socket, or null
     * @return as {@link #of(SocketAddress)}; such as {@code unix client (user alice, group staff)} if it has no address. The names are
     *     looked up, which may take a while
     */
    static String of(SocketAddress remote, SocketChannel channel) {
        String text = of(remote);
        return text.equals(CLIENT) && channel != null ? text + credentials(channel) : text;
    }

    /** Module jdk.net has the option and the type of its value; a runtime image may lack it. */
    private static String credentials(SocketChannel channel) {
        for (SocketOption<?> option : channel.supportedOptions()) {
            if (option.name().equals("SO_PEERCRED")) {
                try {
                    Object value = channel.getOption(option);
                    return " (user " + part(value, "user") + ", group " + part(value, "group") + ")";
                } catch (IOException | ReflectiveOperationException e) {
                    return ""; // gone
                }
            }
        }
        return "";
    }

    private static Object part(Object principal, String name) throws ReflectiveOperationException {
        return principal.getClass().getMethod(name).invoke(principal);
    }
}
