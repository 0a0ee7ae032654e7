package dev.sluice.cli;

import dev.sluice.DrainReport;
import dev.sluice.ServerOptions;
import dev.sluice.service.Services;
import java.net.InetAddress;

/** What {@code serve} says on standard error when it starts and when it stops; scripts rely on the last line of both. */
final class Banner {

    private static final int CUTS_SHOWN = 10;

    private final boolean quiet;

    Banner(boolean quiet) {
        this.quiet = quiet;
    }

    void warn(String warning) {
        if (warning != null) {
            Stderr.line("warning: " + warning);
        }
    }

    void ready(Services service, Engine engine, String threads, InetAddress address, int port, ServerOptions options) {
        StringBuilder text = new StringBuilder();
        if (!quiet) {
            text.append("sluice ").append(Program.version()).append(" on Java ").append(System.getProperty("java.version"));
            text.append(", process ").append(ProcessHandle.current().pid()).append('\n');
            if (address.isLoopbackAddress()) {
                text.append("only this machine can connect: --bind 0.0.0.0 opens it to the network\n");
            }
        }
        text.append("ready: ").append(Choice.word(service)).append(" on ").append(BindAddress.text(address, port));
        text.append(", engine ").append(Choice.word(engine)).append(", ").append(threads);
        text.append(", at most ").append(options.maxConnections()).append(" connections");
        Stderr.line(text.toString());
    }

    static String drained(DrainReport report) {
        StringBuilder text = new StringBuilder();
        int shown = 0;
        for (DrainReport.Cut cut : report.cuts()) {
            if (shown++ == CUTS_SHOWN) {
                text.append("cut: ").append(report.cuts().size() - CUTS_SHOWN).append(" more\n");
                break;
            }
            text.append("cut: ").append(cut.remote()).append(", ").append(cut.reason().unsent()).append(" bytes lost\n");
        }
        text.append("drained: ").append(report.connections()).append(" connections, ").append(report.flushed());
        text.append(" flushed, ").append(report.cut()).append(" cut, ").append(report.bytesLost()).append(" bytes lost");
        return text.toString();
    }
}
