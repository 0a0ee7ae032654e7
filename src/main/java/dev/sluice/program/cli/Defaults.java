package dev.sluice.program.cli;

import dev.sluice.Listener;
import dev.sluice.ProxyProtocol;
import dev.sluice.ServerOptions;
import dev.sluice.program.service.Settings;
import dev.sluice.reactor.ReactorOptions;
import java.net.InetSocketAddress;

/** The defaults of flags that set an option of the library or of a service, read from there and written as a user would type them. */
final class Defaults {

    private Defaults() {}

    /** The default of a flag; null if it is the command's own. */
    static String of(String flag) {
        ReactorOptions reactor = ReactorOptions.builder().build();
        ServerOptions server = reactor.server();
        return switch (flag) {
            case "--backlog" -> String.valueOf(Listener.at(new InetSocketAddress(0)).backlog());
            case "--max-connections-per-address" -> String.valueOf(server.maxConnectionsPerAddress());
            case "--proxy-timeout" -> DurationText.text(ProxyProtocol.from("unix").timeout());
            case "--idle-timeout" -> DurationText.text(server.idleTimeout());
            case "--write-timeout" -> DurationText.text(server.writeTimeout());
            case "--linger-timeout" -> DurationText.text(server.lingerTimeout());
            case "--drain-timeout" -> DurationText.text(server.drainTimeout());
            case "--keep-alive" -> DurationText.text(server.keepAlive().idle());
            case "--high-water" -> ByteSize.text(server.highWater());
            case "--max-pending" -> ByteSize.text(server.maxPending());
            case "--sub-reactors" -> String.valueOf(reactor.subReactors());
            case "--stall-threshold" -> DurationText.text(reactor.stallThreshold());
            case "--spin" -> DurationText.text(reactor.spin());
            case "--max-line" -> ByteSize.text(Settings.MAX_LINE);
            case "--frame-timeout" -> DurationText.text(Settings.FRAME_TIMEOUT);
            case "--resolve-interval" -> DurationText.text(Settings.RESOLVE_INTERVAL);
            default -> null;
        };
    }
}
