package dev.sluice.program.client;

/** A host and a port to connect to. IPv6 addresses stand in brackets, as on the command line: {@code [::1]:10000}. */
public record HostPort(String host, int port) {

    /** Joins both, with brackets around a host that has colons of its own. */
    public static String text(String host, int port) {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }

    @Override
    public String toString() {
        return text(host, port);
    }
}
