package dev.sluice.program.bench.report;

import dev.sluice.program.bench.BenchPlan;
import dev.sluice.program.bench.BenchResult;
import dev.sluice.program.bench.Cell;
import dev.sluice.program.bench.Comparison;
import dev.sluice.program.bench.Comparison.Line;
import dev.sluice.program.bench.Comparison.Metric;
import dev.sluice.program.bench.Figures;
import dev.sluice.program.bench.IdlePoint;
import dev.sluice.program.bench.Interval;
import dev.sluice.program.bench.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The content of every report before it is laid out: the verdict, the machine, tables, method and caveats. */
final class Summary {

    /** A table of text; every row is as long as the head. */
    record Table(String title, List<String> head, List<List<String>> rows) {}

    private final BenchResult result;
    private final Comparison comparison;

    Summary(BenchResult result) {
        this.result = result;
        this.comparison = new Comparison(result);
    }

    BenchResult result() {
        return result;
    }

    Comparison comparison() {
        return comparison;
    }

    List<String> verdict() {
        List<String> verdict = new ArrayList<>();
        if (result.interrupted()) {
            verdict.add("Interrupted: what follows is from the measurements that had been made.");
        }
        verdict.addAll(new Verdict(result).sentences());
        return verdict;
    }

    /** The noise floor: engines that differ by no more than this cannot be told apart. */
    String noise() {
        Interval cpu = comparison.noise(Metric.CPU);
        Interval rate = comparison.noise(Metric.RATE);
        if (cpu.rounds() == 0) {
            return "Noise floor: not measured.";
        }
        return "Noise floor (" + comparison.first() + " against itself, " + cpu.rounds() + (cpu.rounds() == 1 ? " pair): " : " pairs): ")
                + Metric.CPU.words() + " " + range(cpu) + ", " + Metric.RATE.words() + " " + range(rate) + ".";
    }

    private static String range(Interval interval) {
        return Figures.ratio(interval.low()) + " to " + Figures.ratio(interval.high());
    }

