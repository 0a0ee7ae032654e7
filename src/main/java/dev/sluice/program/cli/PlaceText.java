package dev.sluice.program.cli;

import dev.sluice.program.client.HostPort;
import dev.sluice.program.client.Place;
import dev.sluice.program.client.Place.Kind;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Converts places to listen at: {@code tcp://HOST:PORT}, {@code udp://HOST:PORT}, {@code unix:PATH}, with settings as query parameters. */
final class PlaceText implements ITypeConverter<Place> {

    /** Bytes of a socket's path. */
    private static final int LONGEST_PATH = 106;

    /** Characters of no name and no address, so that no resolver need be asked. */
    private static final String STRANGE = "\"'/\\,;";

    @Override
    public Place convert(String text) {
        Kind kind = kind(text);
        if (kind == null) {
            throw new TypeConversionException("'" + text + "' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH");
        }
        int query = text.indexOf('?');
        String where = text.substring(beginning(kind).length(), query < 0 ? text.length() : query);
        Map<String, String> settings = query < 0 ? Map.of() : settings(kind, text, text.substring(query + 1));
        return place(kind, text, where, 0, settings);
    }

    /** Converts places to connect to: {@code [HOST:]PORT}, or as above, without settings. */
    static final class ToConnect implements ITypeConverter<Place> {
        @Override
        public Place convert(String text) {
            Kind kind = kind(text);
            if (kind != null) {
                return place(kind, text, text.substring(beginning(kind).length()), 1, Map.of());
            }
            int colon = text.lastIndexOf(':');
            return colon < 0
                    ? Place.tcp("127.0.0.1", Port.within(text, 1))
                    : new Place(Kind.TCP, hostPort(text, text, 1, "HOST:PORT, or PORT alone"), null, Map.of());
        }
    }

    /** Null if the text begins with no kind. */
    private static Kind kind(String text) {
        for (Kind kind : Kind.values()) {
            if (text.startsWith(beginning(kind))) {
                return kind;
            }
        }
        return null;
    }

    private static String beginning(Kind kind) {
        String name = kind.name().toLowerCase(Locale.ROOT);
        return name + (kind == Kind.UNIX ? ":" : "://");
    }

    private static Place place(Kind kind, String text, String where, int firstPort, Map<String, String> settings) {
        return kind == Kind.UNIX
                ? new Place(kind, null, path(text, where), settings)
                : new Place(kind, hostPort(text, where, firstPort, beginning(kind) + "HOST:PORT"), null, settings);
    }

    private static Path path(String text, String path) {
        if (path.isEmpty()) {
            throw new TypeConversionException("'" + text + "' has no path: write unix:PATH");
        }
        int length = path.getBytes(StandardCharsets.UTF_8).length;
        if (length > LONGEST_PATH) {
            throw new TypeConversionException("the path of '" + text + "' has " + length + " bytes, and at most " + LONGEST_PATH + " can be used");
        }
        try {
            return Path.of(path);
        } catch (InvalidPathException e) {
            throw new TypeConversionException("'" + text + "' is not a path: " + e.getReason());
        }
    }

    private static HostPort hostPort(String text, String where, int firstPort, String form) {
        int colon = where.lastIndexOf(':');
        if (colon < 0) {
            throw new TypeConversionException("'" + text + "' has no port: write " + form);
        }
        String host = where.substring(0, colon);
        int port = Port.within(where.substring(colon + 1), firstPort);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
        } else if (host.indexOf(':') >= 0) {
            throw new TypeConversionException("'" + text + "' is ambiguous: write [" + host + "]:" + port);
        }
        if (host.isBlank()) {
            throw new TypeConversionException("'" + text + "' has no host: write " + form);
        }
        if (host.chars().anyMatch(c -> c <= ' ' || STRANGE.indexOf(c) >= 0)) {
            throw new TypeConversionException("'" + host + "' is not a host");
        }
        return new HostPort(host, port);
    }

    private static Map<String, String> settings(Kind kind, String text, String query) {
        Map<String, String> settings = new HashMap<>();
        for (String each : query.split("&", -1)) {
            int equals = each.indexOf('=');
            String name = equals < 0 ? each : each.substring(0, equals);
            String value = equals < 0 ? "" : each.substring(equals + 1);
            List<String> known = known(kind);
            if (!known.contains(name)) {
                String has = known.isEmpty() ? "it has none" : "it may have " + String.join(", ", known);
                throw new TypeConversionException("'" + name + "' is not a setting of '" + text + "': " + has);
            }
            check(name, value);
            if (settings.put(name, value) != null) {
                throw new TypeConversionException("'" + text + "' has its " + name + " twice");
            }
        }
        return settings;
    }

    private static List<String> known(Kind kind) {
        return switch (kind) {
            case TCP -> List.of("proxy-from", "proxy-timeout");
            case UDP -> List.of();
            case UNIX -> List.of("mode", "proxy-from", "proxy-timeout");
        };
    }

    private static void check(String name, String value) {
        if (name.equals("proxy-from")) {
            new ProxySources().convert(value);
        } else if (name.equals("proxy-timeout")) {
            new DurationText().convert(value);
        } else if (!value.matches("0?[0-7]{3}")) {
            throw new TypeConversionException("mode '" + value + "' is not one of a file: write three octal digits, such as mode=0660");
        }
    }
}
