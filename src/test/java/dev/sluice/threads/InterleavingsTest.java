package dev.sluice.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.sluice.harness.MayLog;
import dev.sluice.threads.stepping.Finding;
import dev.sluice.threads.stepping.Schedule;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Servers on threads, stepped through random orders in which their threads may take their steps: the engine keeps its promises in all
 * of them, whatever handlers, peers and users do. The seed of a finding repeats it: {@code -Dsluice.seed=N} runs that one schedule and
 * prints its steps. {@code -Dsluice.schedules=N} runs another number of schedules.
 */
@MayLog({"handler failed on", "a connection was refused"})
@Timeout(600)
class InterleavingsTest {

    private static final int SCHEDULES = Integer.getInteger("sluice.schedules", 100_000);
    private static final String SEED = "sluice.seed";

    private static Finding run(Stepping stepping, long seed, StringBuilder told) {
        return stepping.run(stage -> new Interleaving(stage, seed), new Schedule(seed), told);
    }

    @Test
    void noOrderOfStepsShowsAnythingWrong() throws Exception {
        long first = System.nanoTime();
        int runners = Math.min(2, Runtime.getRuntime().availableProcessors());
        AtomicInteger next = new AtomicInteger();
        List<Stepping> steppings = IntStream.range(0, runners).mapToObj(i -> new Stepping()).toList();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        long startNs = System.nanoTime();
        for (Stepping stepping : steppings) {
            all.add(CompletableFuture.runAsync(() -> {
                for (int i; (i = next.getAndIncrement()) < SCHEDULES; ) {
                    runOrTell(stepping, first + i);
                }
            }, work -> new Thread(work, "test").start()));
        }
        try {
            for (CompletableFuture<Void> each : all) {
                each.get();
            }
        } catch (ExecutionException e) {
            next.set(SCHEDULES);
            throw (Error) e.getCause();
        }
        double seconds = (System.nanoTime() - startNs) / 1e9;
        System.out.printf(
                "InterleavingsTest: %d schedules from -Dsluice.seed=%d on, %.0f a second, %d steps and %d switches each%n",
                SCHEDULES,
                first,
                SCHEDULES / seconds,
                steppings.stream().mapToLong(Stepping::steps).sum() / SCHEDULES,
                steppings.stream().mapToLong(Stepping::switches).sum() / SCHEDULES);
    }

    private static void runOrTell(Stepping stepping, long seed) {
        Finding finding = run(stepping, seed, null);
        if (finding != null) {
            String how = stepping.explain(stage -> new Interleaving(stage, seed), new Schedule(seed), finding);
            throw new AssertionError("repeat with -Dsluice.seed=" + seed + ": " + finding.getMessage() + "\n" + how, finding);
        }
    }

    @Test
    @EnabledIfSystemProperty(named = SEED, matches = ".+", disabledReason = "no seed is asked for")
    void oneSeedIsTold() {
        long seed = Long.getLong(SEED);
        StringBuilder told = new StringBuilder();
        Finding finding = run(new Stepping(), seed, told);
        System.out.println(told);
        if (finding != null) {
            fail(finding);
        }
    }

    @Test
    void sameSeedMakesTheSameSteps() {
        long first = System.nanoTime();
        for (long seed = first; seed < first + 50; seed++) {
            String[] told = new String[2];
            long[] traces = new long[2];
            for (int i = 0; i < 2; i++) {
                StringBuilder steps = new StringBuilder();
                Stepping stepping = new Stepping();
                run(stepping, seed, steps);
                told[i] = steps.toString();
                traces[i] = stepping.trace();
            }
            assertEquals(told[0], told[1], "-Dsluice.seed=" + seed);
            assertEquals(traces[0], traces[1], "-Dsluice.seed=" + seed);
        }
    }
}