    /** Name and value. */
    List<List<String>> environment() {
        BenchPlan plan = result.plan();
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("measured", result.date()));
        rows.add(List.of("machine", result.host().cpu() + ", " + result.host().cores() + " cores, "
                + Figures.digits(result.host().memoryKb() / 1024.0 / 1024.0) + " GiB, " + result.host().system()));
        rows.add(List.of("load before", result.host().load()));
        rows.add(List.of("servers", "Java " + result.serverJava().version() + ", " + String.join(" ", result.serverFlags())));
        rows.add(List.of("load generator", "Java " + result.loadJava().version() + ", a process of its own, one thread, on the same machine over loopback"));
        rows.add(List.of("plan", plan.rounds() + (plan.rounds() == 1 ? " round" : " rounds") + ", each measurement "
                + Figures.digits(plan.durationMs() / 1e3) + " s after " + Figures.digits(plan.warmUpMs() / 1e3) + " s of warm-up, "
                + (plan.rate() > 0 ? "open loop at " + Figures.count(plan.rate()) + " requests/s" : "closed loop")));
        rows.add(List.of("sockets", "TCP_NODELAY on both sides, the kernel's buffers, a backlog of 1,024"));
        for (Map.Entry<String, String> out : result.leftOut().entrySet()) {
            rows.add(List.of("left out", out.getKey() + ": " + out.getValue()));
        }
        for (String engine : plan.engines()) {
            List<Integer> beyond = plan.beyond(engine);
            if (!beyond.isEmpty()) {
                rows.add(List.of("left out", engine + " at " + beyond.stream().map(Figures::count).collect(Collectors.joining(" and "))
                        + " connections: more than it serves at a time"));
            }
        }
        rows.add(List.of("command", result.command()));
        return rows;
    }

    List<Table> cells() {
        List<Table> tables = new ArrayList<>();
        for (Cell cell : result.plan().cells()) {
            List<List<String>> rows = new ArrayList<>();
            for (Line line : comparison.lines(cell)) {
                rows.add(row(line));
            }
            if (!rows.isEmpty()) {
                tables.add(new Table(
                        cell.toString(),
                        List.of("engine", "CPU/request", "× " + comparison.first(), "requests/s", "× " + comparison.first(), "p50", "p99", "p99.9",
                                "peak RSS", "threads", "notes"),
                        rows));
            }
        }
        return tables;
    }

    private List<String> row(Line line) {
        boolean base = line.entry().equals(new BenchPlan.Entry(comparison.first(), false));
        return List.of(
                line.entry().toString(),
                Figures.time(line.cpuNs()),
                base ? "1" : interval(line.cpu()),
                Figures.count(line.rate()),
                base ? "1" : interval(line.rates()),
                Figures.time(line.p50()),
                Figures.time(line.p99()),
                Figures.time(line.p999()),
                Double.isNaN(line.rssKb()) ? "?" : Figures.count(line.rssKb() / 1024) + " MiB",
                Figures.count(line.threads()),
                notes(line, base));
    }

    private String notes(Line line, boolean base) {
        List<String> notes = new ArrayList<>(line.notes());
        if (!base && !line.entry().control() && line.cpu().isKnown() && !comparison.differs(line.cpu(), Metric.CPU)) {
            notes.add("no difference");
        }
        return String.join(", ", notes);
    }

    static String interval(Interval interval) {
        return interval.isKnown() ? Figures.ratio(interval.median()) + " [" + range(interval) + "]" : Figures.ratio(interval.median());
    }

    /** Empty where it was not asked for. */
    List<Table> idle() {
        if (result.idle().isEmpty()) {
            return List.of();
        }
        List<List<String>> rows = new ArrayList<>();
        for (Comparison.Slope slope : comparison.idle()) {
            rows.add(List.of(
                    slope.engine(), Figures.count(slope.heapBytes()) + " B", Double.isNaN(slope.rssBytes()) ? "?" : Figures.count(slope.rssBytes()) + " B"));
        }
        List<List<String>> points = new ArrayList<>();
        for (IdlePoint point : result.idle()) {
            points.add(List.of(
                    point.engine(),
                    Figures.count(point.connections()),
                    point.failure() != null ? point.failure() : Figures.count(point.heapBytes() / 1024.0) + " KiB",
                    point.rssKb() < 0 ? "?" : Figures.count(point.rssKb() / 1024.0) + " MiB",
                    point.threads() < 0 ? "?" : Figures.count(point.threads())));
        }
        return List.of(
                new Table("one more idle connection", List.of("engine", "heap", "resident"), rows),
                new Table("memory by idle connections", List.of("engine", "connections", "heap", "resident", "threads"), points));
    }

    List<String> method() {
        List<String> lines = new ArrayList<>();
        lines.add("For each measurement a server is started in a fresh JVM, and a load generator in another; all engines run the same echo"
                + " behind the same options, and each must first echo ten megabytes, a half-close and a late reader without a byte wrong.");
        lines.add("Engines take turns within a round (a cyclic Latin square), and ratios are formed within a round. The first engine is"
                + " measured twice in each round: what these two differ by is noise, and a ratio whose 95 % interval (Student's t, over the"
                + " logarithms of the rounds) reaches into that is called no difference.");
        lines.add("CPU for a request is the server process's user and system time within the measured window, divided by the answers that came"
                + " in it. It leads, because requests/s depends on the generator, which has to share the cores. On loopback the sender does part"
                + " of the receiver's work in the kernel, so that the split between the two processes is not exact.");
        lines.add(result.plan().rate() > 0
                ? "Latency runs from the planned time of a request, not from its sending: a server that stalls cannot hide it."
                : "The latencies are those of a closed loop: they tell how long the queue is that the load itself makes. For how slow an engine is at"
                        + " a given rate, measure with -R.");
        lines.add("Every byte of every answer was checked. A measurement with an error of any kind counts in no ratio. One during which other processes' user time took"
                + " more than a tenth of the machine was repeated, at most " + result.plan().repetitions() + " times, then marked noisy.");
        lines.add("This says nothing about a network, about other handlers, or about more cores than there are here.");
        return lines;
    }
}
