package dev.sluice.program.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.program.service.Engine;
import dev.sluice.program.service.Settings;
import dev.sluice.reactor.ReactorOptions;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Bad usage is answered in two lines, and the help says what it must. */
class UsageTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    /** Fails if anything is printed past the writers that the parser was given. */
    private int run(Map<String, String> environment, String... args) {
        PrintStream systemErr = System.err;
        ByteArrayOutputStream strange = new ByteArrayOutputStream();
        System.setErr(new PrintStream(strange, true));
        try {
            CommandLine line = Program.commandLine(args.length == 0 ? "" : args[0], environment);
            line.setOut(new PrintWriter(out));
            line.setErr(new PrintWriter(err));
            return line.execute(args);
        } finally {
            System.setErr(systemErr);
            assertEquals("", strange.toString());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "\"\"                              | no command: serve, client, load, bench or completion                                            | sluice",
        "serv                            | unknown command 'serv'; did you mean 'serve'?                                      | sluice",
        "frobnicate                      | unknown command 'frobnicate'                                                       | sluice",
        "--bogus                         | unknown option '--bogus'                                                           | sluice",
        "serve --bnd ::1                 | unknown option '--bnd'                                                             | sluice serve",
        "serve --bidn ::1                | unknown option '--bidn'; did you mean '--bind'?                                     | sluice serve",
        "serve --max-pendin 1            | unknown option '--max-pendin'; did you mean '--max-connections' or '--max-connections-per-address' or '--max-pending' or '--max-memory' or '--max-line'? | sluice serve",
        "serve --max-pending-total 1m    | --max-pending-total is now --max-memory, which bounds all that clients make the server hold | sluice serve",
        "serve --higher 1k               | unknown option '--higher'; did you mean '--high-water'?                           | sluice serve",
        "serve --high-watr=1             | unknown option '--high-watr'; did you mean '--high-water'?                         | sluice serve",
        "serve rot13                     | 'rot13' is not one of upper, echo, discard, chat, record, proxy      | sluice serve",
        "serve eco                       | 'eco' is not one of upper, echo, discard, chat, record, proxy | sluice serve",
        "serve echo upper                | unexpected argument 'upper'                                                        | sluice serve",
        "serve -p 70000                  | --port '70000' is not a port: 0 to 65535                                           | sluice serve",
        "serve -p ten                    | --port 'ten' is not a port: 0 to 65535                                             | sluice serve",
        "serve -e netty                  | --engine 'netty' is not one of reactor, threads, pool, virtual       | sluice serve",
        "serve -e threads --sub-reactors 2 | --sub-reactors goes with --engine reactor, not threads                            | sluice serve",
        "serve -e threads --spin 50us    | --spin goes with --engine reactor, not threads                                     | sluice serve",
        "serve --udp --spin 50us         | --spin goes with streams, not --udp                                                | sluice serve",
        "serve --udp --sub-reactors 2    | --sub-reactors goes with streams, not --udp                                        | sluice serve",
        "serve --spin 2s                 | --spin must be between 0 and 1 second, was PT2S                                    | sluice serve",
        "serve --pool-size 4             | --pool-size goes with --engine pool, not reactor                                   | sluice serve",
        "serve -e pool --pool-size 0     | --pool-size: a pool has 1 to 100000 threads, not 0                                 | sluice serve",
        "serve --idle-timeout 5          | --idle-timeout '5' has no unit: 5ms or 5s?                                         | sluice serve",
        "serve --drain-timeout 5x        | --drain-timeout '5x' has an unknown unit: us, ms, s, m, h or d                     | sluice serve",
        "serve --high-water 1k --low-water 2k | --low-water must be at most --high-water (1024), was 2048                    | sluice serve",
        "serve --high-water 1k --spin 2s | --spin must be between 0 and 1 second, was PT2S                                    | sluice serve",
        "serve --max-pending 1k          | --high-water must be at most --max-pending (1024), was 65536                       | sluice serve",
        "serve --high-water lots         | --high-water 'lots' is not a size such as 4096, 64k or 1MiB                        | sluice serve",
        "serve --send-buffer 3GiB        | --send-buffer must be at most 1GiB, was 3221225472                                 | sluice serve",
        "serve --max-connections 0       | --max-connections must be between 1 and 10000000, was 0                            | sluice serve",
        "serve --max-connections-per-address -1 | --max-connections-per-address must be between 0 and 10000000, was -1  | sluice serve",
        "serve --keep-alive 5            | --keep-alive '5' has no unit: 5ms or 5s?                                           | sluice serve",
        "serve --keep-alive 5s,1s        | --keep-alive '5s,1s' is not a duration such as 60s, nor one with interval and count such as 60s,15s,4 | sluice serve",
        "serve --keep-alive 5s,1s,x      | --keep-alive '5s,1s,x' has a count that is not a number                            | sluice serve",
        "serve --keep-alive 10h          | --keep-alive must be after 0, or 1 to 32767 seconds, was '10h'                     | sluice serve",
        "serve --keep-alive 1m,1ms,3     | --keep-alive must be with an interval of 1 to 32767 seconds, was '1m,1ms,3'        | sluice serve",
        "serve --keep-alive 1m,1s,128    | --keep-alive must be with a count of 1 to 127, was '1m,1s,128'                     | sluice serve",
        "serve --frame-timeout 5s        | --frame-timeout goes with chat and record, not upper                               | sluice serve",
        "serve chat --frame-timeout 400d | --frame-timeout must be between 0 and 365 days, was PT9600H                        | sluice serve",
        "serve chat --frame-timeout 5    | --frame-timeout '5' has no unit: 5ms or 5s?                                        | sluice serve",
        "serve --resolve-interval 5s     | --resolve-interval goes with proxy, not upper                                      | sluice serve",
        "serve proxy --to a:1 --resolve-interval 5ms | --resolve-interval must be between 1 second and 365 days, was PT0.005S | sluice serve",
        "serve --sub-reactors many       | --sub-reactors 'many' is neither a number nor auto                                 | sluice serve",
        "serve --quiet=maybe             | --quiet 'maybe' is not true or false                                               | sluice serve",
        "serve --log-level loud          | --log-level 'loud' is not one of error, warn, info, debug, trace       | sluice serve",
        "serve --port                    | missing required parameter for option '--port' (N)                                 | sluice serve",
        "serve @.                        | '@.' is not one of upper, echo, discard, chat, record, proxy         | sluice serve",
        "serve record                    | record needs --file PATH                                                           | sluice serve",
        "serve chat --udp                | --udp goes with upper, echo and discard, not chat                                  | sluice serve",
        "serve proxy                     | proxy needs --to PLACE                                                             | sluice serve",
        "serve --listen 7                | --listen '7' is not a place: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH   | sluice serve",
        "serve --listen tcp://a:1 -p 7   | --listen takes the place of --bind, --port and --udp: write tcp://HOST:PORT or udp://HOST:PORT | sluice serve",
        "serve --listen unix:a --udp     | --listen takes the place of --bind, --port and --udp: write tcp://HOST:PORT or udp://HOST:PORT | sluice serve",
        "serve chat --listen udp://a:1   | --listen udp: goes with upper, echo and discard, not chat                          | sluice serve",
        "serve --listen udp://a:1 --spin 50us | --spin goes with streams, not --udp                                            | sluice serve",
        "serve proxy --to udp://a:1      | --to goes with connections, not udp a:1                                            | sluice serve",
        "client unix:a --udp             | --udp goes with a port, not unix:a                                                 | sluice client",
        "client unix:                    | 'unix:' has no path: write unix:PATH                                                | sluice client",
        "load udp://a:1                  | load goes with connections, not udp a:1                                            | sluice load",
        "serve echo --file x             | --file goes with record, not echo                                                  | sluice serve",
        "serve record --file no/x --port-file no/../no/x | --file and --port-file name the same file: no/x                  | sluice serve",
        "serve echo --to 1:1             | --to goes with proxy, not echo                                                     | sluice serve",
        "serve upper --max-line 5k       | --max-line goes with chat and record, not upper                                    | sluice serve",
        "serve chat --max-line 1g        | --max-line must be between 1 and 536870912, was 1073741824                         | sluice serve",
        "load                            | missing required parameter: 'PLACE'                                                | sluice load",
        "load 1 -d 0s                    | --duration must be between 1ms and 1d, was 0                                       | sluice load",
        "load 1 -c 0                     | --connections must be between 1 and 60000, was 0                                   | sluice load",
        "load 1 -s 1g                    | --size must be between 1 and 67108864, was 1073741824                              | sluice load",
        "load 1 -s 1m -P 100             | --size must be at most 671088 with --pipeline 100, was 1048576                   | sluice load",
        "load 1 -R -1                    | --rate must be between 0 and 1000000000, was -1.0                                  | sluice load",
        "load 1 --expect lower           | --expect 'lower' is not one of echo, upper                           | sluice load",
        "bench -e actor                  | --engines 'actor' is not one of reactor, threads, pool, virtual, and netty with Maven's profile bench | sluice bench",
        "bench -e reactor:x              | --engines 'reactor:x' is not an engine such as reactor or reactor:2                | sluice bench",
        "bench -e threads:3              | --engines 'threads:3' has a number, which threads does not take; reactor and pool do | sluice bench",
        "bench -e virtual:0              | --engines 'virtual:0' has a number, which virtual does not take; reactor and pool do | sluice bench",
        "bench -e reactor,reactor        | --engines names one twice: reactor,reactor                                         | sluice bench",
        "bench -c 0                      | --connections must be between 1 and 60000, was 0                                   | sluice bench",
        "bench -n 0                      | --rounds must be between 1 and 1000, was 0                                         | sluice bench",
        "bench --idle -1                 | --idle must not be negative, was -1                                                | sluice bench",
        "bench --server-java /etc/passwd | --server-java: /etc/passwd is not the java of a JDK or JRE                          | sluice bench",
        "bench --json - --csv -          | only one report can go to standard output                                          | sluice bench",
        "bench -e reactor -c 1 -n 1 -d 1ms -w 0s --json target/x --csv target/../target/x | only one report can go to target/../target/x | sluice bench",
        "client                          | missing required parameter: 'PLACE'                                                | sluice client",
        "client nowhere                  | 'nowhere' is not a port: 1 to 65535                                                | sluice client",
        "client ::1:10000                | '::1:10000' is ambiguous: write [::1]:10000                                        | sluice client",
        "client 1 --eol cr               | --eol 'cr' is not one of lf, crlf, none       | sluice client",
        "client 1 --wait 3               | --wait '3' has no unit: 3ms or 3s?                                                 | sluice client",
        "completion csh                  | 'csh' is not one of bash, zsh, fish               | sluice completion"
    })
    void badUsageIsOneLineAndTheHelps(String arguments, String complaint, String command) {
        String[] args = arguments.isEmpty() ? new String[0] : arguments.split(" ");
        assertEquals(2, run(Map.of(), args));
        assertEquals("sluice: " + complaint + "\nTry '" + command + " --help'.\n", lines(err));
        assertEquals("", out.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\0', value = {
        "serve proxy --to \"a:b       | --to 'b' is not a port: 1 to 65535",
        "serve proxy --to \"a,b:1\"   | --to '\"a' is not a port: 1 to 65535",
        "serve proxy --to \"a:1       | --to '\"a' is not a host",
        "bench -c \"1,64              | --connections '\"1' is not an int",
        "bench -c 1,\"64\"            | --connections '\"64\"' is not an int",
        "bench -s 1,\"                | --size '\"' is not a size such as 4096, 64k or 1MiB",
        "bench -e \"reactor,a\"      | --engines '\"reactor' is not one of reactor, threads, pool, virtual, and netty with Maven's profile bench"
    })
    void aQuoteInAListMeansNothing(String arguments, String complaint) {
        String[] args = arguments.split(" ");
        assertEquals(2, run(Map.of(), args));
        assertEquals("sluice: " + complaint + "\nTry 'sluice " + args[0] + " --help'.\n", lines(err));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--a\nb", "--a\u001b[2Jb=1", "a\rb"})
    void typedTextStaysOnTheLineOfTheComplaint(String argument) {
        assertEquals(2, run(Map.of(), "serve", "echo", argument));
        assertEquals(2, err.toString().chars().filter(Character::isISOControl).count(), err.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "SLUICE_PORT         | abc | serve            | SLUICE_PORT 'abc' is not a port: 0 to 65535",
        "SLUICE_HIGH_WATER   | 1k  | serve --low-water 2k | --low-water must be at most SLUICE_HIGH_WATER (1024), was 2048",
        "SLUICE_HIGH_WATER   | 1k  | serve --spin 2s  | --spin must be between 0 and 1 second, was PT2S",
        "SLUICE_MAX_PENDING  | 1k  | serve            | --high-water must be at most SLUICE_MAX_PENDING (1024), was 65536",
        "SLUICE_PORT         | ${env:PATH} | serve    | SLUICE_PORT '${env:PATH}' is not a port: 0 to 65535",
        "SLUICE_PORT         | ${sys:}     | serve    | SLUICE_PORT '${sys:}' is not a port: 0 to 65535",
        "SLUICE_PORT         | a$${b}$c    | serve    | SLUICE_PORT 'a$${b}$c' is not a port: 0 to 65535",
        "SLUICE_SPIN         | 2s  | serve            | SLUICE_SPIN must be between 0 and 1 second, was PT2S",
        "SLUICE_POOL_SIZE    | 4   | serve -e threads | SLUICE_POOL_SIZE goes with --engine pool, not threads",
        "SLUICE_QUIET        | yes | serve            | SLUICE_QUIET 'yes' is not true or false",
        "SLUICE_UDP          | TRUE | serve chat       | SLUICE_UDP goes with upper, echo and discard, not chat",
        "SLUICE_ENGINE       | pool | serve --spin 1us | --spin goes with SLUICE_ENGINE reactor, not pool",
        "SLUICE_FILE         | x   | serve            | SLUICE_FILE goes with record, not upper",
        "SLUICE_MAX_LINE     | 5k  | serve            | SLUICE_MAX_LINE goes with chat and record, not upper",
        "SLUICE_ENGINES      | x   | bench            | SLUICE_ENGINES 'x' is not one of reactor, threads, pool, virtual, and netty with Maven's profile bench",
        "SLUICE_DURATION     | 0s  | load 1           | SLUICE_DURATION must be between 1ms and 1d, was 0",
        "SLUICE_PIPELINE     | 100 | load 1 -s 1m     | --size must be at most 671088 with SLUICE_PIPELINE 100, was 1048576",
        "SLUICE_WAIT         | 3   | client 1         | SLUICE_WAIT '3' has no unit: 3ms or 3s?",
        "SLUICE_PORT         | abc | serve -p 70000   | --port '70000' is not a port: 0 to 65535",
        "SLUICE_PORT         | abc | serve -p 1 -e x  | --engine 'x' is not one of reactor, threads, pool, virtual"
    })
    void aBadValueFromTheEnvironmentIsNamedWithItsVariable(String name, String value, String args, String complaint) {
        assertEquals(2, run(Map.of(name, value), args.split(" ")));
        assertEquals("sluice: " + complaint, lines(err).lines().findFirst().orElse(""));
    }

    /** Kubernetes says so in every pod beside a Service named sluice, and Docker in a container that is linked to one. */
    @ParameterizedTest
    @ValueSource(strings = {"tcp://10.0.0.1:10000", "tcp://[fd00::1]:10000", "udp://10.0.0.1:53", "sctp://10.0.0.1:7"})
    void variablesOfAClusterAreNoOptions(String link) {
        CommandLine line = Program.commandLine("serve", Map.of(
                "SLUICE_PORT", link,
                "SLUICE_PORT_10000_TCP", link,
                "SLUICE_PORT_10000_TCP_PROTO", "tcp",
                "SLUICE_PORT_10000_TCP_PORT", "10000",
                "SLUICE_PORT_10000_TCP_ADDR", "10.0.0.1",
                "SLUICE_SERVICE_HOST", "10.0.0.1",
                "SLUICE_SERVICE_PORT", "10000",
                "SLUICE_SERVICE_PORT_ECHO", "10000",
                "SLUICE_NAME", "/web/sluice"));
        line.parseArgs("serve");
        CommandSpec serve = line.getSubcommands().get("serve").getCommandSpec();
        for (OptionSpec option : serve.options()) {
            Object unset = option(option.longestName()).getValue();
            Object value = option.getValue();
            assertEquals(unset, value, option.longestName());
        }
    }

    @Test
    void valueThatResemblesAClustersVariableIsBad() {
        for (String value : new String[] {"http://10.0.0.1:10000", "tcp://10.0.0.1", "tcp:10000", "10000/tcp"}) {
            assertEquals(2, run(Map.of("SLUICE_PORT", value), "serve"), value);
        }
        assertEquals(2, run(Map.of(), "serve", "-p", "tcp://10.0.0.1:10000"));
    }

    private static OptionSpec option(String name) {
        CommandLine line = Program.commandLine("serve", Map.of());
        line.parseArgs("serve");
        return line.getSubcommands().get("serve").getCommandSpec().findOption(name);
    }

    @Test
    void aFlagGoesOverTheEnvironmentAndThatOverTheDefault() {
        Map<String, String> environment = Map.of("SLUICE_PORT", "1", "SLUICE_BACKLOG", "7");
        CommandLine line = Program.commandLine("serve", environment);
        line.parseArgs("serve", "-p", "2");
        CommandLine serve = line.getSubcommands().get("serve");
        assertEquals(2, (int) serve.getCommandSpec().findOption("--port").getValue());
        assertEquals(7, (int) serve.getCommandSpec().findOption("--backlog").getValue());
        assertEquals("127.0.0.1", serve.getCommandSpec().findOption("--bind").getValue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "serve", "client", "load", "bench", "completion"})
    void helpFitsEightyColumnsAndShowsEveryDefault(String command) {
        String[] args = command.isEmpty() ? new String[] {"--help"} : new String[] {command, "--help"};
        assertEquals(0, run(Map.of(), args));
        List<String> tooLong = new ArrayList<>();
        out.toString().lines().filter(line -> line.length() > 80).forEach(tooLong::add);
        assertEquals(List.of(), tooLong);
        assertEquals(List.of(), out.toString().lines().filter(line -> line.contains(",......")).toList());
        assertEquals(List.of(), out.toString().lines().filter(line -> line.matches("[a-z]+")).toList(), "a list's line goes on without its indent");
        if (!command.isEmpty()) {
            for (OptionSpec option : Program.commandLine(command, Map.of()).getSubcommands().get(command).getCommandSpec().options()) {
                boolean plain = option.usageHelp() || option.versionHelp() || option.hidden();
                assertTrue(plain || option.description()[0].endsWith("]"), option.longestName() + " shows no default");
            }
        }
    }

    /** The default of an option that the help of a command prints, without its brackets. */
    private String printedDefault(String flag) {
        Matcher block = Pattern.compile("^ .*" + flag + "[= ].*\\R(?: {10}.*\\R)*", Pattern.MULTILINE).matcher(out.toString());
        assertTrue(block.find(), flag);
        Matcher printed = Pattern.compile("\\[([^\\[]*)]\\s*$").matcher(block.group());
        assertTrue(printed.find(), block.group());
        return printed.group(1);
    }

    @Test
    void helpShowsTheDefaultsOfTheLibrary() {
        assertEquals(0, run(Map.of(), "serve", "--help"));
        ReactorOptions reactor = ReactorOptions.builder().build();
        ServerOptions library = reactor.server();
        Map<String, Duration> durations = Map.of(
                "--idle-timeout", library.idleTimeout(),
                "--write-timeout", library.writeTimeout(),
                "--linger-timeout", library.lingerTimeout(),
                "--drain-timeout", library.drainTimeout(),
                "--keep-alive", library.keepAlive().idle(),
                "--frame-timeout", Settings.FRAME_TIMEOUT,
                "--stall-threshold", reactor.stallThreshold(),
                "--spin", reactor.spin());
        Map<String, Integer> numbers = Map.of(
                "--backlog", Listener.at(new InetSocketAddress(0)).backlog(),
                "--sub-reactors", reactor.subReactors(),
                "--pool-size", Engine.POOL_SIZE,
                "--max-connections-per-address", library.maxConnectionsPerAddress(),
                "--high-water", library.highWater(),
                "--max-line", Settings.MAX_LINE);
        durations.forEach((flag, value) -> assertEquals(value, new DurationText().convert(printedDefault(flag)), flag));
        numbers.forEach((flag, value) -> assertEquals(value.longValue(), new ByteSize().convert(printedDefault(flag)), flag));
    }

    @Test
    void theVersionIsOneLine() {
        assertEquals(0, run(Map.of(), "--version"));
        assertTrue(out.toString().matches("sluice [^ ]+ on Java [^ ]+\\R"), out.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh", "fish"})
    void completionKnowsCommandsOptionsAndServices(String shell) {
        assertEquals(0, run(Map.of(), "completion", shell));
        for (String word : new String[] {"serve", "client", "high-water", "connect-timeout", "discard", "crlf"}) {
            assertTrue(out.toString().contains(word), word);
        }
    }

    private static String lines(StringWriter writer) {
        return writer.toString().replace(System.lineSeparator(), "\n");
    }
}
