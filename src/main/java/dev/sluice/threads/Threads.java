package dev.sluice.threads;

import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.ThreadFactory;

/** The kind of thread that serves the connections of a {@link ThreadServer}. An immutable value. */
public final class Threads {

    private enum Kind { PLATFORM, POOL, VIRTUAL }

    private final Kind kind;
    private final int size;

    private Threads(Kind kind, int size) {
        this.kind = kind;
        this.size = size;
    }

    /**
     * A platform thread for each connection, which ends with it. A thread takes a stack, and the kernel's time to switch to
     * it: {@link dev.sluice.ServerOptions#maxConnections} wants to be a thousand or so.
     *
     * @return this kind
     */
    public static Threads platform() {
        return new Threads(Kind.PLATFORM, 0);
    }

    /**
     * A fixed number of platform threads. A connection holds one until it has closed; the others wait for their turn, in the
     * order in which they came, and waiting counts as idle.
     *
     * @param size threads, from 1 to 100,000
     * @return this kind
     * @throws IllegalArgumentException naming the range and what was given
     */
    public static Threads pool(int size) {
        if (size < 1 || size > 100_000) {
            throw new IllegalArgumentException("a pool has 1 to 100000 threads, not " + size);
        }
        return new Threads(Kind.POOL, size);
    }

    /**
     * A virtual thread for each connection.
     *
     * @return this kind
     * @throws UnsupportedOperationException before Java 21, which has no virtual threads
     */
    public static Threads virtual() {
        virtualFactory("");
        return new Threads(Kind.VIRTUAL, 0);
    }

    /** The threads of one server, none of them running yet but those of a pool. */
    Crew open() {
        return switch (kind) {
            case PLATFORM -> new Crew(platformFactory("sluice-connection-"), platformFactory("sluice-helper-"), 0, true);
            case POOL -> new Crew(platformFactory("sluice-worker-"), platformFactory("sluice-helper-"), size, true);
            case VIRTUAL -> new Crew(virtualFactory("sluice-virtual-"), virtualFactory("sluice-helper-"), 0, false);
        };
    }

    @Override
    public String toString() {
        return switch (kind) {
            case PLATFORM -> "a platform thread for each connection";
            case POOL -> "a pool of " + size + " platform threads";
            case VIRTUAL -> "a virtual thread for each connection";
        };
    }

    private static ThreadFactory platformFactory(String prefix) {
        return new ThreadFactory() {
            private int made;

            @Override
            public synchronized Thread newThread(Runnable work) {
                return new Thread(null, work, prefix + made++, 0, false);
            }
        };
    }

    /** {@code Thread.ofVirtual().name(prefix, 0).factory()}, which Java 17 does not have. */
    private static ThreadFactory virtualFactory(String prefix) {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            Object named = type.getMethod("name", String.class, long.class).invoke(builder, prefix, 0L);
            return (ThreadFactory) type.getMethod("factory").invoke(named);
        } catch (NoSuchMethodException | ClassNotFoundException | IllegalAccessException | InvocationTargetException e) {
            throw new UnsupportedOperationException(
                    "virtual threads need Java 21 or later, this is Java " + System.getProperty("java.version"), e);
        }
    }
}
