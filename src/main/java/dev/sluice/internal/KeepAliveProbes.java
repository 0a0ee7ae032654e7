package dev.sluice.internal;

import dev.sluice.ServerOptions.KeepAlive;
import java.io.IOException;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * The kernel's probes of a connection on which nothing moves. Their times are options of module jdk.net, which a runtime image may lack:
 * so they are found among those that the socket has, by their names.
 */
final class KeepAliveProbes {

    private KeepAliveProbes() {}

    /** Has the kernel probe. An option that the socket does not have is left as it is, as on a socket without TCP. */
    static void begin(SocketChannel channel, KeepAlive times) throws IOException {
        for (SocketOption<?> option : channel.supportedOptions()) {
            if (option == StandardSocketOptions.SO_KEEPALIVE) {
                channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
                continue;
            }
            int value = switch (option.name()) {
                case "TCP_KEEPIDLE" -> seconds(times.idle());
                case "TCP_KEEPINTERVAL" -> seconds(times.interval());
                case "TCP_KEEPCOUNT" -> times.count();
                default -> 0;
            };
            if (value > 0) {
                set(channel, option, value);
            }
        }
    }

    @SuppressWarnings("unchecked") // as its specification says
    private static void set(SocketChannel channel, SocketOption<?> option, int value) throws IOException {
        channel.setOption((SocketOption<Integer>) option, value);
    }

    private static int seconds(Duration time) {
        return (int) time.plusNanos(999_999_999).toSeconds();
    }
}
