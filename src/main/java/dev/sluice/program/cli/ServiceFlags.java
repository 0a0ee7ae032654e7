package dev.sluice.program.cli;

import dev.sluice.InvalidOption;
import dev.sluice.program.client.Failure;
import dev.sluice.program.client.Place;
import dev.sluice.program.service.SendProxy;
import dev.sluice.program.service.Services;
import dev.sluice.program.service.Settings;
import java.net.SocketAddress;
import java.nio.file.Path;
import java.security.Security;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The flags that only some services take. */
final class ServiceFlags {

    /** Half of the largest bound on unread input, so that the longest line fits. */
    private static final int LONGEST_LINE = 1 << 29;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--file",
            paramLabel = "PATH",
            converter = FilePath.class,
            description = "The file that record appends to; its last line has to be whole. While record runs, a note, PATH.recording,"
                    + " lies beside it. [none]")
    private Path file;

    @Option(
            names = "--to",
            paramLabel = "PLACE",
            split = ",",
            converter = PlaceText.ToConnect.class,
            description = "The target of proxy: HOST:PORT, tcp://HOST:PORT or unix:PATH; may be repeated. [none]")
    private List<Place> targets = new ArrayList<>();

    @Option(
            names = "--resolve-interval",
            paramLabel = "T",
            converter = DurationText.class,
            description = "How often proxy looks up the names of its targets again; an answer that does not come changes nothing; 0: never."
                    + " [${DEFAULT-VALUE}]")
    private Duration resolveInterval;

    @Option(
            names = "--send-proxy",
            paramLabel = "V",
            defaultValue = "none",
            description = "Tell the targets of proxy who its clients are, by a PROXY header: ${COMPLETION-CANDIDATES}. [${DEFAULT-VALUE}]")
    private SendProxy sendProxy;

    @Option(
            names = "--max-line",
            paramLabel = "S",
            converter = ByteSize.class,
            description = "Longest line for chat and record. [${DEFAULT-VALUE}]")
    private long maxLine;

    @Option(
            names = "--frame-timeout",
            paramLabel = "T",
            converter = DurationText.class,
            description = "A client of chat or record whose line is not whole so long after its first byte is closed; 0: never."
                    + " [${DEFAULT-VALUE}]")
    private Duration frameTimeout;

    /** Refuses a flag that the service does not take, and a service without the flag that it needs. Datagrams are asked for by a flag, or null. */
    void check(Services service, String datagrams, Path portFile) {
        if (datagrams != null && service.datagrams().isEmpty()) {
            throw wrong(datagrams + " goes with upper, echo and discard, not " + service);
        }
        if (file == null && service == Services.RECORD) {
            throw wrong("record needs --file PATH");
        }
        if (targets.isEmpty() && service == Services.PROXY) {
            throw wrong("proxy needs --to PLACE");
        }
        if (file != null && service != Services.RECORD) {
            throw wrong(name("--file") + " goes with record, not " + service);
        }
        if (file != null && portFile != null && FilePath.isSame(file, portFile)) {
            throw wrong(name("--file") + " and " + name("--port-file") + " name the same file: " + file);
        }
        for (Place target : targets) {
            if (target.kind() == Place.Kind.UDP) {
                throw wrong(name("--to") + " goes with connections, not " + target);
            }
        }
        if (!targets.isEmpty() && service != Services.PROXY) {
            throw wrong(name("--to") + " goes with proxy, not " + service);
        }
        if (!resolveInterval.equals(Settings.RESOLVE_INTERVAL) && service != Services.PROXY) {
            throw wrong(name("--resolve-interval") + " goes with proxy, not " + service);
        }
        if (sendProxy != SendProxy.NONE && service != Services.PROXY) {
            throw wrong(name("--send-proxy") + " goes with proxy, not " + service);
        }
        if (!resolveInterval.isZero()) {
            InvalidOption.within("resolveInterval", resolveInterval, Duration.ofSeconds(1), Duration.ofDays(365));
        }
        if (maxLine != Settings.MAX_LINE && service != Services.CHAT && service != Services.RECORD) {
            throw wrong(name("--max-line") + " goes with chat and record, not " + service);
        }
        if (!frameTimeout.equals(Settings.FRAME_TIMEOUT) && service != Services.CHAT && service != Services.RECORD) {
            throw wrong(name("--frame-timeout") + " goes with chat and record, not " + service);
        }
        InvalidOption.within("frameTimeout", frameTimeout, Duration.ZERO, Duration.ofDays(365));
        if (maxLine < 1 || maxLine > LONGEST_LINE) {
            throw wrong(name("--max-line") + " must be between 1 and " + LONGEST_LINE + ", was " + maxLine);
        }
    }

    /** Before the first look-up: an answer that Java keeps for longer would hide that a target has moved. */
    void keepNamesBriefly() {
        if (!targets.isEmpty() && !resolveInterval.isZero()) { // others start without the classes that this takes
            Security.setProperty("networkaddress.cache.ttl", Long.toString(Math.min(30, resolveInterval.toSeconds() / 2)));
        }
    }

    private String name(String flag) {
        return Environment.name(spec, flag);
    }

    private ParameterException wrong(String complaint) {
        return new ParameterException(spec.commandLine(), complaint);
    }

    int maxLine() {
        return (int) maxLine;
    }

    /** The settings, with the address of each target resolved. */
    Settings settings() throws Failure, InterruptedException {
        List<SocketAddress> addresses = new ArrayList<>();
        for (Place target : targets) {
            addresses.add(HostAddress.of(target, "--to"));
        }
        return new Settings(maxLine(), frameTimeout, file, addresses, resolveInterval, sendProxy);
    }
}
