package dev.sluice.program.bench.report;

import dev.sluice.program.bench.BenchResult;
import java.util.Collections;
import java.util.List;

/** A comparison for a README. */
public final class MarkdownReport {

    private MarkdownReport() {}

    /**
     * Lays out a comparison.
     *
     * @param result the measurements
     * @return Markdown
     */
    public static String of(BenchResult result) {
        Summary summary = new Summary(result);
        StringBuilder text = new StringBuilder();
        summary.verdict().forEach(sentence -> text.append("- ").append(sentence).append('\n'));
        text.append('\n').append(summary.noise()).append('\n');
        for (Summary.Table table : summary.cells()) {
            table(text, table);
        }
        for (Summary.Table table : summary.idle()) {
            table(text, table);
        }
        table(text, new Summary.Table("where and how", List.of("", ""), summary.environment()));
        text.append('\n');
        summary.method().forEach(line -> text.append(line).append("\n\n"));
        return text.toString().stripTrailing() + "\n";
    }

    private static void table(StringBuilder text, Summary.Table table) {
        text.append("\n**").append(table.title()).append("**\n\n");
        row(text, table.head());
        row(text, Collections.nCopies(table.head().size(), "---"));
        table.rows().forEach(row -> row(text, row));
    }

    private static void row(StringBuilder text, List<String> cells) {
        text.append('|');
        cells.forEach(cell -> text.append(' ').append(cell.replace("|", "\\|")).append(" |"));
        text.append('\n');
    }
}
