package dev.sluice.program.bench.micro;

import dev.sluice.reactor.Reactor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** The cost of a task that another thread hands to a loop: one at a time, which wakes the loop, and as a stream, which need not. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class SubmitBench {

    /** The most tasks under way: the stream is as quick as the loop, and the queue is bounded. */
    private static final int UNDER_WAY = 1_024;

    private Reactor reactor;
    private Thread thread;
    private final Semaphore room = new Semaphore(UNDER_WAY);
    private final Runnable leave = room::release;

    /** Starts a loop. */
    @Setup
    public void start() throws IOException {
        reactor = Reactor.open();
        thread = new Thread(() -> {
            try {
                reactor.run();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        thread.start();
    }

    /** Ends it. */
    @TearDown
    public void stop() throws InterruptedException {
        reactor.stop();
        thread.join();
    }

    /** There and back. */
    @Benchmark
    public void roundTrip() throws InterruptedException {
        Semaphore done = new Semaphore(0);
        reactor.execute(done::release);
        done.acquire();
    }

    /** As fast as the loop takes them. */
    @Benchmark
    public void stream() throws InterruptedException {
        room.acquire();
        reactor.execute(leave);
    }

    /** The same from two threads. */
    @Benchmark
    @Threads(2)
    public void streamOfTwo() throws InterruptedException {
        room.acquire();
        reactor.execute(leave);
    }
}
