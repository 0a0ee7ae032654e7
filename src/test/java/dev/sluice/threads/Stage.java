package dev.sluice.threads;

import dev.sluice.internal.ChunkPool;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Workers;
import dev.sluice.threads.stepping.SteppedLock;
import dev.sluice.threads.stepping.SteppedNetwork;
import dev.sluice.threads.stepping.SteppedThreads;
import dev.sluice.threads.stepping.Stepper;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.CopyOnWriteArraySet;

/** The surroundings of one server on threads, in which a stepper takes each of its steps. */
final class Stage {

    final Stepper stepper;
    final SteppedThreads threads;
    final SteppedNetwork network;
    private final List<ChunkPool> pools;
    private int taken;

    /** Makes one; the memory is used again by the next. */
    Stage(Stepper stepper, List<ChunkPool> pools) {
        this.stepper = stepper;
        this.threads = new SteppedThreads(stepper);
        this.network = new SteppedNetwork(stepper);
        this.pools = pools;
    }

    /** The seams of a server with a pool of threads, or with 0 of one for each connection. */
    Seams seams(int poolSize) {
        SocketIo wire = new SocketIo() {
            @Override
            public void close(SocketChannel channel) {
                stepper.step("close");
                SocketIo.super.close(channel);
                stepper.step("closed");
            }
        };
        return new Seams(
                network,
                wire,
                stepper::clock,
                () -> new SteppedLock(stepper),
                this::nextPool,
                CopyOnWriteArraySet::new,
                threads.known("loop"),
                () -> new ConnectionThreads(
                        threads.known("own"), threads.factory("helper"), made -> poolSize == 0 ? null : threads.pool(poolSize, made), false),
                options -> new Workers(
                        options.offloadQueue(), () -> threads.pool(options.offloadThreads(), threads.factory("worker"))),
                1L << 60);
    }

    private ChunkPool nextPool() {
        if (taken == pools.size()) {
            pools.add(new LockedChunks());
        }
        return pools.get(taken++);
    }

    /** After the server's end. */
    void checkThatNothingIsLeft() {
        stepper.check(network.open() == 0, "a socket is left");
        pools.forEach(each -> stepper.check(each.used() == 0, "memory is left"));
    }
}
