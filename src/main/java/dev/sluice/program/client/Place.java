package dev.sluice.program.client;

import java.nio.file.Path;
import java.util.Map;

/**
 * A place on the command line, to listen at or to connect to: a TCP or UDP port of a host, or the file of a Unix-domain socket.
 *
 * @param kind     which of them
 * @param port     the host and its port, or null
 * @param file     the socket's file, or null
 * @param settings of this place alone, by name
 */
public record Place(Kind kind, HostPort port, Path file, Map<String, String> settings) {

    /** The kinds of places, in the order in which the help names them. */
    public enum Kind {
        /** {@code tcp://HOST:PORT}. */
        TCP,
        /** {@code udp://HOST:PORT}. */
        UDP,
        /** {@code unix:PATH}. */
        UNIX
    }

    /** Copies the settings. */
    public Place {
        settings = Map.copyOf(settings);
    }

    /**
     * A TCP port.
     *
     * @param host its host
     * @param port its number
     * @return the place, without settings
     */
    public static Place tcp(String host, int port) {
        return new Place(Kind.TCP, new HostPort(host, port), null, Map.of());
    }

    @Override
    public String toString() {
        return switch (kind) {
            case TCP -> port.toString();
            case UDP -> "udp " + port;
            case UNIX -> "unix:" + file;
        };
    }
}
