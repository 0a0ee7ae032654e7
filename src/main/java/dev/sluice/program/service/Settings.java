package dev.sluice.program.service;

import java.net.SocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * The settings of a service.
 *
 * @param maxLine         bytes of the longest line, its ending not counted, for {@link Chat} and {@link Recording}
 * @param frameTimeout    how long a line of {@link Chat} or {@link Recording} may take from its first byte to its end; zero: any time
 * @param file            where {@link Recording} writes, or null
 * @param targets         where {@link Proxy} relays to
 * @param resolveInterval how often {@link Proxy} looks up the names of its targets again; zero: never
 * @param sendProxy       what {@link Proxy} tells its targets of its clients
 */
public record Settings(
        int maxLine, Duration frameTimeout, Path file, List<SocketAddress> targets, Duration resolveInterval, SendProxy sendProxy) {

    /** The longest line by default: 64 KiB. */
    public static final int MAX_LINE = 64 << 10;

    /** The longest time that a line takes, by default: 30 seconds. */
    public static final Duration FRAME_TIMEOUT = Duration.ofSeconds(30);

    /** How often names are looked up again, by default: every 30 seconds. */
    public static final Duration RESOLVE_INTERVAL = Duration.ofSeconds(30);

    /** Copies the targets. */
    public Settings {
        targets = List.copyOf(targets);
    }

    /**
     * The settings of a service that needs none.
     *
     * @return no file and no target
     */
    public static Settings none() {
        return new Settings(MAX_LINE, FRAME_TIMEOUT, null, List.of(), RESOLVE_INTERVAL, SendProxy.NONE);
    }
}
