package dev.sluice.program.cli;

import dev.sluice.InvalidOption;
import dev.sluice.program.bench.BenchPlan;
import dev.sluice.program.bench.Cell;
import dev.sluice.program.bench.EngineSpec;
import dev.sluice.program.bench.Expect;
import dev.sluice.program.bench.JavaHome;
import dev.sluice.program.bench.LoadPlan;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The flags that say what a comparison consists of: a {@link BenchPlan}, and the Java that servers run on. */
final class BenchFlags {

    /** The first Java with virtual threads. */
    private static final int VIRTUAL = 21;

    private static final String WARM_UP = "3s";
    private static final String DURATION = "5s";
    private static final int ROUNDS = 3;
    private static final int REPETITIONS = 2;
    private static final String QUICK_WARM_UP = "300ms";
    private static final String QUICK_DURATION = "500ms";
    private static final int QUICK_ROUNDS = 1;
    private static final int QUICK_REPETITIONS = 0;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = {"-e", "--engines"},
            paramLabel = "E[,E...]",
            hideParamSyntax = true,
            split = ",",
            defaultValue = "reactor,reactor:2,threads,pool,virtual,netty",
            converter = EngineText.class,
            description = "Engines; reactor:2 has two sub-reactors, pool:40 forty workers. [${DEFAULT-VALUE}]")
    private List<String> engines;

    @Option(
            names = {"-c", "--connections"},
            paramLabel = "N[,N...]",
            hideParamSyntax = true,
            split = ",",
            defaultValue = "1,64,1024",
            description = "Connections. [${DEFAULT-VALUE}]")
    private List<Integer> connections;

    @Option(
            names = {"-s", "--size"},
            paramLabel = "S[,S...]",
            hideParamSyntax = true,
            split = ",",
            defaultValue = "64",
            converter = ByteSize.class,
            description = "Bytes of a request. [${DEFAULT-VALUE}]")
    private List<Long> sizes;

    @Option(
            names = {"-P", "--pipeline"},
            paramLabel = "N[,N...]",
            hideParamSyntax = true,
            split = ",",
            defaultValue = "1",
            description = "Requests in flight on a connection. [${DEFAULT-VALUE}]")
    private List<Integer> pipelines;

    @Option(
            names = {"-d", "--duration"},
            paramLabel = "T",
            converter = DurationText.class,
            description = "Measured time. [" + DURATION + "; " + QUICK_DURATION + " with --quick]")
    private Duration duration;

    @Option(
            names = {"-w", "--warm-up"},
            paramLabel = "T",
            converter = DurationText.class,
            description = "The same load before that. [" + WARM_UP + "; " + QUICK_WARM_UP + " with --quick]")
    private Duration warmUp;

    @Option(
            names = {"-n", "--rounds"},
            paramLabel = "N",
            description = "How often everything is measured. [" + ROUNDS + "; " + QUICK_ROUNDS + " with --quick]")
    private Integer rounds;

    @Option(
            names = {"-R", "--rate"},
            paramLabel = "RATE",
            defaultValue = "0",
            description = "Requests a second at planned times, the same for all; 0: as many as are answered. [${DEFAULT-VALUE}]")
    private double rate;

    @Option(
            names = "--idle",
            paramLabel = "N[,N...]",
            hideParamSyntax = true,
            split = ",",
            description = "Also the memory of idle connections, from so many each, such as 0,1000,5000,10000. [none]")
    private List<Integer> idle;

    @Option(names = "--quick", defaultValue = "false", description = "A smoke test, under a minute; its figures mean nothing. [${DEFAULT-VALUE}]")
    private boolean quick;

    @Option(
            names = "--server-java",
            paramLabel = "PATH",
            converter = FilePath.class,
            description = "The java that servers run on. [this one; if it has no virtual threads and they are asked for, the newest beside it]")
    private Path serverJava;

    @Option(
            names = "--repeat",
            paramLabel = "N",
            description = "How often a measurement is made again that other processes disturbed. [" + REPETITIONS + "; " + QUICK_REPETITIONS
                    + " with --quick]")
    private Integer repeat;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides the order of engines within rounds. [${DEFAULT-VALUE}]")
    private long seed;

    BenchPlan plan() {
        if (Set.copyOf(engines).size() < engines.size()) {
            throw wrong(name("--engines") + " names one twice: " + String.join(",", engines));
        }
        Duration measured = duration != null ? duration : new DurationText().convert(quick ? QUICK_DURATION : DURATION);
        Duration before = warmUp != null ? warmUp : new DurationText().convert(quick ? QUICK_WARM_UP : WARM_UP);
        int times = rounds != null ? rounds : quick ? QUICK_ROUNDS : ROUNDS;
        if (times < 1 || times > 1000) {
            throw new InvalidOption("rounds", "between 1 and 1000", times);
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
                repeat != null ? repeat : quick ? QUICK_REPETITIONS : REPETITIONS,
                quick,
                seed);
        for (Cell cell : plan.cells()) { // each plan of a load checks its values
            new LoadPlan("", 0, cell.connections(), cell.size(), cell.pipeline(), plan.warmUpMs(), plan.durationMs(), rate, Expect.ECHO, 0);
        }
        if (!plan.idle().isEmpty() && plan.idle().get(0) < 0) { // they are sorted
            throw wrong(name("--idle") + " must not be negative, was " + plan.idle().get(0));
        }
        return plan;
    }

    private String name(String flag) {
        return Environment.name(spec, flag);
    }

    private ParameterException wrong(String complaint) {
        return new ParameterException(spec.commandLine(), complaint);
    }

    JavaHome java() {
        if (serverJava != null) {
            return JavaHome.at(serverJava).orElseThrow(() -> wrong(name("--server-java") + ": " + serverJava + " is not the java of a JDK or JRE"));
        }
        boolean virtual = engines.stream().anyMatch(engine -> EngineSpec.parse(engine).name().equals("virtual"));
        return virtual && JavaHome.here().feature() < VIRTUAL ? JavaHome.newestBeside() : JavaHome.here();
    }
}
