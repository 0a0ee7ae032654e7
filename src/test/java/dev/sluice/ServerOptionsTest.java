package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.internal.MemoryBudget;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Options of a server: their bounds, their messages, and builders that go on. */
class ServerOptionsTest {

    private static Arguments bad(String message, UnaryOperator<ServerOptions.Builder> change) {
        return Arguments.of(message, change);
    }

    static Stream<Arguments> badValues() {
        return Stream.of(
                bad("maxConnections must be between 1 and 10000000, was -5", b -> b.maxConnections(-5)),
                bad("maxConnectionsPerAddress must be between 0 and 10000000, was -1", b -> b.maxConnectionsPerAddress(-1)),
                bad("idleTimeout must be between 0 and 365 days, was PT-1S", b -> b.idleTimeout(Duration.ofSeconds(-1))),
                bad("writeTimeout must be between 0 and 365 days, was PT8784H", b -> b.writeTimeout(Duration.ofDays(366))),
                bad("lingerTimeout must be between 0 and 365 days, was PT-1S", b -> b.lingerTimeout(Duration.ofSeconds(-1))),
                bad("drainTimeout must be between 0 and 365 days, was PT-1S", b -> b.drainTimeout(Duration.ofSeconds(-1))),
                bad("lowWater must be at most highWater (1024), was 32768", b -> b.highWater(1024).lowWater(32 << 10)),
                bad("highWater must be at most maxPending (1000), was 65536", b -> b.maxPending(1000)),
                bad("lowWater must be between 0 and 1073741824, was -1", b -> b.lowWater(-1)),
                bad("maxMemory must be between 65536 and 1125899906842624, was 1", b -> b.maxMemory(1)),
                bad("maxRemainder must be between 65536 and 1073741824, was 1", b -> b.maxRemainder(1)),
                bad("sendBuffer must be between 0 and 1073741824, was -1", b -> b.sendBuffer(-1)),
                bad("keepAlive must be after 0, or 1 to 32767 seconds, was PT-1S", b -> b.keepAlive(Duration.ofSeconds(-1), Duration.ofSeconds(1), 1)),
                bad("keepAlive must be after 0, or 1 to 32767 seconds, was PT0.5S", b -> b.keepAlive(Duration.ofMillis(500), Duration.ofSeconds(1), 1)),
                bad("keepAlive must be with an interval of 1 to 32767 seconds, was PT0S", b -> b.keepAlive(Duration.ofSeconds(1), Duration.ZERO, 1)),
                bad("keepAlive must be with an interval of 1 to 32767 seconds, was PT9H6M8S", b -> b.keepAlive(Duration.ofSeconds(1), Duration.ofSeconds(32_768), 1)),
                bad("keepAlive must be with a count of 1 to 127, was 0", b -> b.keepAlive(Duration.ofSeconds(1), Duration.ofSeconds(1), 0)),
                bad("keepAlive must be with a count of 1 to 127, was 128", b -> b.keepAlive(Duration.ofSeconds(1), Duration.ofSeconds(1), 128)),
                bad("receiveBuffer must be between 0 and 1073741824, was -1", b -> b.receiveBuffer(-1)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badValues")
    void badValueNamesItselfItsRangeAndWhatWasGiven(String message, UnaryOperator<ServerOptions.Builder> change) {
        ServerOptions.Builder builder = ServerOptions.builder();
        assertEquals(message, assertThrows(InvalidOption.class, () -> change.apply(builder).build()).getMessage());
    }

    @Test
    void aBadValueCanBeToldInTheNamesOfAProgram() {
        InvalidOption bad = assertThrows(InvalidOption.class, ServerOptions.builder().highWater(1024).lowWater(32 << 10)::build);
        assertEquals("lowWater", bad.option());
        assertEquals("at most highWater (1024)", bad.range());
        assertEquals(32 << 10, bad.value());
        assertEquals("--LOWWATER must be at most --HIGHWATER (1024), was 32768", bad.message(name -> "--" + name.toUpperCase(Locale.ROOT)));
        InvalidOption fixed = assertThrows(InvalidOption.class, () -> ServerOptions.builder().maxConnections(0));
        assertEquals("between 1 and 10000000", fixed.range());
        assertEquals("<maxConnections> must be between 1 and 10000000, was 0", fixed.message(name -> "<" + name + ">"));
    }

    @Test
    void orderOfSettingDoesNotMatter() {
        assertEquals(
                ServerOptions.builder().highWater(10).lowWater(5).build(),
                ServerOptions.builder().lowWater(5).highWater(10).build());
        assertNotEquals(ServerOptions.defaults(), ServerOptions.builder().sendBuffer(1).build());
    }

    @Test
    void lowWaterIsHalfOfHighWaterUnlessItIsSet() {
        assertEquals(32 << 10, ServerOptions.defaults().lowWater());
        assertEquals(8 << 10, ServerOptions.builder().highWater(16 << 10).build().lowWater());
        assertEquals(8 << 10, ServerOptions.defaults().toBuilder().highWater(16 << 10).build().lowWater());
        assertEquals(0, ServerOptions.builder().lowWater(0).highWater(16 << 10).build().lowWater());
    }

    private static final ServerObserver OBSERVER = new ServerObserver() {};

    /** Every option, with a value that is not its default. */
    static Stream<UnaryOperator<ServerOptions.Builder>> changes() {
        return Stream.of(
                b -> b.maxConnections(7),
                b -> b.maxConnectionsPerAddress(7),
                b -> b.idleTimeout(Duration.ofSeconds(7)),
                b -> b.writeTimeout(Duration.ofSeconds(7)),
                b -> b.lingerTimeout(Duration.ofSeconds(7)),
                b -> b.drainTimeout(Duration.ofSeconds(7)),
                b -> b.highWater(70_000),
                b -> b.lowWater(7),
                b -> b.maxPending(70_000),
                b -> b.maxMemory(70_000),
                b -> b.maxRemainder(70_000),
                b -> b.offloadThreads(7),
                b -> b.offloadQueue(7),
                b -> b.sendBuffer(7),
                b -> b.receiveBuffer(7),
                b -> b.keepAlive(Duration.ofSeconds(7), Duration.ofSeconds(7), 7),
                b -> b.observer(OBSERVER));
    }

    @Test
    void everyOptionCountsForEqualityAndIsShown() {
        Set<ServerOptions> different = changes().map(change -> change.apply(ServerOptions.builder()).build()).collect(Collectors.toSet());
        Set<String> texts = different.stream().map(ServerOptions::toString).collect(Collectors.toSet());
        long accessors = Stream.of(ServerOptions.class.getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers()) && !Modifier.isStatic(method.getModifiers()))
                .filter(method -> method.getParameterCount() == 0 && !Set.of("hashCode", "toString", "toBuilder").contains(method.getName()))
                .peek(method -> assertTrue(ServerOptions.defaults().toString().contains(method.getName() + "="), method.getName()))
                .count();
        assertEquals(accessors, different.size());
        assertEquals(accessors, texts.size());
        assertFalse(different.contains(ServerOptions.defaults()));
        assertTrue(ServerOptions.defaults().toString().startsWith("ServerOptions[maxConnections=0, maxConnectionsPerAddress=0, idleTimeout=PT5M, "));
    }

    @ParameterizedTest
    @MethodSource("changes")
    void aBuilderThatGoesOnLeavesWhatItMadeAlone(UnaryOperator<ServerOptions.Builder> change) {
        ServerOptions.Builder builder = ServerOptions.builder();
        ServerOptions before = builder.build();
        ServerOptions after = change.apply(builder).build();
        assertEquals(ServerOptions.defaults(), before);
        assertNotEquals(before, after);
        assertEquals(after, after.toBuilder().build());
        assertEquals(after.hashCode(), after.toBuilder().build().hashCode());
        change.apply(before.toBuilder());
        assertEquals(ServerOptions.defaults(), before);
    }

    @Test
    void limitsThatAreNotSetAreLeftToTheEngine() {
        assertEquals(0, ServerOptions.defaults().maxConnections());
        assertEquals(0, ServerOptions.defaults().maxMemory());
        assertEquals(Math.max(64 << 10, Runtime.getRuntime().maxMemory() / 4), MemoryBudget.limit(ServerOptions.defaults()));
        assertEquals(70_000, MemoryBudget.limit(ServerOptions.builder().maxMemory(70_000).build()));
    }
}
