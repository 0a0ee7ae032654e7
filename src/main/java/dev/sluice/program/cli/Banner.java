package dev.sluice.program.cli;

import dev.sluice.CloseReason;
import dev.sluice.DrainReport;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.datagram.DatagramStats;
import dev.sluice.internal.PeerText;
import dev.sluice.program.service.Engine;
import dev.sluice.program.service.Services;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The lines that {@code serve} prints on standard error when it starts and when it stops. Scripts rely on the last line of each. */
final class Banner {

    /** Connections that are listed as cut. Thousands of clients that read nothing must not fill the log. */
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

    /**
     * Tells that the server is ready.
     *
     * @param where       it listens
     * @param opens       the flag that opens it to the network, or null if it is open
     * @param connections that it serves at once, or 0 if it serves datagrams alone
     */
    void ready(Services service, Engine engine, String threads, String where, String opens, int connections) {
        Stderr.line(beginning(opens) + service + " on " + where + ", engine " + engine + ", " + threads
                + (connections == 0 ? "" : ", at most " + connections + " connections"));
    }

    private String beginning(String opens) {
        StringBuilder text = new StringBuilder();
        if (!quiet) {
            text.append("sluice ").append(Program.version()).append(" on Java ").append(System.getProperty("java.version"));
            text.append(", process ").append(ProcessHandle.current().pid()).append('\n');
            if (opens != null) {
                text.append("only this machine can connect: ").append(opens).append(" opens it to the network\n");
            }
        }
        return text.append("ready: ").toString();
    }

    /** The last lines for datagrams: the counters, and the line that scripts rely on. */
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

    /** The last lines for connections: those that were cut, the counters, and the line that scripts rely on. */
    String drained(DrainReport report, ServerStats stats) {
        StringBuilder text = new StringBuilder();
        List<DrainReport.Cut> shown = report.cuts().subList(0, Math.min(SHOWN, report.cut()));
        for (DrainReport.Cut cut : shown) {
            text.append("cut: ").append(PeerText.of(cut.remote())).append(", ").append(cut.reason().kind());
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
            long refused = stats.get(Counter.REFUSED);
            text.append(refused == 0 ? "" : "refused: " + refused + (refused == 1 ? " connection\n" : " connections\n"));
            String ends = Stream.of(CloseReason.Kind.values())
                    .filter(kind -> stats.closedBy(kind) > 0)
                    .map(kind -> stats.closedBy(kind) + " " + kind)
                    .collect(Collectors.joining(", "));
            text.append(ends.isEmpty() ? "" : "ends: " + ends + "\n");
            text.append("books: ").append(stats.get(Counter.OPENED)).append(" opened = ").append(stats.get(Counter.CLOSED));
            text.append(" closed + ").append(stats.open()).append(" open; ").append(stats.get(Counter.BYTES_ENQUEUED));
            text.append(" bytes enqueued = ").append(stats.get(Counter.BYTES_WRITTEN)).append(" written + ").append(stats.pending());
            text.append(" pending + ").append(stats.get(Counter.BYTES_DISCARDED)).append(" discarded\n");
        }
        text.append("drained: ").append(report.connections()).append(" connections, ").append(report.flushed());
        text.append(" flushed, ").append(report.cut()).append(" cut, ").append(report.bytesLost()).append(" bytes lost");
        return text.toString();
    }
}
