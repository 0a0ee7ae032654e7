package dev.sluice.program.cli;

import dev.sluice.program.bench.Bench;
import dev.sluice.program.bench.BenchPlan;
import dev.sluice.program.bench.BenchResult;
import dev.sluice.program.bench.Cell;
import dev.sluice.program.bench.JavaHome;
import dev.sluice.program.bench.Json;
import dev.sluice.program.bench.Limit;
import dev.sluice.program.bench.report.CsvReport;
import dev.sluice.program.bench.report.HtmlReport;
import dev.sluice.program.bench.report.MarkdownReport;
import dev.sluice.program.bench.report.TextReport;
import dev.sluice.program.client.Failure;
import java.io.PrintWriter;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sluice bench}: compares engines and says which suits. */
@Command(
        name = "bench",
        description = "Compares engines on the same handler, each in processes of its own, and says which suits.",
        mixinStandardHelpOptions = true,
        versionProvider = Program.Version.class,
        customSynopsis = "sluice bench [options]%n",
        sortOptions = false,
        optionListHeading = "%nOptions, with their defaults:%n",
        footer = {
            "",
            "Lists multiply out; the first engine is the one that others are compared with.",
            "An engine that cannot run is named with the reason and left out. Netty is on",
            "the class path with Maven's profile bench alone. Ctrl-C reports what is done.",
            "Durations have a unit (500ms, 5s, 5m), sizes may have one (64k, 1MiB).",
            "Each option has a name in the environment: SLUICE_ROUNDS for --rounds.",
            "Exit status: 0 done, 1 failed at run time, 2 bad usage, 3 --fail-below missed."
        })
final class BenchCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchFlags flags;

    @Option(names = "--plan", defaultValue = "false", description = "Shows the cells and how long they take, and ends. [${DEFAULT-VALUE}]")
    private boolean planOnly;

    @Option(names = "--json", paramLabel = "FILE", description = "All that was measured, raw; - is standard output. [none]")
    private String json;

    @Option(names = "--csv", paramLabel = "FILE", description = "A row for each measurement. [none]")
    private String csv;

    @Option(names = "--markdown", paramLabel = "FILE", description = "Tables for a README. [none]")
    private String markdown;

    @Option(names = "--html", paramLabel = "FILE", description = "One file with tables and charts. [none]")
    private String html;

    @Option(
            names = "--fail-below",
            paramLabel = "RATIO",
            description = "Exit status 3 if the first engine surely makes fewer than RATIO times the requests/s of another. [none]")
    private Double failBelow;

    @Override
    public Integer call() throws Exception {
        BenchPlan plan = flags.plan();
        JavaHome java = flags.java();
        if (planOnly) {
            show(plan, java);
            return Status.DONE;
        }
        Logging.warningsOnly();
        Map<String, Output> files = files();
        Measuring measuring = Measuring.of(plan);
        Bench bench = new Bench(plan, java, measuring);
        StopSignals.onFirst(bench::stop, Main::halt);
        BenchResult result;
        try {
            result = bench.run(ZonedDateTime.now().truncatedTo(ChronoUnit.SECONDS).format(DateTimeFormatter.ISO_OFFSET_DATE_TIME), command());
        } finally {
            measuring.close();
        }
        if (result.plan().engines().isEmpty()) {
            throw new Failure("no engine could be measured: " + result.leftOut());
        }
        report(result, files);
        return missed(result) ? Status.MISSED : Status.DONE;
    }

    // ---- what is reported ---------------------------------------------------------------------------------------------

    private String command() {
        List<String> arguments = spec.commandLine().getParent().getParseResult().originalArgs();
        return "sluice " + arguments.stream().map(word -> word.matches("[-\\w.,:/=]+") ? word : "'" + word + "'").collect(Collectors.joining(" "));
    }

    private void show(BenchPlan plan, JavaHome java) {
        PrintWriter out = spec.commandLine().getOut();
        for (Cell cell : plan.cells()) {
            out.println(cell + ": " + plan.entries(cell).stream()
                    .map(BenchPlan.Entry::toString)
                    .collect(Collectors.joining(", ")));
        }
        for (int count : plan.idle()) {
            out.println(count + " idle connections: " + plan.engines().stream()
                    .filter(engine -> plan.idle(engine).contains(count))
                    .collect(Collectors.joining(", ")));
        }
        out.println(plan.measurements() + " measurements of " + plan.durationMs() + " ms after " + plan.warmUpMs() + " ms of warm-up, servers on Java "
                + java.version() + ": about " + Measuring.time(plan.estimateMs()));
        out.flush();
    }

    private Map<String, Output> files() throws Failure {
        Map<String, Output> files = new LinkedHashMap<>();
        for (Map.Entry<String, String> asked : asked().entrySet()) {
            Output output = Output.to(asked.getValue());
            if (files.values().stream().anyMatch(output::isSame)) {
                String place = output.isStandardOutput() ? "standard output" : asked.getValue();
                throw new ParameterException(spec.commandLine(), "only one report can go to " + place);
            }
            files.put(asked.getKey(), output);
        }
        return files;
    }

    private Map<String, String> asked() {
        Map<String, String> asked = new LinkedHashMap<>();
        asked.put("json", json);
        asked.put("csv", csv);
        asked.put("markdown", markdown);
        asked.put("html", html);
        asked.values().removeIf(name -> name == null);
        return asked;
    }

    private void report(BenchResult result, Map<String, Output> files) throws Failure {
        if (files.values().stream().noneMatch(Output::isStandardOutput)) {
            spec.commandLine().getOut().print(TextReport.of(result));
            spec.commandLine().getOut().flush();
        }
        for (Map.Entry<String, Output> file : files.entrySet()) {
            file.getValue().write(switch (file.getKey()) {
                case "json" -> Json.document("sluice " + Program.version(), result);
                case "csv" -> CsvReport.of(result);
                case "markdown" -> MarkdownReport.of(result);
                default -> HtmlReport.of(result);
            });
        }
    }

    private boolean missed(BenchResult result) {
        List<String> missed = failBelow == null || result.interrupted() ? List.of() : Limit.missed(result, failBelow);
        missed.forEach(line -> Stderr.line("missed: " + line));
        return !missed.isEmpty();
    }
}
