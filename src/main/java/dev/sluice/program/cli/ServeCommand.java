package dev.sluice.program.cli;

import dev.sluice.DrainReport;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramOptions;
import dev.sluice.datagram.DatagramStats;
import dev.sluice.program.client.Failure;
import dev.sluice.program.service.Engine;
import dev.sluice.program.service.Service;
import dev.sluice.program.service.Services;
import dev.sluice.program.service.Settings;
import dev.sluice.reactor.ReactorOptions;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine;

/** {@code sluice serve}: a service on a port, until a signal drains it. */
@Command(
        name = "serve",
        description = "Serves a service on a TCP or UDP port until SIGTERM or Ctrl-C.",
        mixinStandardHelpOptions = true,
        versionProvider = Program.Version.class,
        customSynopsis = "sluice serve [SERVICE] [options]%n",
        sortOptions = false,
        optionListHeading = "%nOptions, with their defaults:%n",
        footer = {
            "",
            "Durations have a unit (500ms, 5s, 5m), sizes may have one (64k, 1MiB).",
            "Each option has a name in the environment: SLUICE_HIGH_WATER for --high-water.",
            "A terminal that closes drains it as SIGTERM does, unless started with nohup.",
            "Exit status: 0 drained, 1 failed, 2 bad usage, 4 connections were cut."
        })
