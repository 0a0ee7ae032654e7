package dev.sluice.program.bench.report;

import dev.sluice.program.bench.BenchPlan;
import dev.sluice.program.bench.BenchResult;
import dev.sluice.program.bench.Cell;
import dev.sluice.program.bench.Comparison;
import dev.sluice.program.bench.Comparison.Line;
import dev.sluice.program.bench.Comparison.Metric;
import dev.sluice.program.bench.Interval;
import dev.sluice.program.bench.Round;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/**
 * The data of a report's charts; a figure that is not known is null.
 *
 * @param first       the engine that others are compared with
 * @param engines     as they are written; the place of one decides its colour
 * @param noise       by metric, {@code [low, high]}
 * @param percentiles names of the percentiles that latencies are given for
 * @param latency     the meaning of the latencies, in words
 * @param groups      cells that differ in connections alone
 * @param idle        bytes for an idle connection
 */
record ChartData(
        String first,
        List<String> engines,
        Map<String, List<Double>> noise,
        List<String> percentiles,
        String latency,
        List<Group> groups,
        List<Idle> idle) {

    private static final double[] PERCENTILES = {50, 90, 99, 99.9, 99.99, 100};

    /** Cells of one size and pipeline. */
    record Group(String title, List<Integer> connections, List<Series> engines) {}

    /**
     * An engine in the cells of a group, a value for each.
     *
     * @param name    for the legend
     * @param engine  as it is written
     * @param base    whether it is the first
     * @param control whether it is the first once more
     * @param cpu     microseconds for a request
     * @param rate    requests a second
     * @param ratio   of CPU: {@code [low, median, high]}
     * @param rounds  of CPU: the ratio of each round
     * @param latency milliseconds, by percentile, over all rounds
     */
    record Series(
            String name,
            String engine,
            boolean base,
            boolean control,
            List<Double> cpu,
            List<Double> rate,
            List<List<Double>> ratio,
            List<List<Double>> rounds,
            List<List<Double>> latency) {}

    /** Bytes for an idle connection; nothing below one can stand on a logarithmic scale. */
    record Idle(String engine, Double heap, Double rss) {}

    static ChartData of(Summary summary) {
        BenchResult result = summary.result();
        Comparison comparison = summary.comparison();
        List<Group> groups = new ArrayList<>();
        for (int size : result.plan().sizes()) {
            for (int pipeline : result.plan().pipelines()) {
                groups.add(group(summary, size, pipeline));
            }
        }
        return new ChartData(
                comparison.first(),
                result.plan().engines(),
                Map.of("cpu", noise(comparison, Metric.CPU), "rate", noise(comparison, Metric.RATE)),
                List.of("50", "90", "99", "99.9", "99.99", "max"),
                result.plan().rate() > 0 ? "Open loop: from the planned time to the answer, all rounds together."
                        : "Closed loop, all rounds together: how long the queue is that the load itself makes.",
                groups,
                comparison.idle().stream().map(slope -> new Idle(slope.engine(), positive(slope.heapBytes()), positive(slope.rssBytes()))).toList());
    }

    private static List<Double> noise(Comparison comparison, Metric metric) {
        Interval noise = comparison.noise(metric);
        return noise.rounds() == 0 ? List.of() : List.of(noise.low(), noise.high());
    }

    private static Group group(Summary summary, int size, int pipeline) {
        BenchPlan plan = summary.result().plan();
        List<BenchPlan.Entry> entries = new ArrayList<>();
        plan.engines().forEach(engine -> entries.add(new BenchPlan.Entry(engine, false)));
        entries.add(new BenchPlan.Entry(plan.engines().get(0), true));
        List<Series> series = entries.stream().map(entry -> series(summary, entry, size, pipeline)).toList();
        return new Group(size + (size == 1 ? " byte" : " bytes") + " a request, " + pipeline + " in flight on a connection", plan.connections(),
                series.stream().filter(each -> each.cpu().stream().anyMatch(value -> value != null)).toList());
    }

    private static Series series(Summary summary, BenchPlan.Entry entry, int size, int pipeline) {
        Comparison comparison = summary.comparison();
        Series series = new Series(
                entry.toString(),
                entry.engine(),
                !entry.control() && entry.engine().equals(comparison.first()),
                entry.control(),
                new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        for (int connections : summary.result().plan().connections()) {
            Cell cell = new Cell(connections, size, pipeline);
            Line line = comparison.lines(cell).stream()
                    .filter(each -> each.entry().equals(entry))
                    .findFirst()
                    .orElse(null);
            series.cpu.add(line == null ? null : number(line.cpuNs() / 1e3));
            series.rate.add(line == null ? null : number(line.rate()));
            series.ratio.add(line == null || line.cpu().rounds() == 0 ? null : List.of(line.cpu().low(), line.cpu().median(), line.cpu().high()));
            series.rounds.add(DoubleStream.of(comparison.ratios(cell, entry, Metric.CPU)).filter(Double::isFinite).boxed().toList());
            series.latency.add(latency(comparison.rounds(cell, entry)));
        }
        return series;
    }

    private static List<Double> latency(List<Round> rounds) {
        return rounds.stream()
                .filter(Round::tellsLatency)
                .map(round -> round.result().latency().decode())
                .reduce((all, one) -> {
                    all.add(one);
                    return all;
                })
                .map(all -> Arrays.stream(PERCENTILES).mapToObj(percent -> all.getValueAtPercentile(percent) / 1e6).toList())
                .orElse(null);
    }

    private static Double number(double value) {
        return Double.isFinite(value) ? value : null;
    }

    private static Double positive(double value) {
        return value >= 1 ? value : null;
    }
}
