package dev.sluice.program.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * The evaluation of a comparison's rounds. Ratios are formed within a round, against the first engine. Two measurements of that engine in
 * the same round make the noise floor. A ratio whose interval reaches into the noise floor is no difference.
 */
public final class Comparison {

    /** A figure that engines are compared by. */
    public enum Metric {
        /** The server's processor time for a request. It is the steadier figure and comes first. */
        CPU("CPU for a request", Round::serverCpuNs),
        /** Requests a second. They depend on the generator, too. */
        RATE("requests/s", Round::rate);

        private final String words;
        private final ToDoubleFunction<Round> value;

        Metric(String words, ToDoubleFunction<Round> value) {
            this.words = words;
            this.value = value;
        }

        /**
         * The metric in words.
         *
         * @return a few
         */
        public String words() {
            return words;
        }
    }

    /**
     * An engine in a cell: medians over its good rounds, NaN where there is none.
     *
     * @param cell      the load
     * @param entry     the engine, or the control
     * @param rate      requests a second
     * @param cpuNs     the server's processor time for a request
     * @param p50       nanoseconds
     * @param p99       nanoseconds
     * @param p999      nanoseconds
     * @param rssKb     the largest resident set
     * @param threads   of the server
     * @param cpu       ratio to the first engine
     * @param rates     ratio to the first engine
     * @param notes     errors, disturbance, saturation
     */
    public record Line(
            Cell cell,
            BenchPlan.Entry entry,
            double rate,
            double cpuNs,
            double p50,
            double p99,
            double p999,
            double rssKb,
            double threads,
            Interval cpu,
            Interval rates,
            List<String> notes) {}

    private final BenchResult result;

    /**
     * Evaluates a result.
     *
     * @param result the measurements
     */
    public Comparison(BenchResult result) {
        this.result = result;
    }

    /**
     * The engine that others are compared with.
     *
     * @return as it is written
     */
    public String first() {
        return result.plan().engines().get(0);
    }

    /**
     * Every engine that a cell was measured with, in the order of the plan, the control last.
     *
     * @param cell one of the plan
     * @return may be empty
     */
    public List<Line> lines(Cell cell) {
        List<Line> lines = new ArrayList<>();
        for (BenchPlan.Entry entry : result.plan().entries(cell)) {
            List<Round> rounds = rounds(cell, entry);
            if (!rounds.isEmpty()) {
                lines.add(line(cell, entry, rounds));
            }
        }
        return lines;
    }

    private Line line(Cell cell, BenchPlan.Entry entry, List<Round> rounds) {
        return new Line(
                cell,
                entry,
                median(rounds, Round::rate),
                median(rounds, Round::serverCpuNs),
                median(rounds, round -> latency(round, Latency::p50)),
                median(rounds, round -> latency(round, Latency::p99)),
                median(rounds, round -> latency(round, Latency::p999)),
                median(rounds, round -> round.peakRssKb() < 0 ? Double.NaN : round.peakRssKb()),
                median(rounds, round -> round.result() == null || round.result().threads() < 0 ? Double.NaN : round.result().threads()),
                Interval.of(ratios(cell, entry, Metric.CPU)),
                Interval.of(ratios(cell, entry, Metric.RATE)),
                notes(rounds));
    }

    private static List<String> notes(List<Round> rounds) {
        List<String> notes = new ArrayList<>();
        rounds.stream().filter(round -> round.failure() != null).findFirst().ifPresent(round -> notes.add("failed: " + round.failure()));
        long errors = rounds.stream().filter(round -> round.result() != null).mapToLong(round -> round.result().errorCount()).sum();
        if (errors > 0) {
            notes.add(errors + " errors, left out of ratios");
        }
        if (rounds.stream().anyMatch(round -> round.result() != null && round.result().isSaturated())) {
            notes.add("saturated");
        }
        if (rounds.stream().anyMatch(Round::disturbed)) {
            notes.add("noisy");
        }
        return notes;
    }

