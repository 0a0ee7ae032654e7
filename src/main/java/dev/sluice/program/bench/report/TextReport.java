package dev.sluice.program.bench.report;

import dev.sluice.program.bench.BenchResult;
import java.util.List;

/** A comparison for a terminal. */
public final class TextReport {

    private TextReport() {}

    /**
     * Lays out a comparison.
     *
     * @param result the measurements
     * @return lines
     */
    public static String of(BenchResult result) {
        Summary summary = new Summary(result);
        StringBuilder text = new StringBuilder();
        for (List<String> row : summary.environment()) {
            text.append(String.format("%-15s %s%n", row.get(0), row.get(1)));
        }
        text.append('\n').append(summary.noise()).append('\n');
        for (Summary.Table table : summary.cells()) {
            table(text, table);
        }
        for (Summary.Table table : summary.idle()) {
            table(text, table);
        }
        text.append('\n');
        for (String sentence : summary.verdict()) {
            text.append(sentence).append('\n');
        }
        return text.toString();
    }

    private static void table(StringBuilder text, Summary.Table table) {
        int[] widths = new int[table.head().size()];
        widen(widths, table.head());
        table.rows().forEach(row -> widen(widths, row));
        text.append('\n').append(table.title()).append('\n');
        row(text, widths, table.head());
        table.rows().forEach(row -> row(text, widths, row));
    }

    private static void widen(int[] widths, List<String> row) {
        for (int i = 0; i < widths.length; i++) {
            widths[i] = Math.max(widths[i], row.get(i).length());
        }
    }

    private static void row(StringBuilder text, int[] widths, List<String> row) {
        StringBuilder line = new StringBuilder("  ");
        for (int i = 0; i < widths.length; i++) {
            boolean words = i == 0 || i == widths.length - 1;
            String padding = " ".repeat(widths[i] - row.get(i).length());
            line.append(words ? row.get(i) + padding : padding + row.get(i)).append("  ");
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }
}
