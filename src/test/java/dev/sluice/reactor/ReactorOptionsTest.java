package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sluice.InvalidOption;
import dev.sluice.ServerOptions;
import java.time.Duration;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Options of a reactor: their bounds, and equality. */
class ReactorOptionsTest {

    private static Arguments bad(String message, UnaryOperator<ReactorOptions.Builder> change) {
        return Arguments.of(message, change);
    }

    static Stream<Arguments> badValues() {
        return Stream.of(
                bad("subReactors must be between 0 and 1024, was -1", b -> b.subReactors(-1)),
                bad("stallThreshold must be between 0 and 365 days, was PT-1S", b -> b.stallThreshold(Duration.ofSeconds(-1))),
                bad("spin must be between 0 and 1 second, was PT1.000000001S", b -> b.spin(Duration.ofNanos(1_000_000_001)).stallThreshold(Duration.ZERO)),
                bad("spin must be at most a quarter of stallThreshold (PT0.5S), was PT0.126S", b -> b.spin(Duration.ofMillis(126))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badValues")
    void badValueNamesItselfItsRangeAndTheValue(String message, UnaryOperator<ReactorOptions.Builder> change) {
        ReactorOptions.Builder builder = ReactorOptions.builder();
        assertEquals(message, assertThrows(InvalidOption.class, () -> change.apply(builder).build()).getMessage());
    }

    static Stream<UnaryOperator<ReactorOptions.Builder>> changes() {
        return Stream.of(
                b -> b.server(ServerOptions.builder().sendBuffer(7).build()),
                b -> b.subReactors(7),
                b -> b.stallThreshold(Duration.ofSeconds(7)),
                b -> b.spin(Duration.ofMillis(7)));
    }

    @ParameterizedTest
    @MethodSource("changes")
    void everyOptionCountsForEqualityAndIsShown(UnaryOperator<ReactorOptions.Builder> change) {
        ReactorOptions.Builder builder = ReactorOptions.builder();
        ReactorOptions before = builder.build();
        ReactorOptions after = change.apply(builder).build();
        assertNotEquals(before, after);
        assertNotEquals(before.toString(), after.toString());
        assertEquals(after, after.toBuilder().build());
        assertEquals(after.hashCode(), after.toBuilder().build().hashCode());
    }
}
