package dev.sluice.program.cli;

import dev.sluice.program.bench.Expect;
import dev.sluice.program.bench.Json;
import dev.sluice.program.bench.Load;
import dev.sluice.program.bench.LoadError;
import dev.sluice.program.bench.LoadPlan;
import dev.sluice.program.bench.LoadResult;
import dev.sluice.program.bench.report.LoadText;
import dev.sluice.program.client.Failure;
import dev.sluice.program.client.Place;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sluice load}: puts a load on a server that already runs. */
@Command(
        name = "load",
        description = "Loads a server that already runs, and checks every byte of every answer.",
        mixinStandardHelpOptions = true,
        versionProvider = Program.Version.class,
        customSynopsis = "sluice load PLACE [options]%n",
        sortOptions = false,
        optionListHeading = "%nOptions, with their defaults:%n",
        footer = {
            "",
            "Without -R, each connection sends its next request when an answer has come",
            "(closed loop). With -R, requests have planned times, and latency counts from",
            "those (open loop); the generator then keeps a core busy.",
            "Durations have a unit (500ms, 5s, 5m), sizes may have one (64k, 1MiB).",
            "Each option has a name in the environment: SLUICE_SIZE for --size.",
            "Exit status: 0 done, 1 failed, or a request or connection did,",
            "or no answer came; 2 bad usage."
        })
final class LoadCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "PLACE",
            converter = PlaceText.ToConnect.class,
            description = "The server: [HOST:]PORT, without a host 127.0.0.1; or tcp://HOST:PORT, unix:PATH.")
    private Place server;

    @Option(names = {"-c", "--connections"}, paramLabel = "N", defaultValue = "64", description = "Connections. [${DEFAULT-VALUE}]")
    private int connections;

    @Option(
            names = {"-s", "--size"},
            paramLabel = "S",
            defaultValue = "64",
            converter = ByteSize.class,
            description = "Bytes of a request. [${DEFAULT-VALUE}]")
    private long size;

    @Option(
            names = {"-P", "--pipeline"},
            paramLabel = "N",
            defaultValue = "1",
            description = "Requests in flight on a connection. [${DEFAULT-VALUE}]")
    private int pipeline;

    @Option(
            names = {"-d", "--duration"},
            paramLabel = "T",
            defaultValue = "10s",
            converter = DurationText.class,
            description = "Measured time. [${DEFAULT-VALUE}]")
    private Duration duration;

    @Option(
            names = {"-w", "--warm-up"},
            paramLabel = "T",
            defaultValue = "3s",
            converter = DurationText.class,
            description = "The same load before that. [${DEFAULT-VALUE}]")
    private Duration warmUp;

    @Option(
            names = {"-R", "--rate"},
            paramLabel = "RATE",
            defaultValue = "0",
            description = "Requests a second over all connections, at planned times; 0: as many as are answered. [${DEFAULT-VALUE}]")
    private double rate;

    @Option(
            names = "--expect",
            paramLabel = "E",
            defaultValue = "echo",
            description = "The expected answers: ${COMPLETION-CANDIDATES}. [${DEFAULT-VALUE}]")
    private Expect expect;

    @Option(
            names = "--server-pid",
            paramLabel = "PID",
            defaultValue = "0",
            description = "The server's process on this machine, to measure its processor time. [none]")
    private long serverPid;

    @Option(names = "--json", paramLabel = "FILE", description = "The result as JSON; - is standard output, and nothing else then. [none]")
    private String json;

    @Override
    public Integer call() throws Exception {
        if (serverPid != 0 && ProcessHandle.of(serverPid).isEmpty()) {
            throw new ParameterException(spec.commandLine(), Environment.name(spec, "--server-pid") + ": there is no process " + serverPid);
        }
        if (server.kind() == Place.Kind.UDP) {
            throw new ParameterException(spec.commandLine(), "load goes with connections, not " + server);
        }
        Logging.warningsOnly();
        Output file = json == null ? null : Output.to(json);
        LoadPlan plan = plan();
        LoadResult result;
        Progress progress = Progress.of("load", warmUp.plus(duration));
        try {
            result = Load.run(plan, stop -> StopSignals.onFirst(stop, Main::halt));
        } catch (IOException e) {
            throw new Failure("cannot load " + server + ": " + Failure.reason(e), e);
        } finally {
            progress.close();
        }
        if (result.errors().getOrDefault(LoadError.CONNECT, 0L) == connections) {
            throw new Failure("cannot connect to " + server + ": " + result.firstCause());
        }
        if (file != null) {
            file.write(Json.document("sluice " + Program.version(), result));
        }
        if (file == null || !file.isStandardOutput()) {
            spec.commandLine().getOut().print(LoadText.of(result));
            spec.commandLine().getOut().flush();
        }
        return result.errorCount() == 0 && !result.isUnanswered() ? Status.DONE : Status.FAILED;
    }

    private LoadPlan plan() throws Failure {
        try {
            return new LoadPlan(
                    server.file() == null ? InetAddress.getByName(server.port().host()).getHostAddress() : server.toString(),
                    server.file() == null ? server.port().port() : 0,
                    connections,
                    (int) Math.min(size, Integer.MAX_VALUE),
                    pipeline,
                    warmUp.toMillis(),
                    duration.toMillis(),
                    rate,
                    expect,
                    serverPid);
        } catch (UnknownHostException e) {
            throw new Failure("cannot connect to " + server + ": no such host", e);
        }
    }
}
