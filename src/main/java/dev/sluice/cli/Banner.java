package dev.sluice.cli;

import dev.sluice.DrainReport;
import dev.sluice.ServerOptions;
import dev.sluice.datagram.DatagramStats;
import dev.sluice.ServerStats;
import dev.sluice.service.Engine;
import dev.sluice.service.Services;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What {@code serve} says on standard error when it starts and when it stops; scripts rely on the last line of both. */
final class Banner {

    /** Connections that are named when they were cut: a crowd that reads nothing must not fill the log with its end. */
    private static final int SHOWN = 100;

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
        Stderr.line(beginning(address) + Choice.word(service) + " on " + HostAddress.text(address, port) + ", engine "
                + Choice.word(engine) + ", " + threads + ", at most " + options.maxConnections() + " connections");
    }

    /** With datagrams. */
    void ready(Services service, Engine engine, String threads, InetAddress address, int port) {
        Stderr.line(beginning(address) + Choice.word(service) + " on udp " + HostAddress.text(address, port) + ", engine "
                + Choice.word(engine) + ", " + threads);
    }

    private String beginning(InetAddress address) {
        StringBuilder text = new StringBuilder();
        if (!quiet) {
            text.append("sluice ").append(Program.version()).append(" on Java ").append(System.getProperty("java.version"));
            text.append(", process ").append(ProcessHandle.current().pid()).append('\n');
            if (address.isLoopbackAddress()) {
                text.append("only this machine can connect: --bind 0.0.0.0 opens it to the network\n");
            }
        }
        return text.append("ready: ").toString();
    }

    /** The end of datagrams: the books, and the line that scripts rely on. */
    String drained(DatagramStats end) {
        return (quiet ? "" : books(end)) + "drained: " + end.received() + " datagrams received, " + end.truncated() + " truncated, " + end.sent() + " sent, "
                + end.dropped() + " dropped, " + end.failed() + " failed";
    }

    private static String books(DatagramStats end) {
        long handled = end.received() - end.truncated() - end.fromSelf() - end.handlerFailures();
        return "books: " + end.received() + " received = " + handled + " handled + " + end.truncated() + " truncated + " + end.fromSelf()
                + " from itself + " + end.handlerFailures() + " failed; " + end.offered() + " offered = " + end.sent() + " sent + "
                + end.queued() + " queued + " + end.dropped() + " dropped + " + end.failed() + " failed\n";
    }

    /** The end: what was cut, the books, and the line that scripts rely on. */
    String drained(DrainReport report, ServerStats stats) {
        StringBuilder text = new StringBuilder();
        List<DrainReport.Cut> shown = report.cuts().subList(0, Math.min(SHOWN, report.cut()));
        for (DrainReport.Cut cut : shown) {
            text.append("cut: ").append(cut.remote()).append(", ").append(cut.reason().kind());
            text.append(", ").append(cut.reason().unsent()).append(" bytes lost\n");
        }
        if (report.owed() > 0 || report.bytesUnread() > 0) {
            text.append("unserved: ").append(report.owed()).append(" connections owed an answer, ");
            text.append(report.bytesUnread()).append(" bytes of input unread\n");
        }
        if (shown.size() < report.cut()) {
            text.append("cut: ").append(report.cut() - shown.size()).append(" more\n");
        }
        if (!quiet) {
            ServerStats.Connections connections = stats.connections();
            String ends = connections.closedBy().entrySet().stream()
                    .filter(each -> each.getValue() > 0)
                    .sorted(Map.Entry.comparingByKey())
                    .map(each -> each.getValue() + " " + each.getKey())
                    .collect(Collectors.joining(", "));
            text.append(ends.isEmpty() ? "" : "ends: " + ends + "\n");
            ServerStats.Bytes bytes = stats.bytes();
            text.append("books: ").append(connections.opened()).append(" opened = ").append(connections.closed());
            text.append(" closed + ").append(connections.open()).append(" open; ").append(bytes.enqueued());
            text.append(" bytes enqueued = ").append(bytes.written()).append(" written + ").append(bytes.pending());
            text.append(" pending + ").append(bytes.discarded()).append(" discarded\n");
        }
        text.append("drained: ").append(report.connections()).append(" connections, ").append(report.flushed());
        text.append(" flushed, ").append(report.cut()).append(" cut, ").append(report.bytesLost()).append(" bytes lost");
        return text.toString();
    }
}
