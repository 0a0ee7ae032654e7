package dev.sluice.program.cli;

import dev.sluice.program.client.BrokenOutput;
import dev.sluice.program.client.Connecting;
import dev.sluice.program.client.Conversation;
import dev.sluice.program.client.Datagrams;
import dev.sluice.program.client.Exchange;
import dev.sluice.program.client.Failure;
import dev.sluice.program.client.Pipe;
import dev.sluice.program.client.Place;
import dev.sluice.program.client.Terminals;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code sluice client}: one connection, driven by a person, a pipe, or {@code --send}. */
@Command(
        name = "client",
        description = "Connects to a server: a prompt on a terminal, else standard input to the peer and its"
                + " answers to standard output.",
        mixinStandardHelpOptions = true,
        versionProvider = Program.Version.class,
        customSynopsis = "sluice client PLACE [options]%n",
        sortOptions = false,
        optionListHeading = "%nOptions, with their defaults:%n",
        footer = {
            "",
            "In a pipe, bytes pass as they are; at the end of input our side is shut down",
            "and the rest is read until the peer closes.",
            "Durations have a unit (500ms, 5s, 5m).",
            "Each option has a name in the environment: SLUICE_WAIT for --wait.",
            "Exit status: 0 done, 1 failed at run time, 2 bad usage."
        })
final class ClientCommand implements Callable<Integer> {

    private static final int SIGINT = 2;

    /** The end of a line that is sent. */
    private enum LineEnd {
        LF("\n"),
        CRLF("\r\n"),
        NONE("");

        private final String text;

        LineEnd(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec
    private CommandSpec spec;

    @Parameters(
            paramLabel = "PLACE",
            converter = PlaceText.ToConnect.class,
            description = "The server: [HOST:]PORT, without a host 127.0.0.1; or tcp://HOST:PORT, udp://HOST:PORT, unix:PATH.")
    private Place peer;

    @Option(
            names = "--udp",
            defaultValue = "false",
            description = "Datagrams, one for each line. [${DEFAULT-VALUE}]")
    private boolean udp;

    @Option(
            names = "--eol",
            paramLabel = "E",
            defaultValue = "lf",
            description = "The end of a line that is typed or sent with --send: ${COMPLETION-CANDIDATES}. [${DEFAULT-VALUE}]")
    private LineEnd eol;

    @Option(
            names = "--send",
            paramLabel = "TEXT",
            description = "Sends a line, prints the answer, and exits; may be repeated. [none]")
    private List<String> send = new ArrayList<>();

    @Option(
            names = "--wait",
            paramLabel = "T",
            defaultValue = "1s",
            converter = DurationText.class,
            description = "With --send: an answer is over when no byte came for so long. With --udp:"
                    + " how long to wait for one more. [${DEFAULT-VALUE}]")
    private Duration wait;

    @Option(
            names = "--connect-timeout",
            paramLabel = "T",
            defaultValue = "5s",
            converter = DurationText.class,
            description = "How long one attempt to connect may take; 0: as long as the system says. [${DEFAULT-VALUE}]")
    private Duration connectTimeout;

    @Option(
            names = "--retry",
            paramLabel = "T",
            defaultValue = "0s",
            converter = DurationText.class,
            description = "Keeps trying to connect for so long. [${DEFAULT-VALUE}]")
    private Duration retry;

    @Override
    public Integer call() throws Exception {
        if (udp && peer.kind() == Place.Kind.UNIX) {
            throw new ParameterException(spec.commandLine(), Environment.name(spec, "--udp") + " goes with a port, not " + peer);
        }
        if (udp || peer.kind() == Place.Kind.UDP) {
            return callWithDatagrams();
        }
        try (SocketChannel channel = Connecting.connect(peer, connectTimeout, retry)) {
            if (!send.isEmpty()) {
                new Exchange(channel).run(send, eol.text, wait);
            } else if (Terminals.interactive()) {
                return new Conversation(channel, peer, eol.text).run() ? Status.DONE : Status.SIGNAL + SIGINT;
            } else {
                new Pipe(channel).run();
            }
            return Status.DONE;
        } catch (BrokenOutput e) {
            return ended(e);
        } catch (IOException e) {
            throw new Failure("connection to " + peer + " lost: " + Failure.reason(e), e);
        }
    }

    private int callWithDatagrams() throws Failure {
        try (Datagrams datagrams = new Datagrams(peer.port(), wait)) {
            if (send.isEmpty()) {
                datagrams.pipe();
            } else {
                datagrams.exchange(send, eol.text);
            }
            return Status.DONE;
        } catch (BrokenOutput e) {
            return ended(e);
        } catch (IOException e) {
            throw new Failure("datagrams to " + peer.port() + ": " + Failure.reason(e), e);
        }
    }

    private static int ended(BrokenOutput e) throws Failure {
        if (e.readerLeft()) {
            return Status.FAILED; // such as head, which has read enough: no message
        }
        throw new Failure("standard output: " + Failure.reason(e.getCause()), e);
    }
}
