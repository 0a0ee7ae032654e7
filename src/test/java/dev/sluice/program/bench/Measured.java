package dev.sluice.program.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/** Comparisons that were never run: what each engine cost is said, and the rounds follow. */
public final class Measured {

    private static final double[] WOBBLE = {1, 1.01, 0.99, 1.005, 0.995, 1.002};

    private final List<Round> rounds = new ArrayList<>();
    private final List<IdlePoint> idle = new ArrayList<>();
    private final BenchPlan plan;
    private boolean interrupted;
    private Map<String, String> leftOut = Map.of();

    private Measured(BenchPlan plan) {
        this.plan = plan;
    }

    public static Measured of(int rounds, List<Integer> connections, String... engines) {
        return new Measured(new BenchPlan(
                List.of(engines), connections, List.of(64), List.of(1), 100, 1_000, rounds, 0, List.of(0, 100, 200), 2, false, 1));
    }

    public Measured quick() {
        Measured quick = new Measured(new BenchPlan(
                plan.engines(), plan.connections(), plan.sizes(), plan.pipelines(), 1, 1, 1, 0, List.of(), 0, true, 1));
        quick.rounds.addAll(rounds);
        return quick;
    }

    Measured interrupted() {
        interrupted = true;
        return this;
    }

    public Measured leftOut(String engine, String why) {
        leftOut = Map.of(engine, why);
        return this;
    }

    /** Processor time for a request; for the first engine, its control is made, too. */
    public Measured cost(String engine, int connections, double cpuUs) {
        for (int round = 0; round < plan.rounds(); round++) {
            rounds.add(round(engine, connections, false, round, cpuUs * WOBBLE[round % WOBBLE.length], Map.of(), null));
            if (engine.equals(plan.engines().get(0))) {
                rounds.add(round(engine, connections, true, round, cpuUs * WOBBLE[(round + 1) % WOBBLE.length], Map.of(), null));
            }
        }
        return this;
    }

    public Measured failed(String engine, int connections, String why) {
        rounds.add(round(engine, connections, false, 0, Double.NaN, Map.of(), why));
        return this;
    }

    Measured errors(String engine, int connections, double cpuUs) {
        for (int round = 0; round < plan.rounds(); round++) {
            rounds.add(round(engine, connections, false, round, cpuUs, Map.of(LoadError.WRONG, 3L), null));
        }
        return this;
    }

    public Measured idle(String engine, long heapEach) {
        for (int count : plan.idle()) {
            idle.add(new IdlePoint(engine, count, 1_000_000 + heapEach * count, 50_000 + 2 * heapEach * count / 1024, 20, null));
        }
        return this;
    }

    private Round round(String engine, int connections, boolean control, int round, double cpuUs, Map<LoadError, Long> errors, String failure) {
        Cell cell = new Cell(connections, 64, 1);
        if (failure != null) {
            return new Round(cell, engine, control, round, 0, 0, false, -1, null, -1, failure);
        }
        long answered = 50_000;
        Histogram histogram = new Histogram(3_600_000_000_000L, 3);
        for (int i = 1; i <= 1_000; i++) {
            histogram.recordValue(i * 1_000L);
        }
        LoadPlan load = new LoadPlan("127.0.0.1", 1, connections, 64, 1, 100, 1_000, 0, Expect.ECHO, 1);
        LoadResult result = new LoadResult(
                load, connections, answered, 1, errors, null, Latency.of(histogram), null,
                new Usage((long) (cpuUs * 1e3 * answered), (long) (cpuUs * 1e2 * answered), 500_000_000, 20_000_000), 20);
        return new Round(cell, engine, control, round, 0, 0, false, 0.01, result, 65_536, null);
    }

    public BenchResult result() {
        return new BenchResult(
                "2026-11-21T00:00:00Z", "sluice bench -c 1 '</script><b>&\"'", Host.here(), JavaHome.here(), JavaHome.here(), Bench.SERVER_FLAGS,
                plan, interrupted, leftOut, List.copyOf(rounds), List.copyOf(idle));
    }
}
