package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ServerOptionsTest {

    private static Arguments bad(String message, UnaryOperator<ServerOptions.Builder> change) {
        return Arguments.of(message, change);
    }

    static Stream<Arguments> badValues() {
        return Stream.of(
                bad("backlog must be between 1 and 65535, was 0", b -> b.backlog(0)),
                bad("backlog must be between 1 and 65535, was 65536", b -> b.backlog(65_536)),
                bad("maxConnections must be between 1 and 10000000, was -5", b -> b.maxConnections(-5)),
                bad("subReactors must be between 0 and 1024, was -1", b -> b.subReactors(-1)),
                bad("idleTimeout must be between 0 and 365 days, was PT-1S", b -> b.idleTimeout(Duration.ofSeconds(-1))),
                bad("writeTimeout must be between 0 and 365 days, was PT8784H", b -> b.writeTimeout(Duration.ofDays(366))),
                bad("lingerTimeout must be between 0 and 365 days, was PT-1S", b -> b.lingerTimeout(Duration.ofSeconds(-1))),
                bad("drainTimeout must be between 0 and 365 days, was PT-1S", b -> b.drainTimeout(Duration.ofSeconds(-1))),
                bad("spin must be between 0 and 1 second, was PT1.000000001S", b -> b.spin(Duration.ofNanos(1_000_000_001)).stallThreshold(Duration.ZERO)),
                bad("spin must be at most a quarter of stallThreshold (PT0.5S), was PT0.126S", b -> b.spin(Duration.ofMillis(126))),
                bad("lowWater must be at most highWater (1024), was 32768", b -> b.highWater(1024)),
                bad("highWater must be at most maxPending (1000), was 65536", b -> b.maxPending(1000)),
                bad("lowWater must be between 0 and 1073741824, was -1", b -> b.lowWater(-1)),
                bad("maxPendingTotal must be between 65536 and 1125899906842624, was 1", b -> b.maxPendingTotal(1)),
                bad("maxRemainder must be between 65536 and 1073741824, was 1", b -> b.maxRemainder(1)),
                bad("sendBuffer must be between 0 and 1073741824, was -1", b -> b.sendBuffer(-1)),
                bad("receiveBuffer must be between 0 and 1073741824, was -1", b -> b.receiveBuffer(-1)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badValues")
    void badValueNamesItselfItsRangeAndWhatWasGiven(String message, UnaryOperator<ServerOptions.Builder> change) {
        ServerOptions.Builder builder = change.apply(ServerOptions.builder());
        assertEquals(message, assertThrows(InvalidOption.class, builder::build).getMessage());
    }

    @Test
    void aBadValueCanBeToldInTheNamesOfAProgram() {
        InvalidOption bad = assertThrows(InvalidOption.class, ServerOptions.builder().highWater(1024)::build);
        assertEquals("lowWater", bad.option());
        assertEquals("at most highWater (1024)", bad.range());
        assertEquals(32 << 10, bad.value());
        assertEquals("--LOWWATER must be at most --HIGHWATER (1024), was 32768", bad.message(name -> "--" + name.toUpperCase(Locale.ROOT)));
        InvalidOption fixed = assertThrows(InvalidOption.class, ServerOptions.builder().backlog(0)::build);
        assertEquals("between 1 and 65535", fixed.range());
        assertEquals("<backlog> must be between 1 and 65535, was 0", fixed.message(name -> "<" + name + ">"));
    }

    @Test
    void orderOfSettingDoesNotMatter() {
        assertEquals(
                ServerOptions.builder().highWater(10).lowWater(5).build(),
                ServerOptions.builder().lowWater(5).highWater(10).build());
        assertNotEquals(ServerOptions.defaults(), ServerOptions.builder().backlog(1).build());
    }
}
