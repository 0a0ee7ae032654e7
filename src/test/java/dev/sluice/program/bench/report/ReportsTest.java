package dev.sluice.program.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.sluice.program.bench.BenchResult;
import dev.sluice.program.bench.Json;
import dev.sluice.program.bench.Measured;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Each report says all that was measured, whatever stands in a name, an error or a command. */
class ReportsTest {

    private static final String NASTY = "a \"quoted\", comma'd | piped </script> error";

    private final BenchResult result = Measured.of(3, List.of(1, 64), "reactor", "threads")
            .cost("reactor", 1, 10).cost("reactor", 64, 10).cost("threads", 1, 8).failed("threads", 64, NASTY)
            .idle("reactor", 800).leftOut("netty", "is not on the class path").result();

    @Test
    void csvHasARowForEachMeasurementAndAllItsColumns() {
        List<String> lines = CsvReport.of(result).lines().toList();
        assertEquals(1 + result.rounds().size(), lines.size());
        int columns = lines.get(0).split(",").length;
        for (String line : lines) {
            assertEquals(columns, line.replaceAll("\"([^\"]|\"\")*\"", "quoted").split(",", -1).length, line);
        }
        assertTrue(lines.stream().anyMatch(line -> line.endsWith("\"a \"\"quoted\"\", comma'd | piped </script> error\"")));
        assertTrue(lines.get(1).startsWith("reactor,false,1,64,1,0.000,0,0,0,false,0.010,1,1.000,50000,0,50000.000,10000.000,"), lines.get(1));
    }

    @Test
    void jsonIsAllThatWasMeasured() {
        JsonObject json = JsonParser.parseString(Json.document("sluice 1", result)).getAsJsonObject();
        assertEquals(1, json.get("schema").getAsInt());
        assertEquals("sluice 1", json.get("tool").getAsString());
        assertEquals(result, Json.read(json.toString(), BenchResult.class));
    }

    @Test
    void markdownTablesAreWhole() {
        String markdown = MarkdownReport.of(result);
        int columns = 0;
        for (String line : markdown.lines().toList()) {
            if (line.startsWith("|")) {
                int here = line.replace("\\|", "").split("\\|", -1).length;
                assertTrue(columns == 0 || columns == here, line);
                columns = here;
            } else {
                columns = 0;
            }
        }
        assertTrue(markdown.contains("| threads | 8.00 µs | 0.80 ["), markdown);
        assertTrue(markdown.contains("failed: " + NASTY.replace("|", "\\|")));
    }

    @Test
    void textSaysWhatTheOthersSay() {
        String text = TextReport.of(result);
        for (String word : List.of("Noise floor (reactor against itself, 6 pairs)", "64 connections, 64 bytes, 1 in flight", "reactor (again)",
                "netty: is not on the class path", "one more idle connection", "800 B", "failed: " + NASTY, "threads, against reactor: 0.80")) {
            assertTrue(text.contains(word), word + " is not in\n" + text);
        }
    }

    @Test
    void htmlStandsAlone() {
        String html = HtmlReport.of(result);
        assertFalse(Pattern.compile("\\{\\{\\w+}}").matcher(html).find(), "every place is filled");
        assertFalse(Pattern.compile("(src|href)\\s*=", Pattern.CASE_INSENSITIVE).matcher(withoutScripts(html)).find(), "nothing is fetched");
        assertEquals(3, html.split("</script>", -1).length - 1, "no script ends early");
        assertTrue(withoutScripts(html).contains("&lt;/script&gt;"));
        for (String table : List.of("<td>threads</td><td>8.00 µs</td><td>0.80 [", "<td>reactor</td><td>800 B</td>", "class=\"verdict\">threads, against")) {
            assertTrue(withoutScripts(html).contains(table), table);
        }
    }

    private static String withoutScripts(String html) {
        return html.replaceAll("(?s)<script.*?</script>", "");
    }

    @Test
    void smokeTestSaysSoEverywhere() {
        BenchResult quick = Measured.of(1, List.of(1), "reactor").cost("reactor", 1, 10).quick().result();
        assertTrue(TextReport.of(quick).contains("smoke test"));
        assertTrue(MarkdownReport.of(quick).contains("smoke test"));
        assertTrue(HtmlReport.of(quick).contains("<h1>Smoke test"));
        assertTrue(Json.document("", quick).contains("\"quick\": true"));
    }

    @Test
    void nothingMeasuredIsAReportToo() {
        BenchResult nothing = Measured.of(3, List.of(1), "reactor", "threads").result();
        assertTrue(TextReport.of(nothing).contains("Noise floor: not measured"));
        assertTrue(HtmlReport.of(nothing).contains("Noise floor: not measured"));
        assertTrue(MarkdownReport.of(nothing).contains("nothing can be said"));
        assertEquals(1, CsvReport.of(nothing).lines().count());
    }
}
