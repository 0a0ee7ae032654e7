package dev.sluice.program.bench;

import dev.sluice.program.bench.Comparison.Line;
import dev.sluice.program.bench.Comparison.Metric;
import java.util.ArrayList;
import java.util.List;

/** The result of a comparison in words, which claim no more than its intervals allow. */
public final class Verdict {

    private final BenchResult result;
    private final Comparison comparison;

    /**
     * Prepares a verdict.
     *
     * @param result the measurements
     */
    public Verdict(BenchResult result) {
        this.result = result;
        this.comparison = new Comparison(result);
    }

    /** The standing of an engine against the first at some number of connections. */
    private enum Standing { CHEAPER, SAME, DEARER }

    private record At(int connections, Standing standing, Interval ratio) {}

    /**
     * The verdict.
     *
     * @return sentences, the most important first; at least one
     */
    public List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        if (result.plan().quick()) {
            return List.of("This was a smoke test, far too short to say which engine suits: leave out --quick for that.");
        }
        if (result.plan().rounds() < 2 || !comparison.noise(Metric.CPU).isKnown()) {
            return List.of("One round has no interval, so nothing can be said of which engine suits: measure two or more (-n).");
        }
        for (String engine : result.plan().engines()) {
            if (!engine.equals(comparison.first())) {
                for (int size : result.plan().sizes()) {
                    for (int pipeline : result.plan().pipelines()) {
                        add(sentences, engine, size, pipeline);
                    }
                }
            }
        }
        String idle = idle();
        if (idle != null) {
            sentences.add(idle);
        }
        if (sentences.isEmpty()) {
            sentences.add("There is nothing to compare " + comparison.first() + " with.");
        }
        return sentences;
    }

    private void add(List<String> sentences, String engine, int size, int pipeline) {
        List<At> all = new ArrayList<>();
        for (int connections : result.plan().connections()) {
            for (Line line : comparison.lines(new Cell(connections, size, pipeline))) {
                if (line.entry().equals(new BenchPlan.Entry(engine, false)) && line.cpu().isKnown()) {
                    all.add(new At(connections, standing(line.cpu()), line.cpu()));
                }
            }
        }
        if (!all.isEmpty()) {
            String where = result.plan().sizes().size() * result.plan().pipelines().size() == 1
                    ? ""
                    : " (" + size + " bytes, " + pipeline + " in flight)";
            sentences.add(sentence(engine + where, all));
        }
    }

    private Standing standing(Interval ratio) {
        if (!comparison.differs(ratio, Metric.CPU)) {
            return Standing.SAME;
        }
        return ratio.median() > 1 ? Standing.DEARER : Standing.CHEAPER;
    }

    private String sentence(String engine, List<At> all) {
        List<String> parts = new ArrayList<>();
        List<Integer> same = new ArrayList<>();
        for (At at : all) {
            if (at.standing == Standing.SAME) {
                same.add(at.connections);
            } else {
                parts.add(Figures.ratio(at.ratio.median()) + " times the CPU for a request (" + Figures.ratio(at.ratio.low()) + " to "
                        + Figures.ratio(at.ratio.high()) + ") " + at(List.of(at.connections)));
            }
        }
        if (!same.isEmpty()) {
            parts.add("no difference that could be told from noise " + at(same));
        }
        return engine + ", against " + comparison.first() + ": " + String.join("; ", parts) + ". " + crossover(engine, all);
    }

    /** At 1 connection; at 1 and 64 connections; at 1, 64 and 1,024 connections. */
    private static String at(List<Integer> connections) {
        StringBuilder text = new StringBuilder("at ");
        for (int i = 0; i < connections.size(); i++) {
            text.append(i == 0 ? "" : i == connections.size() - 1 ? " and " : ", ").append(Figures.count(connections.get(i)));
        }
        return text.append(connections.equals(List.of(1)) ? " connection" : " connections").toString();
    }

    /** The number of connections at which the cheaper of the two changes, as far as connections were tried. */
    private String crossover(String engine, List<At> all) {
        List<At> told = all.stream().filter(at -> at.standing != Standing.SAME).toList();
        if (told.isEmpty()) {
            return "Either will do.";
        }
        for (int i = 1; i < told.size(); i++) {
            if (told.get(i).standing != told.get(i - 1).standing) {
                return (told.get(i).standing == Standing.DEARER ? comparison.first() : engine) + " becomes the cheaper one between "
                        + Figures.count(told.get(i - 1).connections) + " and " + Figures.count(told.get(i).connections) + " connections.";
            }
        }
        String cheaper = told.get(0).standing == Standing.DEARER ? comparison.first() : engine;
        return told.size() == all.size()
                ? cheaper + " is the cheaper one at every number of connections that was tried."
                : cheaper + " is the cheaper one where they differ, and nowhere the dearer.";
    }

    private String idle() {
        List<String> parts = new ArrayList<>();
        for (Comparison.Slope slope : comparison.idle()) {
            String rss = Double.isNaN(slope.rssBytes()) ? "" : " (" + Figures.count(slope.rssBytes()) + " resident)";
            parts.add(Figures.count(slope.heapBytes()) + " bytes of heap" + rss + " on " + slope.engine());
        }
        return parts.isEmpty() ? null : "An idle connection costs " + String.join(", ", parts) + ".";
    }
}
