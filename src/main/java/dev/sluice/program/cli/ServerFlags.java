package dev.sluice.program.cli;

import dev.sluice.Listener;
import dev.sluice.ProxyProtocol;
import dev.sluice.ServerOptions;
import dev.sluice.ServerOptions.KeepAlive;
import dev.sluice.internal.DescriptorLimit;
import dev.sluice.program.client.Failure;
import dev.sluice.program.client.Place;
import dev.sluice.program.service.Engine;
import dev.sluice.reactor.ReactorOptions;
import dev.sluice.threads.Threads;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The flags for the options of a server, one for each. {@link Defaults} has their defaults; null leaves an option to the engine. */
final class ServerFlags {

    /** Each platform thread has a stack. */
    private static final int CONNECTIONS_ON_THREADS = 1_000;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--sub-reactors",
            paramLabel = "N",
            converter = Loops.class,
            description = "Loops beside the acceptor's; auto: one for each core. [${DEFAULT-VALUE}]")
    private int subReactors;

    @Option(
            names = "--pool-size",
            paramLabel = "N",
            description = "Threads of engine pool. [" + Engine.POOL_SIZE + "]")
    private Integer poolSize;

    @Option(
            names = "--backlog",
            paramLabel = "N",
            description = "Connections that the kernel holds until they are accepted. [${DEFAULT-VALUE}]")
    private int backlog;

    @Option(
            names = "--max-connections",
            paramLabel = "N",
            description = "A new connection above it is closed at once. [the descriptor limit less a"
                    + " reserve, or what --max-memory has room for; " + CONNECTIONS_ON_THREADS + " on threads at most]")
    private Integer maxConnections;

    @Option(
            names = "--max-connections-per-address",
            paramLabel = "N",
            description = "A new connection above it, from an address or an IPv6 /64 that has so many, is closed at once; 0: no limit."
                    + " [${DEFAULT-VALUE}]")
    private int maxConnectionsPerAddress;

    @Option(
            names = "--proxy-from",
            paramLabel = "CIDR",
            converter = ProxySources.class,
            description = "Proxies, separated by commas: 10.0.0.0/8,fd00::/8; unix for all at a Unix-domain socket. A connection from one"
                    + " begins with a PROXY header, and connections from elsewhere are refused. [none]")
    private ProxyProtocol proxyFrom;

    @Option(
            names = "--proxy-timeout",
            paramLabel = "T",
            converter = DurationText.class,
            description = "How long a PROXY header may take. [${DEFAULT-VALUE}]")
    private Duration proxyTimeout;

    @Option(
            names = "--idle-timeout",
            paramLabel = "T",
            converter = DurationText.class,
            description = "A connection on which no byte moves for so long, and whose answer is not being worked on, is closed; 0: never."
                    + " [${DEFAULT-VALUE}]")
    private Duration idleTimeout;

    @Option(
            names = "--keep-alive",
            paramLabel = "T[,INTERVAL,COUNT]",
            converter = KeepAliveText.class,
            description = "When nothing has come for T, the kernel asks the client every INTERVAL (15s) whether it is there, and gives it up"
                    + " after COUNT (4) questions without an answer; 0: never. [${DEFAULT-VALUE}]")
    private KeepAlive keepAlive;

    @Option(
            names = "--write-timeout",
            paramLabel = "T",
            converter = DurationText.class,
            description = "A client that takes no byte for so long, with output waiting, is closed; 0: never."
                    + " [${DEFAULT-VALUE}]")
    private Duration writeTimeout;

    @Option(
            names = "--linger-timeout",
            paramLabel = "T",
            converter = DurationText.class,
            description = "How long a closing connection waits for its peer's end. [${DEFAULT-VALUE}]")
    private Duration lingerTimeout;

    @Option(
            names = "--drain-timeout",
            paramLabel = "T",
            converter = DurationText.class,
            description = "How long connections may take to end after SIGTERM or Ctrl-C. [${DEFAULT-VALUE}]")
    private Duration drainTimeout;

    @Option(
            names = "--drain-quiet",
            paramLabel = "T",
            defaultValue = "200ms",
            converter = DurationText.class,
            description = "While draining, a connection is asked to end once nothing was sent or received on it for so long; 0: at once."
                    + " [${DEFAULT-VALUE}]")
    private Duration drainQuiet;

    @Option(
            names = "--stall-threshold",
            paramLabel = "T",
            converter = DurationText.class,
            description = "A callback or turn that keeps a loop for more than 1.5 times as long is always reported, a shorter one perhaps;"
                    + " 0: never. [${DEFAULT-VALUE}]")
    private Duration stallThreshold;

    @Option(
            names = "--spin",
            paramLabel = "T",
            converter = DurationText.class,
            description = "A loop polls for so long before it blocks. With 50us, one busy client waits half as long, ten wait a fifth less,"
                    + " fifty gain nothing; meanwhile each loop takes a whole core. [${DEFAULT-VALUE}]")
    private Duration spin;

    @Option(
            names = "--high-water",
            paramLabel = "S",
            converter = ByteSize.class,
            description = "Queued output above which a connection is not read. [${DEFAULT-VALUE}]")
    private long highWater;

    @Option(
            names = "--low-water",
            paramLabel = "S",
            converter = ByteSize.class,
            description = "Queued output at which it is read again. [half of --high-water]")
    private Long lowWater;

    @Option(
            names = "--max-pending",
            paramLabel = "S",
            converter = ByteSize.class,
            description = "Queued output of one client above which it is closed. [${DEFAULT-VALUE}]")
    private long maxPending;

    @Option(
            names = "--max-memory",
            paramLabel = "S",
            converter = ByteSize.class,
            description = "What all clients may make the server hold: queued output, unread input, buffers. From three quarters of it,"
                    + " those that hold most are not read; above all of it, they are closed. [a quarter of the maximum heap, or less where direct memory is limited]")
    private Long maxMemory;

    @Option(names = "--max-pending-total", hidden = true)
    private String formerMaxMemory;

    @Option(
            names = "--send-buffer",
            paramLabel = "S",
            converter = ByteSize.class,
            description = "SO_SNDBUF. [the kernel's]")
    private Long sendBuffer;

    @Option(
            names = "--receive-buffer",
            paramLabel = "S",
            converter = ByteSize.class,
            description = "SO_RCVBUF. [the kernel's]")
    private Long receiveBuffer;

    /** The options of a server that reads lines of so many bytes. Throws {@link dev.sluice.InvalidOption} for a value out of range. */
    ReactorOptions options(Engine engine, boolean udp, int maxLine) {
        checkThreads(engine, udp);
        if (formerMaxMemory != null) {
            throw wrong(name("--max-pending-total") + " is now " + name("--max-memory") + ", which bounds all that clients make the server hold");
        }
        if (proxyFrom != null && udp) {
            throw wrong(name("--proxy-from") + " goes with connections, not with datagrams");
        }
        return ReactorOptions.builder()
                .server(server(engine, maxLine))
                .subReactors(subReactors)
                .stallThreshold(stallThreshold)
                .spin(spin)
                .build();
    }

    /** A listener at an address, with a place's settings, or these. Throws {@link dev.sluice.InvalidOption} for a value out of range. */
    Listener listener(SocketAddress address, Place place, boolean replaces) {
        Map<String, String> own = place.settings();
        Listener listener = Listener.at(address).withBacklog(backlog);
        if (place.kind() == Place.Kind.UNIX) {
            listener = listener.withReplace(replaces);
        }
        if (own.containsKey("mode")) {
            listener = listener.withMode(Integer.parseInt(own.get("mode"), 8));
        }
        ProxyProtocol proxy = own.containsKey("proxy-from") ? new ProxySources().convert(own.get("proxy-from")) : proxyFrom;
        Duration timeout = own.containsKey("proxy-timeout") ? new DurationText().convert(own.get("proxy-timeout")) : proxyTimeout;
        return proxy == null ? listener : listener.withProxy(proxy.withTimeout(timeout));
    }

    private ServerOptions server(Engine engine, int maxLine) {
        ServerOptions.Builder builder = ServerOptions.builder()
                .maxConnectionsPerAddress(maxConnectionsPerAddress)
                .idleTimeout(idleTimeout)
                .writeTimeout(writeTimeout)
                .keepAlive(keepAlive.idle(), keepAlive.interval(), keepAlive.count())
                .lingerTimeout(lingerTimeout)
                .drainTimeout(drainTimeout)
                .highWater(bytes("--high-water", highWater))
                .maxPending(bytes("--max-pending", maxPending))
                .maxRemainder(Math.max(ServerOptions.defaults().maxRemainder(), 2 * maxLine));
        if (lowWater != null) {
            builder.lowWater(bytes("--low-water", lowWater));
        }
        if (maxMemory != null) {
            builder.maxMemory(maxMemory);
        }
        if (maxConnections != null) {
            builder.maxConnections(maxConnections);
        } else if (engine == Engine.THREADS) {
            builder.maxConnections(Math.min(CONNECTIONS_ON_THREADS, engine.connections(builder.build())));
        }
        if (sendBuffer != null) {
            builder.sendBuffer(bytes("--send-buffer", sendBuffer));
        }
        if (receiveBuffer != null) {
            builder.receiveBuffer(bytes("--receive-buffer", receiveBuffer));
        }
        return builder.build();
    }

    /** Refuses flags about threads that the engine does not have. */
    private void checkThreads(Engine engine, boolean udp) {
        checkLoops("--sub-reactors", subReactors != 0, engine, udp);
        checkLoops("--spin", !spin.isZero(), engine, udp);
        if (poolSize != null && engine != Engine.POOL) {
            throw wrong(name("--pool-size") + " goes with " + name("--engine") + " pool, not " + engine);
        }
        try {
            if (poolSize != null) {
                Threads.pool(poolSize);
            }
        } catch (IllegalArgumentException e) {
            throw wrong(name("--pool-size") + ": " + Failure.reason(e));
        }
    }

    private void checkLoops(String flag, boolean wanted, Engine engine, boolean udp) {
        if (wanted && engine != Engine.REACTOR) {
            throw wrong(name(flag) + " goes with " + name("--engine") + " reactor, not " + engine);
        }
        if (wanted && udp) {
            throw wrong(name(flag) + " goes with streams, not " + name("--udp"));
        }
    }

    private String name(String flag) {
        return Environment.name(spec, flag);
    }

    private ParameterException wrong(String complaint) {
        return new ParameterException(spec.commandLine(), complaint);
    }

    /** How long a connection is to be quiet before a drain asks it to leave. */
    Duration drainQuiet() {
        return drainQuiet;
    }

    int poolSize() {
        return poolSize == null ? Engine.POOL_SIZE : poolSize;
    }

    /** A warning about options that work but cannot be reached, or null. */
    static String warning(ServerOptions options) {
        int fit = DescriptorLimit.connections(Integer.MAX_VALUE);
        return options.maxConnections() <= fit
                ? null
                : "--max-connections " + options.maxConnections() + " is more than the descriptor limit allows, which is " + fit;
    }

    private int bytes(String flag, long size) {
        if (size > Integer.MAX_VALUE) {
            throw wrong(name(flag) + " must be at most 1GiB, was " + size);
        }
        return (int) size;
    }
}
