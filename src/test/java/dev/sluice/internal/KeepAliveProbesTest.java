package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sluice.ServerOptions;
import dev.sluice.ServerOptions.KeepAlive;
import java.io.IOException;
import java.net.SocketOption;
import java.net.StandardProtocolFamily;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The options that a socket of the machine's has after it was asked to be kept alive. */
class KeepAliveProbesTest {

    private static Map<String, Object> keepAliveOf(SocketChannel channel) throws IOException {
        Map<String, Object> values = new TreeMap<>();
        for (SocketOption<?> option : channel.supportedOptions()) {
            if (option.name().contains("KEEP")) {
                values.put(option.name(), channel.getOption(option));
            }
        }
        return values;
    }

    @Test
    void socketHasTheTimesInWholeSeconds() throws IOException {
        try (SocketChannel channel = SocketChannel.open()) {
            KeepAliveProbes.begin(channel, new KeepAlive(Duration.ofMillis(61_001), Duration.ofSeconds(7), 3));
            assertEquals(Map.of("SO_KEEPALIVE", true, "TCP_KEEPIDLE", 62, "TCP_KEEPINTERVAL", 7, "TCP_KEEPCOUNT", 3), keepAliveOf(channel));
        }
    }

    @Test
    void longestTimesAreThoseOfTheKernel() throws IOException {
        try (SocketChannel channel = SocketChannel.open()) {
            KeepAliveProbes.begin(channel, new KeepAlive(Duration.ofSeconds(32_767), Duration.ofSeconds(32_767), 127));
            assertEquals(Map.of("SO_KEEPALIVE", true, "TCP_KEEPIDLE", 32_767, "TCP_KEEPINTERVAL", 32_767, "TCP_KEEPCOUNT", 127), keepAliveOf(channel));
        }
    }

    @Test
    void unlessItIsAskedForNothingIsSet() throws IOException {
        try (SocketChannel channel = SocketChannel.open()) {
            Map<String, Object> before = keepAliveOf(channel);
            ListenerSockets.prepare(channel, ServerOptions.defaults());
            assertEquals(before, keepAliveOf(channel));
            assertEquals(false, before.get("SO_KEEPALIVE"));
        }
    }

    @Test
    void socketWithoutTheseOptionsStaysAsItIs() throws IOException {
        KeepAlive times = new KeepAlive(Duration.ofSeconds(60), Duration.ofSeconds(7), 3);
        try (SocketChannel unix = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            KeepAliveProbes.begin(unix, times);
            assertEquals(Map.of(), keepAliveOf(unix));
        }
    }
}
