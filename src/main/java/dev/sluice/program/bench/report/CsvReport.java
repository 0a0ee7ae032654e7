package dev.sluice.program.bench.report;

import dev.sluice.program.bench.BenchResult;
import dev.sluice.program.bench.Latency;
import dev.sluice.program.bench.LoadResult;
import dev.sluice.program.bench.Round;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A comparison as comma-separated values (RFC 4180): a row for each measurement, units in the names of columns. */
public final class CsvReport {

    private static final List<String> HEAD = List.of(
            "engine", "control", "connections", "size_bytes", "pipeline", "rate_planned", "round", "place", "attempt", "disturbed", "others_share",
            "connections_open", "seconds", "answers", "errors", "requests_per_second", "server_cpu_ns_per_request", "both_cpu_ns_per_request",
            "latency_p50_us", "latency_p90_us", "latency_p99_us", "latency_p999_us", "latency_max_us",
            "uncorrected_p50_us", "uncorrected_p99_us", "peak_rss_kib", "threads", "failure");

    private CsvReport() {}

    /**
     * Lays out a comparison.
     *
     * @param result the measurements
     * @return lines
     */
    public static String of(BenchResult result) {
        StringBuilder text = new StringBuilder(String.join(",", HEAD)).append("\r\n");
        for (Round round : result.rounds()) {
            text.append(row(round).stream().map(CsvReport::field).collect(Collectors.joining(","))).append("\r\n");
        }
        return text.toString();
    }

    private static List<Object> row(Round round) {
        LoadResult result = round.result();
        List<Object> row = new ArrayList<>(List.of(
                round.engine(), round.control(), round.cell().connections(), round.cell().size(), round.cell().pipeline()));
        row.add(result == null ? "" : result.plan().rate());
        row.addAll(List.of(round.round(), round.place(), round.attempt(), round.disturbed(), round.others()));
        if (result == null) {
            while (row.size() < HEAD.size() - 3) {
                row.add("");
            }
        } else {
            row.addAll(List.of(result.connections(), result.seconds(), result.answered(), result.errorCount(), result.rate()));
            row.addAll(List.of(round.serverCpuNs(), round.bothCpuNs()));
            Latency latency = result.latency();
            row.addAll(List.of(us(latency.p50()), us(latency.p90()), us(latency.p99()), us(latency.p999()), us(latency.max())));
            Latency uncorrected = result.uncorrected();
            row.addAll(uncorrected == null ? List.of("", "") : List.of(us(uncorrected.p50()), us(uncorrected.p99())));
        }
        row.addAll(List.of(round.peakRssKb(), result == null ? "" : result.threads(), round.failure() == null ? "" : round.failure()));
        return row;
    }

    private static double us(long ns) {
        return ns / 1e3;
    }

    private static String field(Object value) {
        if (value instanceof Double number) {
            return Double.isNaN(number) ? "" : String.format(Locale.ROOT, "%.3f", number);
        }
        String text = String.valueOf(value);
        return text.matches("(?s).*[\",\r\n].*") ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }
}
