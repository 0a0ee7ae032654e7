package dev.sluice.program.bench.micro;

import dev.sluice.internal.Deadlines;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** The cost of a timer among many: one deadline for each connection, which is set anew or expires. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class DeadlinesBench {

    private static final long RANGE_NS = 300_000_000_000L;

    /** Deadlines that are set. */
    @Param({"100", "10000"})
    public int connections;

    private final SplittableRandom random = new SplittableRandom(1);
    private Deadlines deadlines;
    private Entry[] entries;
    private long nowNs;

    private static final class Entry extends Deadlines.Entry {
        @Override
        public void expired(long nowNs) {}
    }

    /** Sets them all. */
    @Setup
    public void fill() {
        deadlines = new Deadlines();
        entries = new Entry[connections];
        for (int i = 0; i < connections; i++) {
            entries[i] = new Entry();
            deadlines.set(entries[i], random.nextLong(RANGE_NS));
        }
    }

    /** One of them moves to a later time. */
    @Benchmark
    public void setAnew() {
        deadlines.set(entries[random.nextInt(connections)], nowNs++ + RANGE_NS);
    }

    /** The first comes due and is set again, as an idle time-out is. */
    @Benchmark
    public Deadlines.Entry expireTheFirst() {
        Deadlines.Entry first = deadlines.first();
        deadlines.remove(first);
        deadlines.set(first, first.deadlineNs() + RANGE_NS);
        return first;
    }
}
