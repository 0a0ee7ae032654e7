package dev.sluice.cli;

import ch.qos.logback.classic.Level;
import dev.sluice.DrainReport;
import dev.sluice.ReactorServer;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.cli.Program.Failure;
import dev.sluice.internal.DescriptorLimit;
import dev.sluice.service.Services;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code sluice serve}: a server in the foreground, until SIGTERM or Ctrl-C. */
@Command(
        name = "serve",
        description = "Serves until Ctrl-C or SIGTERM, then lets output leave.",
        showDefaultValues = true,
        sortOptions = false,
        footer = {
            "",
            "Services: upper    every byte back, a-z made A-Z",
            "          echo     every byte back",
            "          discard  read all, send nothing",
            "",
            "Durations have a unit (500ms, 5s, 5m; 0 = never), sizes may (64k, 1MiB).",
            "Each option may also be set as SLUICE_NAME (SLUICE_HIGH_WATER=128k).",
            "Exit status: 0 stopped, 1 failed, 2 bad usage, 4 connections were cut."
        })
final class ServeCommand implements Callable<Integer> {

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "SERVICE",
            arity = "0..1",
            defaultValue = "upper",
            converter = ServiceName.class,
            completionCandidates = ServiceName.class,
            description = "what to serve")
    private Services service;

    @Option(
            names = {"-b", "--bind"},
            paramLabel = "ADDR",
            defaultValue = "127.0.0.1",
            description = "where to listen; 0.0.0.0 or :: opens it to the network")
    private String bind;

    @Option(
            names = {"-p", "--port"},
            paramLabel = "N",
            defaultValue = "10000",
            converter = Units.Port.class,
            description = "0 takes a free one")
    private int port;

    @Option(
            names = "--port-file",
            paramLabel = "PATH",
            description = "the port is written here once the server is ready")
    private Path portFile;

    @Option(
            names = {"-e", "--engine"},
            paramLabel = "E",
            defaultValue = "reactor",
            description = "what runs the handlers: ${COMPLETION-CANDIDATES}")
    private Engine engine;

    @Option(
            names = "--sub-reactors",
            paramLabel = "N",
            defaultValue = "0",
            converter = Loops.class,
            description = "loops beside the acceptor's; auto = one for each core")
    private int subReactors;

    @Option(names = "--backlog", paramLabel = "N", defaultValue = "1024", description = "connections not accepted yet")
    private int backlog;

    @Option(
            names = "--max-connections",
            paramLabel = "N",
            description = "a newcomer above it is closed at once (default: the descriptor limit less a reserve)")
    private Integer maxConnections;

    @Option(
            names = "--idle-timeout",
            paramLabel = "T",
            defaultValue = "5m",
            converter = Units.Time.class,
            description = "closes a client that neither sends nor takes a byte")
    private Duration idleTimeout;

    @Option(
            names = "--write-timeout",
            paramLabel = "T",
            defaultValue = "30s",
            converter = Units.Time.class,
            description = "closes a client that takes no byte of waiting output")
    private Duration writeTimeout;

    @Option(
            names = "--high-water",
            paramLabel = "S",
            defaultValue = "64KiB",
            converter = Units.Size.class,
            description = "queued output above which a client is not read")
    private long highWater;

    @Option(
            names = "--low-water",
            paramLabel = "S",
            defaultValue = "32KiB",
            converter = Units.Size.class,
            description = "queued output at which it is read again")
    private long lowWater;

    @Option(
            names = "--max-pending",
            paramLabel = "S",
            defaultValue = "8MiB",
            converter = Units.Size.class,
            description = "queued output above which a client is closed")
    private long maxPending;

    @Option(
            names = "--max-pending-total",
            paramLabel = "S",
            converter = Units.Size.class,
            description = "over all clients: from 3/4 of it the longest queues are not read, above it they are closed"
                    + " (default: a quarter of the maximum heap)")
    private Long maxPendingTotal;

    @Option(
            names = "--send-buffer",
            paramLabel = "S",
            converter = Units.Size.class,
            description = "SO_SNDBUF (default: the kernel's)")
    private Long sendBuffer;

    @Option(
            names = "--receive-buffer",
            paramLabel = "S",
            converter = Units.Size.class,
            description = "SO_RCVBUF (default: the kernel's)")
    private Long receiveBuffer;

    @Option(
            names = "--linger-timeout",
            paramLabel = "T",
            defaultValue = "2s",
            converter = Units.Time.class,
            description = "how long a closing connection waits for its peer's end")
    private Duration lingerTimeout;

    @Option(
            names = "--drain-timeout",
            paramLabel = "T",
            defaultValue = "10s",
            converter = Units.Time.class,
            description = "after Ctrl-C or SIGTERM, how long output may take to leave")
    private Duration drainTimeout;

    @Option(
            names = "--log-level",
            paramLabel = "L",
            defaultValue = "info",
            description = "${COMPLETION-CANDIDATES}")
    private LogLevel logLevel;

    @Option(
            names = {"-q", "--quiet"},
            description = "of the banner, only the ready line; of the log, only errors")
    private boolean quiet;

    /** What runs the handlers. */
    enum Engine { reactor }

    /** How much is logged. */
    enum LogLevel { error, warn, info, debug, trace }

    @Override
    public Integer call() throws Exception {
        ServerOptions options = options();
        InetSocketAddress address = new Address(bind, port).resolve();
        try (Logging logging = new Logging(Level.valueOf(quiet ? "error" : logLevel.name()))) {
            Server server = start(address, options);
            Signals.onFirst(() -> server.drain(drainTimeout));
            if (portFile != null) {
                writePortFile(server.address().getPort());
            }
            banner(server.address(), options);
            return drained(server, logging);
        }
    }

    private ServerOptions options() {
        ServerOptions.Builder builder = ServerOptions.builder();
        if (maxConnections != null) {
            builder.maxConnections(maxConnections);
        }
        if (maxPendingTotal != null) {
            builder.maxPendingTotal(maxPendingTotal);
        }
        try {
            return builder.backlog(backlog)
                    .subReactors(subReactors)
                    .idleTimeout(idleTimeout)
                    .writeTimeout(writeTimeout)
                    .lingerTimeout(lingerTimeout)
                    .drainTimeout(drainTimeout)
                    .highWater(whole("--high-water", highWater))
                    .lowWater(whole("--low-water", lowWater))
                    .maxPending(whole("--max-pending", maxPending))
                    .sendBuffer(sendBuffer == null ? 0 : whole("--send-buffer", sendBuffer))
                    .receiveBuffer(receiveBuffer == null ? 0 : whole("--receive-buffer", receiveBuffer))
                    .build();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), asOptions(e.getMessage()));
        }
    }

    private int whole(String option, long bytes) {
        if (bytes > 1 << 30) {
            throw new ParameterException(spec.commandLine(), option + " must be at most 1GiB, was " + bytes);
        }
        return (int) bytes;
    }

    /** The library names its options as Java does: lowWater is --low-water here. */
    private static String asOptions(String message) {
        StringBuilder text = new StringBuilder();
        for (String word : message.split(" ")) {
            boolean isName = word.matches("[a-z]+([A-Z][a-z]+)+|backlog");
            text.append(text.length() == 0 ? "" : " ")
                    .append(isName ? "--" + word.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT) : word);
        }
        return text.toString();
    }

    private Server start(InetSocketAddress address, ServerOptions options) throws Failure {
        try {
            return ReactorServer.start(address, options, service.factory());
        } catch (BindException e) {
            throw new Failure("cannot listen on " + Address.text(address) + ": " + e.getMessage());
        } catch (IOException e) {
            throw new Failure("cannot serve on " + Address.text(address) + ": " + e.getMessage());
        }
    }

    /** Complete, or not there: whoever waits for the file reads a whole number. */
    private void writePortFile(int port) throws Failure {
        try {
            Path file = portFile.toAbsolutePath();
            Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
            Files.writeString(part, port + "\n");
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new Failure("cannot write the port to " + portFile + ": " + e);
        }
    }

    private void banner(InetSocketAddress address, ServerOptions options) {
        StringBuilder text = new StringBuilder();
        if (!quiet) {
            text.append("sluice ").append(name()).append(": ").append(service.description()).append('\n');
            if (address.getAddress().isLoopbackAddress()) {
                text.append("Only this machine can connect; --bind 0.0.0.0 opens the server to the network.\n");
            }
        }
        if (options.maxConnections() > DescriptorLimit.connections(Integer.MAX_VALUE)) {
            text.append("warning: --max-connections ").append(options.maxConnections())
                    .append(" is more than the descriptors allow, ")
                    .append(DescriptorLimit.connections(Integer.MAX_VALUE)).append(" connections\n");
        }
        int loops = 1 + options.subReactors();
        text.append("ready: ").append(name()).append(" on ").append(Address.text(address))
                .append(", engine ").append(engine)
                .append(", ").append(loops).append(loops == 1 ? " loop" : " loops")
                .append(", at most ").append(options.maxConnections()).append(" connections");
        System.err.println(text);
    }

    private String name() {
        return service.name().toLowerCase(Locale.ROOT);
    }

    private static int drained(Server server, Logging logging) throws InterruptedException, Failure {
        try {
            DrainReport report = server.termination().get();
            logging.close(); // the summary is the last line
            System.err.println("drained: " + report.connections() + " connections, " + report.flushed() + " flushed, "
                    + report.cut() + " cut, " + report.bytesLost() + " bytes lost");
            return report.cut() == 0 ? 0 : Program.CUT;
        } catch (ExecutionException e) {
            throw new Failure("the server failed: " + e.getCause());
        }
    }

    /** A service by its name. */
    static final class ServiceName implements ITypeConverter<Services>, Iterable<String> {
        private static final List<String> NAMES = Arrays.stream(Services.values())
                .map(service -> service.name().toLowerCase(Locale.ROOT))
                .toList();

        @Override
        public Services convert(String text) {
            int index = NAMES.indexOf(text);
            if (index < 0) {
                throw new TypeConversionException(
                        "unknown service '" + text + "'; there are " + String.join(", ", NAMES));
            }
            return Services.values()[index];
        }

        @Override
        public Iterator<String> iterator() {
            return NAMES.iterator();
        }
    }

    /** A number, or auto. */
    static final class Loops implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            if (text.equals("auto")) {
                return Runtime.getRuntime().availableProcessors();
            }
            try {
                return Integer.valueOf(text);
            } catch (NumberFormatException e) {
                throw new TypeConversionException("'" + text + "' is neither a number nor auto");
            }
        }
    }
}
