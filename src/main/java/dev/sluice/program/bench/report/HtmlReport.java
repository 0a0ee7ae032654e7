package dev.sluice.program.bench.report;

import dev.sluice.program.bench.BenchResult;
import dev.sluice.program.bench.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A comparison as one HTML file that needs nothing else: style, data and the script for charts (Chart.js) are in it. Verdict and tables
 * can be read without scripts.
 */
public final class HtmlReport {

    private static final Pattern PLACE = Pattern.compile("\\{\\{(\\w+)}}");
    private static final String CHART_JS = "/META-INF/resources/webjars/chart.js/%s/dist/chart.umd.min.js";

    private HtmlReport() {}

    /**
     * Lays out a comparison.
     *
     * @param result the measurements
     * @return HTML
     */
    public static String of(BenchResult result) {
        Summary summary = new Summary(result);
        ChartData charts = ChartData.of(summary);
        Map<String, String> places = Map.ofEntries(
                Map.entry("title", escape(title(result))),
                Map.entry("style", resource("report.css")),
                Map.entry("verdict", summary.verdict().stream()
                        .map(sentence -> "<p class=\"verdict\">" + escape(sentence) + "</p>")
                        .collect(Collectors.joining("\n"))),
                Map.entry("noise", escape(summary.noise())),
                Map.entry("environment", "<table class=\"environment\">\n" + rows(summary.environment()) + "</table>"),
                Map.entry("tables", tables(summary.cells()) + tables(summary.idle())),
                Map.entry("charts", figures(charts)),
                Map.entry("method", summary.method().stream().map(line -> "<p>" + escape(line) + "</p>").collect(Collectors.joining("\n"))),
                Map.entry("command", escape(result.command())),
                Map.entry("data", inScript(Json.line(charts))),
                Map.entry("chartjs", inScript(chartJs())),
                Map.entry("script", resource("report.js")));
        return PLACE.matcher(resource("report.html")).replaceAll(place -> Matcher.quoteReplacement(places.get(place.group(1))));
    }

    private static String title(BenchResult result) {
        return (result.plan().quick() ? "Smoke test: w" : "W") + "hich engine suits an echo?";
    }

    // ---- tables -------------------------------------------------------------------------------------------------------

    private static String tables(List<Summary.Table> tables) {
        StringBuilder html = new StringBuilder();
        for (Summary.Table table : tables) {
            html.append("<h3>").append(escape(table.title())).append("</h3>\n<div class=\"scroll\"><table>\n<tr>");
            table.head().forEach(cell -> html.append("<th>").append(escape(cell)).append("</th>"));
            html.append("</tr>\n").append(rows(table.rows())).append("</table></div>\n");
        }
        return html.toString();
    }

    private static String rows(List<List<String>> rows) {
        return rows.stream()
                .map(row -> row.stream().map(cell -> "<td>" + escape(cell) + "</td>").collect(Collectors.joining("", "<tr>", "</tr>\n")))
                .collect(Collectors.joining());
    }

    // ---- charts -------------------------------------------------------------------------------------------------------

    private static String figures(ChartData charts) {
        StringBuilder html = new StringBuilder();
        for (int g = 0; g < charts.groups().size(); g++) {
            ChartData.Group group = charts.groups().get(g);
            html.append("<h3>").append(escape(group.title())).append("</h3>\n<div class=\"grid\">\n");
            figure(html, "ratio-" + g, "CPU for a request, against " + charts.first(),
                    "Bars are medians, whiskers 95 % intervals; the grey band is what two measurements of the same engine differ by.");
            figure(html, "dots-" + g, "Every round", "Each dot is the ratio of one round; crosses are the first engine against itself.");
            figure(html, "cpu-" + g, "CPU for a request", "The server's user and system time, by connections.");
            figure(html, "rate-" + g, "Throughput", "Requests a second, by connections.");
            for (int c = 0; c < group.connections().size(); c++) {
                int connections = group.connections().get(c);
                figure(html, "latency-" + g + "-" + c, "Latency, " + connections + (connections == 1 ? " connection" : " connections"), charts.latency());
            }
            html.append("</div>\n");
        }
        if (!charts.idle().isEmpty()) {
            html.append("<h3>Memory</h3>\n<div class=\"grid\">\n");
            figure(html, "idle", "One more idle connection", "The slope over all counts, in bytes; kernel memory is not in it.");
            html.append("</div>\n");
        }
        return html.toString();
    }

    private static void figure(StringBuilder html, String id, String title, String caption) {
        html.append("<figure><figcaption>").append(escape(title)).append("<span>").append(escape(caption)).append("</span></figcaption>");
        html.append("<div class=\"canvas\"><canvas id=\"").append(id).append("\" role=\"img\" aria-label=\"").append(escape(title));
        html.append("\"></canvas></div></figure>\n");
    }

    // ---- text ---------------------------------------------------------------------------------------------------------

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }

    /** Nothing within a script may look like its end. */
    private static String inScript(String text) {
        return text.replace("</", "<\\/");
    }

    private static String chartJs() {
        Properties webjar = new Properties();
        try (InputStream in = HtmlReport.class.getResourceAsStream("chart.properties")) {
            webjar.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return resource(String.format(CHART_JS, webjar.getProperty("version")));
    }

    private static String resource(String name) {
        try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException(name + " is missing");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
