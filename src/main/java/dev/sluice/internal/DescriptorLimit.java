package dev.sluice.internal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;

/**
 * How many descriptors this process may hold. Only Linux tells, in {@code /proc/self/limits}; the management bean that
 * knows it elsewhere costs 60 ms of start-up, for a default that an option can set.
 */
public final class DescriptorLimit {

    /** Descriptors kept back for jars, logs, selectors, and a class that must load when the rest is used up. */
    private static final int RESERVE = 64;

    private static final OptionalInt LIMIT = read();

    private DescriptorLimit() {}

    /**
     * How many connections fit.
     *
     * @param otherwise what to say where the limit is not known
     * @return the limit less the reserve, at least 1
     */
    public static int connections(int otherwise) {
        return LIMIT.isPresent() ? Math.max(1, LIMIT.getAsInt() - RESERVE) : otherwise;
    }

    private static OptionalInt read() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/limits"))) {
                if (line.startsWith("Max open files")) {
                    String soft = line.substring("Max open files".length()).strip().split("\\s+")[0];
                    return OptionalInt.of(Integer.parseInt(soft));
                }
            }
        } catch (IOException | RuntimeException e) {
            // not Linux, or "unlimited"
        }
        return OptionalInt.empty();
    }
}
