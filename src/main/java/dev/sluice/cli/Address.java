package dev.sluice.cli;

import dev.sluice.cli.Program.Failure;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A host, as it was written, and a port. */
record Address(String host, int port) {

    /** The name is looked up here, once. */
    InetSocketAddress resolve() throws Failure {
        try {
            return new InetSocketAddress(InetAddress.getByName(host), port);
        } catch (UnknownHostException e) {
            throw new Failure("cannot resolve host '" + host + "'");
        }
    }

    /** As it is read again: an IPv6 address in brackets. */
    static String text(InetSocketAddress address) {
        String host = address.getAddress().getHostAddress();
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    @Override
    public String toString() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
    }

    /** PORT, HOST:PORT or [IPV6]:PORT. */
    static final class Converter implements ITypeConverter<Address> {
        @Override
        public Address convert(String text) {
            int colon = text.lastIndexOf(':');
            String host = colon < 0 ? "127.0.0.1" : text.substring(0, colon);
            if (host.startsWith("[") && host.endsWith("]")) {
                host = host.substring(1, host.length() - 1);
            } else if (host.contains(":")) {
                throw new TypeConversionException("'" + text + "' is ambiguous; write an IPv6 address as [::1]:10000");
            }
            return new Address(host.isEmpty() ? "127.0.0.1" : host, new Units.Port().convert(text.substring(colon + 1)));
        }
    }
}
