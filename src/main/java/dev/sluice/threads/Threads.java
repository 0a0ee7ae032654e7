package dev.sluice.threads;

import dev.sluice.internal.Rehearsal;
import dev.sluice.internal.ThreadFactories;
import java.util.function.Supplier;

/**
 * The kind of thread that serves the connections of a {@link ThreadServer}, or a UDP port
 * ({@link dev.sluice.datagram.BlockingEndpoint}). An immutable value.
 */
public final class Threads {

    private final String text;
    private final int poolSize;
    private final boolean virtual;
    private final Supplier<ConnectionThreads> made;

    private Threads(String text, int poolSize, boolean virtual, Supplier<ConnectionThreads> made) {
        this.text = text;
        this.poolSize = poolSize;
        this.virtual = virtual;
        this.made = made;
    }

    /**
     * A platform thread for each connection, which ends with it. A thread takes a stack, and the kernel's time to switch to
     * it: {@link dev.sluice.ServerOptions#maxConnections} wants to be a thousand or so.
     *
     * @return this kind
     */
    public static Threads platform() {
        return new Threads("a platform thread for each connection", 0, false, () -> new ConnectionThreads(
                ThreadFactories.platform("sluice-connection-"), ThreadFactories.platform("sluice-helper-"), 0, true));
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
        return new Threads("a pool of " + size + " platform threads", size, false, () -> new ConnectionThreads(
                ThreadFactories.platform("sluice-worker-"), ThreadFactories.platform("sluice-helper-"), size, true));
    }

    /**
     * A virtual thread for each connection.
     *
     * @return this kind
     * @throws UnsupportedOperationException before Java 21, which has no virtual threads
     */
    public static Threads virtual() {
        ThreadFactories.virtual("");
        return new Threads("a virtual thread for each connection", 0, true, () -> {
            Rehearsal.initialiseVirtualThreads();
            return new ConnectionThreads(ThreadFactories.virtual("sluice-virtual-"), ThreadFactories.virtual("sluice-helper-"), 0, false);
        });
    }

    /**
     * How many threads a pool has.
     *
     * @return from 1 to 100,000; 0 where there is no pool, but a thread for each connection
     */
    public int poolSize() {
        return poolSize;
    }

    /**
     * Whether the threads are virtual.
     *
     * @return false for platform threads
     */
    public boolean isVirtual() {
        return virtual;
    }

    /** The threads of one server, none of them running yet but those of a pool. */
    ConnectionThreads open() {
        return made.get();
    }

    @Override
    public String toString() {
        return text;
    }
}