    private static double latency(Round round, ToDoubleFunction<Latency> percentile) {
        return round.tellsLatency() ? percentile.applyAsDouble(round.result().latency()) : Double.NaN;
    }

    /**
     * The noise floor: the ratios of two measurements of the same engine, over all cells and rounds.
     *
     * @param metric the figure
     * @return from the lowest to the highest ratio
     */
    public Interval noise(Metric metric) {
        BenchPlan.Entry control = new BenchPlan.Entry(first(), true);
        return Interval.range(result.plan().cells().stream().flatMapToDouble(cell -> Arrays.stream(ratios(cell, control, metric))).toArray());
    }

    /**
     * Whether an engine differs from the first.
     *
     * @param ratio  its interval
     * @param metric the figure
     * @return true if the interval is known and contains neither one nor a part of the noise floor
     */
    public boolean differs(Interval ratio, Metric metric) {
        Interval noise = noise(metric);
        return ratio.isKnown() && noise.isKnown() && !ratio.overlaps(noise) && !ratio.overlaps(new Interval(1, 1, 1, 0));
    }

    /**
     * An engine's ratio to the first in each round.
     *
     * @param cell   of the plan
     * @param entry  of the plan
     * @param metric the figure
     * @return NaN where one of the two is not known
     */
    public double[] ratios(Cell cell, BenchPlan.Entry entry, Metric metric) {
        List<Round> base = rounds(cell, new BenchPlan.Entry(first(), false));
        return rounds(cell, entry).stream()
                .mapToDouble(round -> base.stream()
                        .filter(other -> other.round() == round.round())
                        .mapToDouble(other -> metric.value.applyAsDouble(round) / metric.value.applyAsDouble(other))
                        .findFirst()
                        .orElse(Double.NaN))
                .toArray();
    }

    /**
     * The measurements of an engine in a cell.
     *
     * @param cell  of the plan
     * @param entry of the plan
     * @return those that were made, good or not
     */
    public List<Round> rounds(Cell cell, BenchPlan.Entry entry) {
        return result.rounds().stream()
                .filter(round -> round.cell().equals(cell) && round.engine().equals(entry.engine()) && round.control() == entry.control())
                .toList();
    }

    private static double median(List<Round> rounds, ToDoubleFunction<Round> value) {
        double[] sorted = rounds.stream().mapToDouble(value).filter(Double::isFinite).sorted().toArray();
        int n = sorted.length;
        return n == 0 ? Double.NaN : n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }

    /**
     * The cost of one more idle connection.
     *
     * @param engine     as it is written
     * @param heapBytes  bytes of heap
     * @param rssBytes   bytes of resident memory, or NaN
     */
    public record Slope(String engine, double heapBytes, double rssBytes) {}

    /**
     * The cost of an idle connection for each engine: the slope of a line through all points, by least squares.
     *
     * @return engines that were measured at two points or more
     */
    public List<Slope> idle() {
        return result.plan().engines().stream()
                .flatMap(engine -> {
                    List<IdlePoint> points =
                            result.idle().stream().filter(point -> point.engine().equals(engine) && point.failure() == null).toList();
                    return points.size() < 2
                            ? Stream.empty()
                            : Stream.of(new Slope(
                                    engine,
                                    slope(points, IdlePoint::heapBytes),
                                    slope(points, point -> point.rssKb() < 0 ? Double.NaN : point.rssKb() * 1024.0)));
                })
                .toList();
    }

    private static double slope(List<IdlePoint> points, ToDoubleFunction<IdlePoint> value) {
        double meanX = points.stream().mapToDouble(IdlePoint::connections).average().orElse(Double.NaN);
        double meanY = points.stream().mapToDouble(value).average().orElse(Double.NaN);
        double covariance = 0;
        double variance = 0;
        for (IdlePoint point : points) {
            covariance += (point.connections() - meanX) * (value.applyAsDouble(point) - meanY);
            variance += (point.connections() - meanX) * (point.connections() - meanX);
        }
        return covariance / variance;
    }
}
