package dev.sluice.program.bench.report;

import dev.sluice.program.bench.Figures;
import dev.sluice.program.bench.Latency;
import dev.sluice.program.bench.LoadError;
import dev.sluice.program.bench.LoadPlan;
import dev.sluice.program.bench.LoadResult;
import java.util.Map;

/** A load's result, for people. */
public final class LoadText {

    private LoadText() {}

    /**
     * Lays out a load's result.
     *
     * @param result the measurements
     * @return lines
     */
    public static String of(LoadResult result) {
        LoadPlan plan = result.plan();
        StringBuilder text = new StringBuilder();
        text.append(plan.connections()).append(plan.connections() == 1 ? " connection, " : " connections, ");
        text.append(Figures.count(plan.size())).append(" bytes a request, ").append(plan.pipeline()).append(" in flight, ");
        text.append(plan.isOpenLoop() ? "open loop at " + Figures.count(plan.rate()) + " requests/s" : "closed loop");
        text.append(", ").append(Figures.digits(result.seconds())).append(" s measured after ");
        text.append(Figures.digits(plan.warmUpMs() / 1e3)).append(" s of warm-up\n\n");
        line(text, "requests/s", Figures.count(result.rate()) + (result.isSaturated() ? " (saturated: less than was asked for)" : ""));
        if (plan.isOpenLoop()) {
            line(text, "latency", latency(result.latency()));
            line(text, "uncorrected", latency(result.uncorrected()));
        } else {
            line(text, "latency", latency(result.latency()));
        }
        if (result.usage().serverNs() >= 0) {
            String cores = Figures.ratio(result.usage().serverNs() / 1e9 / result.seconds());
            line(text, "server CPU", Figures.time(result.serverCpuNs()) + " a request, " + cores + " cores");
        }
        String errors = result.isUnanswered() ? "no answer came in the measured time" : errors(result.errors());
        line(text, "errors", errors + (result.firstCause() == null ? "" : " (the first: " + result.firstCause() + ")"));
        if (plan.isOpenLoop()) {
            text.append("\nLatency runs from the planned time of a request; uncorrected, from its sending, which hides how long it waited for that.\n");
        } else {
            text.append("\nA closed loop tells how much can be carried; for how slow it is, ask with a rate (-R).\n");
        }
        return text.toString();
    }

    private static void line(StringBuilder text, String name, String value) {
        text.append(String.format("%-12s %s%n", name, value));
    }

    private static String latency(Latency latency) {
        return "p50 " + Figures.time(latency.p50()) + "   p90 " + Figures.time(latency.p90()) + "   p99 " + Figures.time(latency.p99())
                + "   p99.9 " + Figures.time(latency.p999()) + "   max " + Figures.time(latency.max());
    }

    /**
     * Errors by kind.
     *
     * @param errors how many of each
     * @return a few words
     */
    public static String errors(Map<LoadError, Long> errors) {
        StringBuilder text = new StringBuilder();
        for (LoadError error : LoadError.values()) {
            if (errors.containsKey(error)) {
                text.append(text.length() == 0 ? "" : ", ").append(Figures.count(errors.get(error))).append(' ').append(error.words());
            }
        }
        return text.length() == 0 ? "none" : text.toString();
    }
}
