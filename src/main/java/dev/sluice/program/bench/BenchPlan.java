package dev.sluice.program.bench;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The plan of a comparison: engines, cells, rounds.
 *
 * @param engines     as they are written; all others are compared with the first
 * @param connections of the cells, ascending
 * @param sizes       of the cells
 * @param pipelines   of the cells
 * @param warmUpMs    milliseconds of the same load before each measurement
 * @param durationMs  milliseconds of each measurement
 * @param rounds      number of times that everything is measured
 * @param rate        requests a second at planned times, or 0
 * @param idle        numbers of idle connections whose memory is measured, ascending; may be empty
 * @param repetitions of a measurement that other processes disturbed, at most
 * @param quick       whether this is a smoke test, whose figures mean nothing
 * @param seed        decides the order of engines
 */
public record BenchPlan(
        List<String> engines,
        List<Integer> connections,
        List<Integer> sizes,
        List<Integer> pipelines,
        long warmUpMs,
        long durationMs,
        int rounds,
        double rate,
        List<Integer> idle,
        int repetitions,
        boolean quick,
        long seed) {

    /** The time of a measurement besides its load: two JVMs start and end, and connections are made. It was measured. */
    private static final long AROUND_MS = 1_300;

    /** The time of an engine's check. */
    private static final long CHECK_MS = 1_500;

    /** The time to hold idle connections, and for each of them. */
    private static final long IDLE_MS = 2_000;

    private static final double IDLE_EACH_MS = 0.2;

    /**
     * The cells: all lists multiplied out.
     *
     * @return sizes and pipelines outermost, so that cells that differ in connections alone stand together
     */
    public List<Cell> cells() {
        List<Cell> cells = new ArrayList<>();
        for (int size : sizes) {
            for (int pipeline : pipelines) {
                for (int count : connections) {
                    cells.add(new Cell(count, size, pipeline));
                }
            }
        }
        return cells;
    }

    /**
     * The engines that a cell makes sense for, and the first once more as a control.
     *
     * @param cell one of {@link #cells}
     * @return in the order of the plan, the control last
     */
    public List<Entry> entries(Cell cell) {
        List<Entry> entries = new ArrayList<>();
        for (String text : engines) {
            if (!beyond(text).contains(cell.connections())) {
                entries.add(new Entry(text, false));
            }
        }
        if (entries.contains(new Entry(engines.get(0), false))) {
            entries.add(new Entry(engines.get(0), true));
        }
        return entries;
    }

    /**
     * An engine in a round.
     *
     * @param engine  as it is written
     * @param control whether it is the first engine once more: a difference between the two is noise
     */
    public record Entry(String engine, boolean control) {

        @Override
        public String toString() {
            return engine + (control ? " (again)" : "");
        }
    }

    /**
     * The same without some engines.
     *
     * @param others engines to leave out
     * @return a plan with the rest
     */
    public BenchPlan without(Collection<String> others) {
        List<String> rest = engines.stream().filter(engine -> !others.contains(engine)).toList();
        return new BenchPlan(rest, connections, sizes, pipelines, warmUpMs, durationMs, rounds, rate, idle, repetitions, quick, seed);
    }

    /**
     * Numbers of connections that make no sense for an engine, because it serves fewer at a time.
     *
     * @param engine as it is written
     * @return may be empty
     */
    public List<Integer> beyond(String engine) {
        int most = mostConnections(engine);
        return connections.stream().filter(count -> count > most).toList();
    }

    /**
     * Numbers of idle connections that make sense for an engine.
     *
     * @param engine as it is written
     * @return empty, or at least two, because a slope takes two
     */
    public List<Integer> idle(String engine) {
        int most = mostConnections(engine);
        List<Integer> counts = idle.stream().filter(count -> count <= most).toList();
        return counts.size() < 2 ? List.of() : counts;
    }

    private static int mostConnections(String engine) {
        EngineSpec spec = EngineSpec.parse(engine);
        Contender contender = Contender.named(spec.name());
        return contender == null ? Integer.MAX_VALUE : contender.mostConnections(spec);
    }

    /**
     * The number of measurements.
     *
     * @return without repetitions
     */
    public int measurements() {
        return rounds * cells().stream().mapToInt(cell -> entries(cell).size()).sum();
    }

    /**
     * The time that the comparison will take.
     *
     * @return milliseconds, without repetitions
     */
    public long estimateMs() {
        double held = engines.stream().flatMap(engine -> idle(engine).stream()).mapToDouble(count -> IDLE_MS + IDLE_EACH_MS * count).sum();
        return engines.size() * CHECK_MS + measurements() * (warmUpMs + durationMs + AROUND_MS) + (long) held;
    }
}
