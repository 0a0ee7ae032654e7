package dev.sluice.cli;

import dev.sluice.bench.Bench;
import dev.sluice.bench.BenchPlan;
import dev.sluice.bench.BenchResult;
import dev.sluice.bench.Cell;
import dev.sluice.bench.Contender;
import dev.sluice.bench.EngineSpec;
import dev.sluice.bench.Json;
import dev.sluice.bench.Limit;
import dev.sluice.bench.LoadPlan;
import dev.sluice.bench.Expect;
import dev.sluice.bench.JavaHome;
import dev.sluice.bench.report.CsvReport;
import dev.sluice.bench.report.HtmlReport;
import dev.sluice.bench.report.MarkdownReport;
import dev.sluice.bench.report.TextReport;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code sluice bench}: which engine suits. */
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

    /** Contenders that need something on the class path that is not always there. */
    private static final Set<String> ELSEWHERE = Set.of("netty", "netty-epoll");

    /** The first Java with virtual threads. */
    private static final int VIRTUAL = 21;

    private static final Duration WARM_UP = Duration.ofSeconds(3);
    private static final Duration DURATION = Duration.ofSeconds(5);
    private static final int ROUNDS = 3;
    private static final int REPETITIONS = 2;
    private static final Duration QUICK_WARM_UP = Duration.ofMillis(300);
    private static final Duration QUICK_DURATION = Duration.ofMillis(500);

    @Spec
    private CommandSpec spec;

    @Option(
            names = {"-e", "--engines"},
            paramLabel = "E,...",
            split = ",",
            defaultValue = "reactor,reactor:2,threads,pool,virtual,netty",
            description = "Engines; reactor:2 has two sub-reactors, pool:40 forty workers. [${DEFAULT-VALUE}]")
    private List<String> engines;

    @Option(names = {"-c", "--connections"}, paramLabel = "N,...", split = ",", defaultValue = "1,64,1024", description = "Connections. [${DEFAULT-VALUE}]")
    private List<Integer> connections;

    @Option(
            names = {"-s", "--size"},
            paramLabel = "S,...",
            split = ",",
            defaultValue = "64",
            converter = ByteSize.class,
            description = "Bytes of a request. [${DEFAULT-VALUE}]")
    private List<Long> sizes;

    @Option(
            names = {"-P", "--pipeline"},
            paramLabel = "N,...",
            split = ",",
            defaultValue = "1",
            description = "Requests in flight on a connection. [${DEFAULT-VALUE}]")
    private List<Integer> pipelines;

    @Option(
            names = {"-d", "--duration"},
            paramLabel = "T",
            converter = DurationText.class,
            description = "Measured time. [5s; 500ms with --quick]")
    private Duration duration;

    @Option(
            names = {"-w", "--warm-up"},
            paramLabel = "T",
            converter = DurationText.class,
            description = "The same load before that. [3s; 300ms with --quick]")
    private Duration warmUp;

    @Option(names = {"-n", "--rounds"}, paramLabel = "N", description = "How often everything is measured. [3; 1 with --quick]")
    private Integer rounds;

    @Option(
            names = {"-R", "--rate"},
            paramLabel = "RATE",
            defaultValue = "0",
            description = "Requests a second at planned times, the same for all; 0: as many as are answered. [${DEFAULT-VALUE}]")
    private double rate;

    @Option(
            names = "--idle",
            paramLabel = "N,...",
            split = ",",
            description = "Also the memory of idle connections, from so many each, such as 0,1000,5000,10000. [none]")
    private List<Integer> idle;

    @Option(names = "--quick", defaultValue = "false", description = "A smoke test, under a minute; its figures mean nothing. [${DEFAULT-VALUE}]")
    private boolean quick;

    @Option(names = "--plan", defaultValue = "false", description = "Shows the cells and how long they take, and ends. [${DEFAULT-VALUE}]")
    private boolean planOnly;

    @Option(
            names = "--server-java",
            paramLabel = "PATH",
            converter = FilePath.class,
            description = "The java that servers run on. [this one; if it has no virtual threads and they are asked for, the newest beside it]")
    private Path serverJava;

    @Option(
            names = "--repeat",
            paramLabel = "N",
            description = "How often a measurement is made again that other processes disturbed. [2; 0 with --quick]")
    private Integer repeat;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides the order of engines within rounds. [${DEFAULT-VALUE}]")
    private long seed;

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
        BenchPlan plan = plan();
        JavaHome java = java();
        if (planOnly) {
            show(plan, java);
            return Status.DONE;
        }
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
        report(result, files);
        if (result.rounds().stream().noneMatch(round -> round.isGood()) && !result.interrupted()) {
            throw new Failure("nothing could be measured: " + result.leftOut());
        }
        return missed(result) ? Status.MISSED : Status.DONE;
    }

    // ---- what is asked for --------------------------------------------------------------------------------------------

    private BenchPlan plan() {
        engines.forEach(this::checkEngine);
        if (Set.copyOf(engines).size() < engines.size()) {
            throw wrong("--engines names one twice: " + String.join(",", engines));
        }
        Duration measured = duration != null ? duration : quick ? QUICK_DURATION : DURATION;
        Duration before = warmUp != null ? warmUp : quick ? QUICK_WARM_UP : WARM_UP;
        int times = rounds != null ? rounds : quick ? 1 : ROUNDS;
        if (times < 1 || times > 1000) {
            throw wrong("--rounds must be between 1 and 1000, was " + times);
        }
        BenchPlan plan = new BenchPlan(
                engines,
                connections.stream().sorted().distinct().toList(),
                sizes.stream().map(size -> (int) Math.min(size, Integer.MAX_VALUE)).distinct().toList(),
                pipelines.stream().distinct().toList(),
                before.toMillis(),
                measured.toMillis(),
                times,
                rate,
                idle == null ? List.of() : idle.stream().sorted().distinct().toList(),
                repeat != null ? repeat : quick ? 0 : REPETITIONS,
                quick,
                seed);
        for (Cell cell : plan.cells()) {
            check(cell, plan);
        }
        return plan;
    }

    private void check(Cell cell, BenchPlan plan) {
        try {
            new LoadPlan("", 0, cell.connections(), cell.size(), cell.pipeline(), plan.warmUpMs(), plan.durationMs(), rate, Expect.ECHO, 0);
            for (int count : plan.idle()) {
                if (count < 0) {
                    throw new IllegalArgumentException("idle must not be negative, was " + count);
                }
            }
        } catch (IllegalArgumentException e) {
            throw wrong(LoadCommand.flag(e.getMessage()));
        }
    }

    private void checkEngine(String text) {
        try {
            EngineSpec engine = EngineSpec.parse(text);
            if (Contender.named(engine.name()) == null && !ELSEWHERE.contains(engine.name())) {
                List<String> names = Contender.all().stream().map(Contender::name).toList();
                throw wrong("--engines '" + text + "' is not an engine: there are " + String.join(", ", names)
                        + (names.containsAll(ELSEWHERE) ? "" : ", and netty with Maven's profile bench") + Closest.hint(text, names));
            }
        } catch (IllegalArgumentException e) {
            throw wrong("--engines " + e.getMessage());
        }
    }

    private ParameterException wrong(String complaint) {
        return new ParameterException(spec.commandLine(), complaint);
    }

    private JavaHome java() {
        if (serverJava != null) {
            return JavaHome.at(serverJava).orElseThrow(() -> wrong("--server-java: " + serverJava + " is not the java of a JDK or JRE"));
        }
        boolean virtual = engines.stream().anyMatch(engine -> EngineSpec.parse(engine).name().equals("virtual"));
        return virtual && JavaHome.here().feature() < VIRTUAL ? JavaHome.newestBeside() : JavaHome.here();
    }

    private String command() {
        List<String> arguments = spec.commandLine().getParent().getParseResult().originalArgs();
        return "sluice " + arguments.stream().map(word -> word.matches("[-\\w.,:/=]+") ? word : "'" + word + "'").collect(Collectors.joining(" "));
    }

    private void show(BenchPlan plan, JavaHome java) {
        PrintWriter out = spec.commandLine().getOut();
        for (Cell cell : plan.cells()) {
            out.println(cell + ": " + plan.entries(cell).stream()
                    .map(entry -> entry.engine() + (entry.control() ? " (again)" : ""))
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

    // ---- what is reported ---------------------------------------------------------------------------------------------

    private Map<String, Output> files() throws Failure {
        Map<String, Output> files = new LinkedHashMap<>();
        for (Map.Entry<String, String> asked : asked().entrySet()) {
            files.put(asked.getKey(), Output.to(asked.getValue()));
        }
        if (files.values().stream().filter(Output::isStandardOutput).count() > 1) {
            throw wrong("only one report can go to standard output");
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
        List<String> missed = failBelow == null ? List.of() : Limit.missed(result, failBelow);
        missed.forEach(line -> Stderr.line("missed: " + line));
        return !missed.isEmpty();
    }
}
