package dev.sluice.program.cli;

import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramOptions;
import dev.sluice.internal.PeerText;
import dev.sluice.program.client.Failure;
import dev.sluice.program.client.HostPort;
import dev.sluice.program.client.Place;
import dev.sluice.program.service.Engine;
import dev.sluice.program.service.Service;
import dev.sluice.program.service.Services;
import dev.sluice.program.service.Settings;
import dev.sluice.reactor.ReactorOptions;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine;

/** {@code sluice serve}: a service on a port, until a signal drains it. */
@Command(
        name = "serve",
        description = "Serves a service on TCP and UDP ports and Unix-domain sockets until SIGTERM or Ctrl-C.",
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
            names = "--listen",
            paramLabel = "PLACE",
            description = "Where to listen, instead of --bind and --port: tcp://HOST:PORT, udp://HOST:PORT, unix:PATH; with settings of"
                    + " its own behind a question mark, mode=0660, proxy-from=CIDR and proxy-timeout=T, joined by &; may be repeated. [none]")
    private List<String> listen = new ArrayList<>();

    @Option(
            names = "--replace",
            defaultValue = "false",
            description = "Take the place of a server that listens on the same Unix-domain socket. [${DEFAULT-VALUE}]")
    private boolean replace;

    @Option(
            names = "--port-file",
            paramLabel = "PATH",
            converter = FilePath.class,
            description = "The first port, or an empty line, is written here, atomically, once the server is ready; removed at its end. [none]")
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

    /** A place with its address, which is known once its host is resolved, and with its listener, unless it is for datagrams. */
    private record Door(Place place, SocketAddress address, Listener listener) {}

    @Override
    public Integer call() throws Exception {
        List<Place> places = places();
        boolean someUdp = places.stream().anyMatch(ServeCommand::isUdp);
        serviceFlags.check(service, someUdp ? udp ? name("--udp") : name("--listen") + " udp:" : null, portFile);
        serviceFlags.keepNamesBriefly();
        ReactorOptions options = flags.options(engine, places.stream().allMatch(ServeCommand::isUdp), serviceFlags.maxLine());
        HeadStart.await();
        Logging.level(logLevel != null ? logLevel : quiet ? LogLevel.WARN : LogLevel.INFO);
        environment.ignored(spec).forEach(LoggerFactory.getLogger(ServeCommand.class)::debug);
        try (PortFile told = PortFile.claim(portFile, firstWithPort(places))) {
            return serve(places, options, told);
        }
    }

    /** Where to listen. A flag goes before the environment, which may name several places at once. */
    private List<Place> places() {
        boolean isShort = isGiven("--bind") || isGiven("--port");
        boolean isVariable = !isGiven("--listen");
        if (isShort && isVariable) {
            listen = List.of();
        }
        if (listen.isEmpty()) {
            return List.of(new Place(udp ? Place.Kind.UDP : Place.Kind.TCP, new HostPort(bind, port), null, Map.of()));
        } else if (isShort || udp) {
            throw wrong(name("--listen") + " takes the place of --bind, --port and --udp: write tcp://HOST:PORT or udp://HOST:PORT");
        }
        List<Place> places = new ArrayList<>();
        for (String text : listen) {
            for (String each : isVariable ? text.strip().split("\\s+") : new String[] {text}) {
                try {
                    places.add(new PlaceText().convert(each));
                } catch (TypeConversionException e) {
                    throw wrong(name("--listen") + " " + e.getMessage());
                }
            }
        }
        return places;
    }

    /** The first of all if none has one. */
    private static Place firstWithPort(List<Place> places) {
        for (Place place : places) {
            if (place.port() != null) {
                return place;
            }
        }
        return places.get(0);
    }

    private boolean isGiven(String flag) {
        return spec.commandLine().getParseResult().hasMatchedOption(flag);
    }

    private static boolean isUdp(Place place) {
        return place.kind() == Place.Kind.UDP;
    }

    private String name(String flag) {
        return Environment.name(spec, flag);
    }

    private ParameterException wrong(String complaint) {
        return new ParameterException(spec.commandLine(), complaint);
    }

    private int serve(List<Place> places, ReactorOptions options, PortFile told) throws Exception {
        List<Door> doors = new ArrayList<>();
        for (Place place : places) {
            SocketAddress address = HostAddress.of(place, listen.isEmpty() ? "--bind" : "--listen");
            doors.add(new Door(place, address, isUdp(place) ? null : flags.listener(address, place, replace)));
        }
        Settings settings = serviceFlags.settings();
        Banner banner = new Banner(quiet);
        banner.warn(ServerFlags.warning(options.server()));
        Thread rehearsal = new Thread(ServeCommand::rehearse, "sluice-rehearsal");
        rehearsal.start();
        try (Service served = open(settings); Serving serving = new Serving()) {
            List<SocketAddress> bound = listen(doors, options, served, serving);
            Future<?> end = serving.end();
            StopSignals.onFirst(
                    () -> stop(() -> serving.drain(flags.drainQuiet(), options.server().drainTimeout()), end, options.server()), Main::halt);
            rehearsal.join(); // before the port is announced: clients could use up the descriptors that the first warning needs
            told.write(firstPort(bound));
            boolean connects = serving.server() != null;
            banner.ready(
                    service, engine, connects ? engine.threads(options, flags.poolSize()) : engine.datagramThreads(flags.poolSize()),
                    text(doors, bound), isOpen(doors) ? null : listen.isEmpty() ? "--bind 0.0.0.0" : "--listen tcp://0.0.0.0:PORT",
                    connects ? engine.connections(options.server()) : 0);
            ending(end);
            Logging.stop();
            return outcome(serving, banner);
        }
    }

    /** Whether other machines may reach one of the doors. */
    private static boolean isOpen(List<Door> doors) {
        return doors.stream().anyMatch(door -> door.address instanceof InetSocketAddress inet && !inet.getAddress().isLoopbackAddress());
    }

    private static int firstPort(List<SocketAddress> bound) {
        for (SocketAddress each : bound) {
            if (port(each) > 0) {
                return port(each);
            }
        }
        return 0;
    }

    private static int port(SocketAddress address) {
        return address instanceof InetSocketAddress inet ? inet.getPort() : 0;
    }

    /** The doors as they were asked for, with the ports that were taken. */
    private static String text(List<Door> doors, List<SocketAddress> bound) {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < doors.size(); i++) {
            Door door = doors.get(i);
            texts.add(door.address instanceof InetSocketAddress inet
                    ? (isUdp(door.place) ? "udp " : "") + HostAddress.text(inet.getAddress(), port(bound.get(i)))
                    : door.place.toString());
        }
        return String.join(", ", texts);
    }

    /** What may have to be done without descriptors or memory. */
    private static void rehearse() {
        Logging.rehearse();
        LastResort.rehearse();
    }

    private Service open(Settings settings) throws Failure {
        try {
            return service.open(settings);
        } catch (IOException | OutOfMemoryError e) { // record has its memory and its thread from the beginning
            throw new Failure("cannot serve " + service + ": " + Failure.reason(e), e);
        }
    }

    /** Begins to serve at all doors; tells where, in their order. */
    private List<SocketAddress> listen(List<Door> doors, ReactorOptions options, Service served, Serving serving) throws Failure {
        SocketAddress[] bound = new SocketAddress[doors.size()];
        List<Listener> listeners = new ArrayList<>();
        for (int i = 0; i < bound.length; i++) {
            Door door = doors.get(i);
            if (isUdp(door.place)) {
                InetSocketAddress address = (InetSocketAddress) door.address;
                DatagramEndpoint endpoint = begin(address, () -> engine.start(
                        address, datagrams(options.server()), flags.poolSize(), service.datagrams().orElseThrow()),
                        engine.datagramThreads(flags.poolSize()));
                serving.add(endpoint);
                bound[i] = endpoint.address();
            } else {
                listeners.add(door.listener);
            }
        }
        if (!listeners.isEmpty()) {
            Server server = begin(listeners.size() == 1 ? listeners.get(0).address() : null, () -> engine.start(
                    listeners, options, flags.poolSize(), withoutChecks(served.factory())), engine.threads(options, flags.poolSize()));
            serving.add(server);
            Iterator<SocketAddress> addresses = server.addresses().iterator();
            for (int i = 0; i < bound.length; i++) {
                bound[i] = bound[i] == null ? addresses.next() : bound[i];
            }
        }
        return List.of(bound);
    }

    /** A proxy that looks whether the server is there is no client: a room is not told that it has come. */
    private static Handler.Factory withoutChecks(Handler.Factory clients) {
        return connection -> {
            if (connection.proxyHeader().isPresent() && connection.proxyHeader().get().isLocal()) {
                connection.close();
                return (self, in) -> {};
            }
            return clients.create(connection);
        };
    }

    private static DatagramOptions datagrams(ServerOptions options) {
        return DatagramOptions.builder()
                .maxQueued(options.maxPending())
                .sendBuffer(options.sendBuffer())
                .receiveBuffer(options.receiveBuffer())
                .build();
    }

    private interface Opener<T> {
        T open() throws IOException;
    }

    /** Where is null if the failure names it. */
    private <T> T begin(SocketAddress where, Opener<T> opener, String threads) throws Failure {
        try {
            return opener.open();
        } catch (UnsupportedOperationException e) {
            throw new Failure("--engine " + engine + ": " + Failure.reason(e), e);
        } catch (OutOfMemoryError e) { // how Java reports that the limit of threads is reached
            throw new Failure("cannot start " + threads + ": " + Failure.reason(e), e);
        } catch (IOException | RuntimeException e) {
            boolean namesIt = e instanceof BindException && e.getCause() != null;
            String hint = listen.isEmpty() ? " (see --bind and --port)" : " (see --listen)";
            String text = where instanceof InetSocketAddress inet ? HostAddress.text(inet.getAddress(), inet.getPort()) : PeerText.of(where);
            String what = where == null
                    ? Failure.reason(e)
                    : text + ": " + Failure.reason(namesIt ? e.getCause() : e);
            throw new Failure("cannot listen on " + what + hint, e);
        }
    }

    private void stop(Runnable drain, Future<?> end, ServerOptions options) {
        drain.run();
        if (!quiet) {
            Stderr.line("stopping: connections may take " + DurationText.text(options.drainTimeout()) + " to end; a second SIGTERM or Ctrl-C ends at once");
        }
        LastResort.unlessEnded(end, options.drainTimeout().plus(GRACE));
    }

    /** Prints what became of the datagrams and connections, behind all log lines. */
    private static int outcome(Serving serving, Banner banner) throws Failure, InterruptedException {
        for (DatagramEndpoint endpoint : serving.endpoints()) {
            Stderr.lastWords(banner.drained(ending(endpoint.termination())));
        }
        if (serving.server() == null) {
            return Status.DONE;
        }
        DrainReport report = ending(serving.server().termination());
        Stderr.lastWords(banner.drained(report, serving.server().stats()));
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
