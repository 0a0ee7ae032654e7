package dev.sluice.internal;

import dev.sluice.CloseReason;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import java.util.function.IntSupplier;

/** The counters of the connections of one thread, or of many. What counts on the way of each byte has a method of its own here. */
public final class ConnectionCounters {

    private final Counters counters;
    private final Counters closedBy;

    private ConnectionCounters(Counters counters, Counters closedBy) {
        this.counters = counters;
        this.closedBy = closedBy;
    }

    /**
     * Counters that one thread writes.
     *
     * @return at zero
     */
    public static ConnectionCounters confined() {
        return new ConnectionCounters(new Counters(Counter.class), new Counters(CloseReason.Kind.class));
    }

    /**
     * Counters that every thread may write, at the price of a compare-and-set.
     *
     * @return at zero
     */
    public static ConnectionCounters shared() {
        return new ConnectionCounters(Counters.shared(Counter.class), Counters.shared(CloseReason.Kind.class));
    }

    /**
     * Adds to a counter.
     *
     * @param counter which
     * @param amount  how much
     */
    public void add(Counter counter, long amount) {
        counters.add(counter, amount);
    }

    /**
     * A read call has returned.
     *
     * @param bytes that it read; negative for an end
     */
    public void read(int bytes) {
        counters.add(Counter.READS, 1);
        if (bytes > 0) {
            counters.add(Counter.BYTES_READ, bytes);
        }
    }

    /**
     * A write call has returned.
     *
     * @param bytes   that the kernel took
     * @param isShort whether that was less than was offered
     */
    public void wrote(int bytes, boolean isShort) {
        counters.add(Counter.WRITES, 1);
        counters.add(Counter.BYTES_WRITTEN, bytes);
        if (isShort) {
            counters.add(Counter.SHORT_WRITES, 1);
        }
    }

    /**
     * A connection has ended.
     *
     * @param kind why
     */
    public void closed(CloseReason.Kind kind) {
        closedBy.add(kind, 1);
    }

    /**
     * Any thread.
     *
     * @param counter which
     * @return its value
     */
    public long get(Counter counter) {
        return counters.get(counter);
    }

    /**
     * Any thread. Adds all of them to a snapshot.
     *
     * @param stats   the snapshot
     * @param waiting tells how many connections have no thread yet
     */
    public void addTo(ServerStats.Builder stats, IntSupplier waiting) {
        // first: none has closed that was not opened
        closedBy.forEach(CloseReason.Kind.class, (kind, closed) -> stats.addClosed(kind, closed).add(Counter.CLOSED, closed));
        stats.add(Counter.WAITING, waiting.getAsInt());
        counters.forEach(Counter.class, stats::add);
    }
}
