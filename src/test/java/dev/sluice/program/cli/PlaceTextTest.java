package dev.sluice.program.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sluice.program.client.HostPort;
import dev.sluice.program.client.Place;
import dev.sluice.program.client.Place.Kind;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/** Places, as the command line reads them. */
class PlaceTextTest {

    private static String refusal(String text) {
        return assertThrows(TypeConversionException.class, () -> new PlaceText().convert(text)).getMessage();
    }

    @ParameterizedTest
    @CsvSource({
        "tcp://127.0.0.1:10000, TCP, 127.0.0.1, 10000", "tcp://localhost:0, TCP, localhost, 0", "udp://[::1]:53, UDP, ::1, 53",
        "tcp://0.0.0.0:80, TCP, 0.0.0.0, 80"
    })
    void portToListenAt(String text, Kind kind, String host, int port) {
        assertEquals(new Place(kind, new HostPort(host, port), null, Map.of()), new PlaceText().convert(text));
    }

    @Test
    void fileToListenAt() {
        assertEquals(new Place(Kind.UNIX, null, Path.of("/run/x"), Map.of()), new PlaceText().convert("unix:/run/x"));
        assertEquals(new Place(Kind.UNIX, null, Path.of("x y"), Map.of("mode", "0660")), new PlaceText().convert("unix:x y?mode=0660"));
        assertEquals(Map.of("proxy-from", "10.0.0.0/8,fd00::/8", "proxy-timeout", "3s"),
                new PlaceText().convert("tcp://a:1?proxy-from=10.0.0.0/8,fd00::/8&proxy-timeout=3s").settings());
        assertEquals(Map.of("mode", "600"), new PlaceText().convert("unix:x?mode=600").settings());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\0', value = {
        "10000               | '10000' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH",
        "http://a:1          | 'http://a:1' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH",
        "TCP://a:1           | 'TCP://a:1' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH",
        "fd:0                | 'fd:0' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH",
        "tcp:a:1             | 'tcp:a:1' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH",
        "tcp://a             | 'tcp://a' has no port: write tcp://HOST:PORT",
        "udp://:7            | 'udp://:7' has no host: write udp://HOST:PORT",
        "tcp://::1:7         | 'tcp://::1:7' is ambiguous: write [::1]:7",
        "tcp://a:65536       | '65536' is not a port: 0 to 65535",
        "tcp://a:x           | 'x' is not a port: 0 to 65535",
        "tcp://a/b:1         | 'a/b' is not a host",
        "tcp://a:1?mode=0600 | 'mode' is not a setting of 'tcp://a:1?mode=0600': it may have proxy-from, proxy-timeout",
        "udp://a:1?mode=0600 | 'mode' is not a setting of 'udp://a:1?mode=0600': it has none",
        "tcp://a:1?proxy-from=10 | '10' is no IP address, such as 192.0.2.1, or range of them, such as 10.0.0.0/8",
        "unix:x?proxy-from=unix&proxy-timeout=5 | '5' has no unit: 5ms or 5s?",
        "unix:               | 'unix:' has no path: write unix:PATH",
        "unix:?mode=0600     | 'unix:?mode=0600' has no path: write unix:PATH",
        "unix:x?             | '' is not a setting of 'unix:x?': it may have mode, proxy-from, proxy-timeout",
        "unix:x?mod=0600     | 'mod' is not a setting of 'unix:x?mod=0600': it may have mode, proxy-from, proxy-timeout",
        "unix:x?mode         | mode '' is not one of a file: write three octal digits, such as mode=0660",
        "unix:x?mode=0800    | mode '0800' is not one of a file: write three octal digits, such as mode=0660",
        "unix:x?mode=4755    | mode '4755' is not one of a file: write three octal digits, such as mode=0660",
        "unix:x?mode=1&mode=2| mode '1' is not one of a file: write three octal digits, such as mode=0660",
        "unix:x?mode=600&mode=0600 | 'unix:x?mode=600&mode=0600' has its mode twice"
    })
    void otherPlacesAreRefusedInOneLine(String text, String message) {
        assertEquals(message, refusal(text));
        assertEquals("'' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH", refusal(""));
    }

    @Test
    void pathThatNoSocketMayHaveIsRefused() {
        assertEquals(106, new PlaceText().convert("unix:/" + "x".repeat(105)).file().toString().length());
        String text = "unix:/" + "x".repeat(106);
        assertEquals("the path of '" + text + "' has 107 bytes, and at most 106 can be used", refusal(text));
        text = "unix:/" + "é".repeat(53);
        assertEquals("the path of '" + text + "' has 107 bytes, and at most 106 can be used", refusal(text));
        assertEquals("'unix:a\0b' is not a path: Nul character not allowed", refusal("unix:a\0b"));
    }

    @ParameterizedTest
    @CsvSource({
        "10000, 127.0.0.1, 10000", "localhost:80, localhost, 80", "10.0.0.1:1, 10.0.0.1, 1", "[::1]:10000, ::1, 10000",
        "[fe80::1%eth0]:9, fe80::1%eth0, 9", "tcp://localhost:80, localhost, 80"
    })
    void portToConnectTo(String text, String host, int port) {
        assertEquals(Place.tcp(host, port), new PlaceText.ToConnect().convert(text));
    }

    @Test
    void otherPlacesToConnectTo() {
        assertEquals(new Place(Kind.UNIX, null, Path.of("/run/x?y"), Map.of()), new PlaceText.ToConnect().convert("unix:/run/x?y"));
        assertEquals(new Place(Kind.UDP, new HostPort("a", 7), null, Map.of()), new PlaceText.ToConnect().convert("udp://a:7"));
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "", "x", "0", "65536", "host:", "host:x", ":80", "::1:80", "[]:80", "\"a:1", "a b:1", "http://a:1", "tcp://a:0", "tcp://80", "unix:", "unix"
    })
    void otherPeersAreRefused(String text) {
        assertThrows(TypeConversionException.class, () -> new PlaceText.ToConnect().convert(text));
    }
}
