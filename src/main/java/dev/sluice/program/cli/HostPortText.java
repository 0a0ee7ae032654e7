package dev.sluice.program.cli;

import dev.sluice.program.client.HostPort;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts {@code [HOST:]PORT}; without a host, it is 127.0.0.1. */
final class HostPortText implements ITypeConverter<HostPort> {

    /** Characters of no name and no address, so that no resolver need be asked. */
    private static final String STRANGE = "\"'/\\,;";

    @Override
    public HostPort convert(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 0) {
            return new HostPort("127.0.0.1", Port.within(text, 1));
        }
        String host = text.substring(0, colon);
        int port = Port.within(text.substring(colon + 1), 1);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        } else if (host.indexOf(':') >= 0) {
            throw new TypeConversionException("'" + text + "' is ambiguous: write [" + host + "]:" + port);
        }
        if (host.isBlank()) {
            throw new TypeConversionException("'" + text + "' has no host: write HOST:PORT, or PORT alone");
        }
        if (host.chars().anyMatch(c -> c <= ' ' || STRANGE.indexOf(c) >= 0)) {
            throw new TypeConversionException("'" + host + "' is not a host");
        }
        return new HostPort(host, port);
    }
}
