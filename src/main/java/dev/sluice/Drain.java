package dev.sluice;

import dev.sluice.internal.Deadlines;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** The end of one group: asks its connections to close, cuts those that have not by the deadline, and keeps account. */
final class Drain {

    private final ConnectionGroup group;
    private final Consumer<Drain> whenDone;
    private final List<DrainReport.Cut> cuts = new ArrayList<>();
    private int open;
    private int connections;
    private long bytesLost;
    private Timer deadline;
    private long deadlineNs;

    Drain(ConnectionGroup group, Consumer<Drain> whenDone) {
        this.group = group;
        this.whenDone = whenDone;
    }

    void begin(Duration timeout) {
        group.forEach(connection -> connections++);
        open = connections;
        if (open == 0) {
            whenDone.accept(this);
            return;
        }
        setDeadline(timeout);
        group.forEach(ReactorConnection::drain);
    }

    /** Only an earlier deadline is a change. */
    void hurry(Duration timeout) {
        if (open > 0 && group.reactor.nowNs() + Deadlines.nanos(timeout) - deadlineNs < 0) {
            deadline.cancel();
            setDeadline(timeout);
        }
    }

    private void setDeadline(Duration timeout) {
        deadlineNs = group.reactor.nowNs() + Deadlines.nanos(timeout);
        deadline = group.reactor.schedule(timeout, () -> group.forEach(ReactorConnection::cut));
    }

    void closed(ReactorConnection connection, CloseReason reason) {
        if (reason.unsent() > 0) {
            bytesLost += reason.unsent();
            cuts.add(new DrainReport.Cut(connection.remoteAddress(), reason));
        }
        if (--open == 0) {
            deadline.cancel();
            whenDone.accept(this);
        }
    }

    /** The parts of all groups as one report. */
    static DrainReport report(List<Drain> parts) {
        int connections = 0;
        long bytesLost = 0;
        List<DrainReport.Cut> cuts = new ArrayList<>();
        for (Drain part : parts) {
            connections += part.connections;
            bytesLost += part.bytesLost;
            cuts.addAll(part.cuts);
        }
        return new DrainReport(connections, connections - cuts.size(), cuts.size(), bytesLost, List.copyOf(cuts));
    }
}
