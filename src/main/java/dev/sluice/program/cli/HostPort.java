package dev.sluice.program.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Where to connect to. IPv6 addresses stand in brackets, here as on the command line: {@code [::1]:10000}. */
record HostPort(String host, int port) {

    static String text(String host, int port) {
        return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + port;
    }

    @Override
    public String toString() {
        return text(host, port);
    }

    /** {@code [HOST:]PORT}. */
    static final class Converter implements ITypeConverter<HostPort> {

        /** In no name and no address; a resolver need not be asked. */
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
}