final class ServeCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "SERVICE",
            arity = "0..1",
            defaultValue = "upper",
            description = "The service: ${COMPLETION-CANDIDATES}. [${DEFAULT-VALUE}]")
    private Services service;

    @Option(
            names = {"-b", "--bind"},
            paramLabel = "ADDR",
            defaultValue = "127.0.0.1",
            description = "The address to listen on. [${DEFAULT-VALUE}]")
    private String bind;

    @Option(
            names = {"-p", "--port"},
            paramLabel = "N",
            defaultValue = "10000",
            converter = Port.class,
            description = "The port; 0 takes a free one. [${DEFAULT-VALUE}]")
    private int port;

    @Option(
            names = "--port-file",
            paramLabel = "PATH",
            converter = FilePath.class,
            description = "The port is written here, atomically, once the server is ready; removed at its end. [none]")
    private Path portFile;

    @Option(
            names = "--udp",
            defaultValue = "false",
            description = "Serve datagrams instead of a stream: upper, echo, discard. [${DEFAULT-VALUE}]")
    private boolean udp;

    @Option(
            names = {"-e", "--engine"},
            paramLabel = "E",
            defaultValue = "reactor",
            description = "The engine that runs the service: ${COMPLETION-CANDIDATES}. [${DEFAULT-VALUE}]")
    private Engine engine;

    @Mixin
    private ServerFlags flags;

    @Mixin
    private ServiceFlags serviceFlags;

    @Option(
            names = "--log-level",
            paramLabel = "L",
            description = "${COMPLETION-CANDIDATES}. [info; warn with -q]")
    private LogLevel logLevel;

    @Option(
            names = {"-q", "--quiet"},
            defaultValue = "false",
            description = "No banner but its last line, and no logs below warn. [${DEFAULT-VALUE}]")
    private boolean quiet;

    /** What a server may take beyond its drain timeout, before the process is ended all the same. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    private final Environment environment;

    private ServeCommand(Environment environment) {
        this.environment = environment;
    }

    /** The command, with the list of services at the end of its help. */
    static CommandLine described(Environment environment) {
        CommandLine command = new CommandLine(new ServeCommand(environment));
        CommandSpec spec = command.getCommandSpec();
        List<String> footer = new ArrayList<>(List.of("", "Services:"));
        for (Services each : Services.values()) {
            String name = each.toString();
            footer.add("  " + name + " ".repeat(12 - name.length()) + each.description());
        }
        footer.addAll(List.of(spec.usageMessage().footer()));
        spec.usageMessage().footer(footer.toArray(new String[0]));
        return command;
    }

    @Override
    public Integer call() throws Exception {
        serviceFlags.check(service, udp, portFile);
        serviceFlags.keepNamesBriefly();
        ReactorOptions options = flags.options(engine, udp, serviceFlags.maxLine());
        HeadStart.await();
        Logging.level(logLevel != null ? logLevel : quiet ? LogLevel.WARN : LogLevel.INFO);
        environment.ignored(spec).forEach(LoggerFactory.getLogger(ServeCommand.class)::debug);
        try (PortFile told = PortFile.claim(portFile, port, udp)) {
            return serve(options, told);
        }
    }

    private int serve(ReactorOptions options, PortFile told) throws Exception {
        InetAddress address = HostAddress.resolve(bind, "--bind");
        Listener listener = flags.listener(new InetSocketAddress(address, port));
        Settings settings = serviceFlags.settings();
        Banner banner = new Banner(quiet);
        banner.warn(ServerFlags.warning(options.server()));
        Thread rehearsal = new Thread(ServeCommand::rehearse, "sluice-rehearsal");
        rehearsal.start();
        if (udp) {
            return serveDatagrams(address, options.server(), told, banner, rehearsal);
        }
        try (Service served = open(settings); Server server = listen(address, listener, options, served)) {
            Future<?> end = server.termination();
            StopSignals.onFirst(
                    () -> stop(() -> server.drain(flags.drainQuiet(), options.server().drainTimeout()), end, options.server()), Main::halt);
            rehearsal.join(); // before the port is announced: clients could use up the descriptors that the first warning needs
            told.write(server.address().getPort());
            banner.ready(service, engine, engine.threads(options, flags.poolSize()), address, server.address().getPort(), options.server());
            return outcome(server, banner);
        }
    }

    /** What may have to be done without descriptors or memory. */
    private static void rehearse() {
        Logging.rehearse();
        LastResort.rehearse();
    }

    private int serveDatagrams(InetAddress address, ServerOptions options, PortFile told, Banner banner, Thread rehearsal) throws Exception {
        DatagramOptions datagrams = DatagramOptions.builder()
                .maxQueued(options.maxPending())
                .sendBuffer(options.sendBuffer())
                .receiveBuffer(options.receiveBuffer())
                .build();
        String threads = engine.datagramThreads(flags.poolSize());
        DatagramEndpoint endpoint = listen(address, () -> engine.start(
                new InetSocketAddress(address, port), datagrams, flags.poolSize(), service.datagrams().orElseThrow()), threads);
        Future<?> end = endpoint.termination();
        StopSignals.onFirst(() -> stop(() -> endpoint.drain(options.drainTimeout()), end, options), Main::halt);
        rehearsal.join();
        told.write(endpoint.address().getPort());
        banner.ready(service, engine, threads, address, endpoint.address().getPort());
        DatagramStats stats = ending(endpoint.termination());
        Logging.stop();
        Stderr.lastWords(banner.drained(stats));
        return Status.DONE;
    }

    private Service open(Settings settings) throws Failure {
        try {
            return service.open(settings);
        } catch (IOException | OutOfMemoryError e) { // record has its memory and its thread from the beginning
            throw new Failure("cannot serve " + service + ": " + Failure.reason(e), e);
        }
    }

    private Server listen(InetAddress address, Listener listener, ReactorOptions options, Service served) throws Failure {
        return listen(address, () -> engine.start(
                listener, options, flags.poolSize(), served.factory()), engine.threads(options, flags.poolSize()));
    }

    private interface Opener<T> {
        T open() throws IOException;
    }

    private <T> T listen(InetAddress address, Opener<T> opener, String threads) throws Failure {
        try {
            return opener.open();
        } catch (UnsupportedOperationException e) {
            throw new Failure("--engine " + engine + ": " + Failure.reason(e), e);
        } catch (OutOfMemoryError e) { // how Java reports that the limit of threads is reached
            throw new Failure("cannot start " + threads + ": " + Failure.reason(e), e);
        } catch (IOException | RuntimeException e) {
            String where = HostAddress.text(address, port);
            Throwable why = e instanceof BindException && e.getCause() != null ? e.getCause() : e; // which names no address
            throw new Failure("cannot listen on " + where + ": " + Failure.reason(why) + " (see --bind and --port)", e);
        }
    }

    private void stop(Runnable drain, Future<?> end, ServerOptions options) {
        drain.run();
        if (!quiet) {
            Stderr.line("stopping: connections may take " + DurationText.text(options.drainTimeout()) + " to end; a second SIGTERM or Ctrl-C ends at once");
        }
        LastResort.unlessEnded(end, options.drainTimeout().plus(GRACE));
    }

    /** Waits for the end of the server, and prints what became of its connections behind all log lines. */
    private static int outcome(Server server, Banner banner) throws Failure, InterruptedException {
        DrainReport report = ending(server.termination());
        Logging.stop();
        Stderr.lastWords(banner.drained(report, server.stats()));
        return report.cut() == 0 ? Status.DONE : Status.CUT;
    }

    private static <T> T ending(Future<T> termination) throws Failure, InterruptedException {
        try {
            return termination.get();
        } catch (ExecutionException e) {
            Logging.stop();
            throw new Failure("the server failed: " + Failure.reason(e.getCause()), e.getCause());
        }
    }
}
