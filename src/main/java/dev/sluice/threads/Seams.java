package dev.sluice.threads;

import dev.sluice.ServerOptions;
import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Timeouts;
import dev.sluice.internal.Workers;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The parts of the machine that a server on threads uses: sockets, time, locks, threads, memory. Tests put their own in their place,
 * and so advance the server one step at a time.
 *
 * @param sockets     where the selector and the sockets come from
 * @param socketIo    the way to a connection's socket
 * @param clock       nanoseconds that never go back
 * @param locks       makes a lock; its conditions come with it
 * @param pools       makes a pool of memory that many threads use
 * @param connections makes the set of all connections, which many threads use; its order is the order of a drain and of the cuts
 * @param loop        makes the loop's thread
 * @param threads     makes the threads of connections, and their helpers
 * @param workers     makes those that run what is offloaded
 * @param livenessNs  how long a connection whose thread does not read is left alone
 */
record Seams(
        SelectorProvider sockets,
        SocketIo socketIo,
        LongSupplier clock,
        Supplier<ReentrantLock> locks,
        Supplier<ChunkPool> pools,
        Supplier<Set<ThreadConnection>> connections,
        ThreadFactory loop,
        Supplier<ConnectionThreads> threads,
        Function<ServerOptions, Workers> workers,
        long livenessNs) {

    /** The machine as it is. */
    static Seams machine(Supplier<ConnectionThreads> threads, SocketIo socketIo) {
        return new Seams(
                SelectorProvider.provider(),
                socketIo,
                System::nanoTime,
                PatientLock::new,
                LockedChunks::new,
                ConcurrentHashMap::newKeySet,
                work -> new Thread(work, "sluice-acceptor"),
                threads,
                options -> new Workers(options.offloadThreads(), options.offloadQueue()),
                Timeouts.LIVENESS_NS);
    }

    /** With another time for which a connection is left alone. */
    Seams lookingEvery(Duration liveness) {
        return new Seams(sockets, socketIo, clock, locks, pools, connections, loop, threads, workers, liveness.toNanos());
    }
}
