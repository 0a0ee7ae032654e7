package dev.sluice.program.service;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;

/**
 * What a service has to be told.
 *
 * @param maxLine bytes of the longest line, its ending not counted, for {@link Chat} and {@link Recording}
 * @param file    where {@link Recording} writes, or null
 * @param targets where {@link Proxy} relays to
 */
public record Settings(int maxLine, Path file, List<InetSocketAddress> targets) {

    /** The longest line, where nothing was said: 64 KiB. */
    public static final int MAX_LINE = 64 << 10;

    /** A copy that nobody changes. */
    public Settings {
        targets = List.copyOf(targets);
    }

    /**
     * For a service that has to be told nothing.
     *
     * @return no file and no target
     */
    public static Settings none() {
        return new Settings(MAX_LINE, null, List.of());
    }
}
