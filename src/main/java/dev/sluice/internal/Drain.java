package dev.sluice.internal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The end of a set of connections: their owner asks them to leave, those that have not by the deadline are cut, and account
 * is kept. Belongs to its loop's thread.
 *
 * @param <C> how a connection that was cut is told
 */
public final class Drain<C> {

    /** How long after the deadline those who are still there are cut once more: a cut may have found no memory. */
    private static final Duration AGAIN = Duration.ofSeconds(1);

    private final Loop loop;
    private final Runnable cutTheRest;
    private final Runnable whenDone;
    private final List<C> cuts = new ArrayList<>();
    private int open;
    private int connections;
    private int owed;
    private long unread;
    private Runnable cancelDeadline;
    private long deadlineNs;
    private boolean isPast;
    private Flight.Span span;

    /**
     * Makes a drain that has not begun.
     *
     * @param loop       whose timers it uses
     * @param cutTheRest called at the deadline, and again for as long as somebody is left
     * @param whenDone   called once, when the last connection has closed
     */
    public Drain(Loop loop, Runnable cutTheRest, Runnable whenDone) {
        this.loop = loop;
        this.cutTheRest = cutTheRest;
        this.whenDone = whenDone;
    }

    /**
     * Begins. With no connection it is done at once.
     *
     * @param connections how many there are; none comes any more
     * @param timeout     what they have
     */
    public void begin(int connections, Duration timeout) {
        this.connections = connections;
        this.open = connections;
        this.span = Flight.drains(connections);
        if (open == 0) {
            end();
        } else {
            setDeadline(timeout);
        }
    }

    /**
     * Gives the rest less time; more is no change.
     *
     * @param timeout what they have from now on
     */
    public void hurry(Duration timeout) {
        if (open > 0 && loop.nowNs() + Deadlines.nanos(timeout) - deadlineNs < 0) {
            cancelDeadline.run();
            setDeadline(timeout);
        }
    }

    private void setDeadline(Duration timeout) {
        deadlineNs = loop.nowNs() + Deadlines.nanos(timeout);
        cancelDeadline = loop.schedule().after(timeout, this::cut);
    }

    private void cut() {
        isPast = true;
        try {
            cutTheRest.run();
        } finally {
            if (open > 0) {
                cancelDeadline = loop.schedule().after(AGAIN, this::cut);
            }
        }
    }

    /**
     * Whether another may still join.
     *
     * @return false from the deadline on, and once the last connection has closed
     */
    public boolean mayBeJoined() {
        return open > 0 && !isPast;
    }

    /** Another connection is being made, for one of those that are still there. */
    public void joined() {
        connections++;
        open++;
    }

    /**
     * A connection has closed.
     *
     * @param cut what to tell of it if output was left unsent, else null
     */
    public void closed(C cut) {
        if (cut != null) {
            cuts.add(cut);
        }
        if (--open == 0) {
            cancelDeadline.run();
            end();
        }
    }

    /** A connection is cut to which something is owed. */
    public void cutOwing() {
        owed++;
    }

    /**
     * Input has arrived that no handler will take: its connection is asked to leave, or is cut.
     *
     * @param bytes how many
     */
    public void leftUnread(long bytes) {
        unread += bytes;
    }

    private void end() {
        span.end();
        whenDone.run();
    }

    /**
     * How many there were.
     *
     * @return connections at the beginning
     */
    public int connections() {
        return connections;
    }

    /**
     * How many were cut while something was owed to them.
     *
     * @return connections
     */
    public int owed() {
        return owed;
    }

    /**
     * The input that no handler took.
     *
     * @return bytes
     */
    public long unread() {
        return unread;
    }

    /**
     * Those that were cut.
     *
     * @return in the order in which they closed
     */
    public List<C> cuts() {
        return cuts;
    }
}
