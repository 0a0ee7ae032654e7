package dev.sluice.internal;

import dev.sluice.DrainReport;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The drain of the connections of one loop. Each is asked to leave once it has been quiet for a while, those that are still there at
 * the deadline are cut, and a report is kept. Outbound connections, which others of these connections have made, are asked last.
 * Belongs to its loop's thread.
 *
 * <pre>
 *   begin ──▶ served until quiet ──▶ asked to leave ──▶ closed
 *                  │ half of the time is over             ▲ │ the deadline
 *                  └──▶ asked one after another ──────────┘ └──▶ cut
 * </pre>
 */
public final class Drain {

    /** A connection, or the attempt to make one. Each call comes on the loop's thread, outside of callbacks. */
    public interface Member {
        /**
         * Whether another connection of this server has made it.
         *
         * @return false for one that was accepted
         */
        boolean isOutbound();

        /**
         * When it last did something.
         *
         * @return nanoseconds of the loop's clock
         */
        long activeNs();

        /** Asks it to leave: what has arrived is handled, what is queued leaves, then it closes. */
        void leave();

        /** Ends it now. */
        void cut();
    }

    /** How long after the deadline connections that are still there are cut once more: a cut may have found no memory. */
    private static final Duration AGAIN = Duration.ofSeconds(1);

    /** How often connections that are not quiet yet are looked at, for each time that they are to be quiet. */
    private static final int LOOKS = 8;

    private static final long SHORTEST_LOOK_NS = 1_000_000;

    private final Loop loop;
    private final Consumer<Consumer<Member>> members;
    private final Runnable whenDone;
    private final Set<Member> asked = Collections.newSetFromMap(new IdentityHashMap<>());
    private final List<DrainReport.Cut> cuts = new ArrayList<>();

    /** Connections that were not quiet when half of the time was over. */
    private final ArrayDeque<Member> restless = new ArrayDeque<>();

    private int connections;
    private int owed;
    private long unread;
    private int open;
    private int outbound;
    private long quietNs;
    private long beganNs;
    private long deadlineNs;
    private boolean isPast;
    private int atHalfTime = -1;
    private Runnable cancelDeadline = () -> {};
    private Runnable cancelLook = () -> {};
    private JfrEvents.Span span = JfrEvents.Span.NONE;

    /**
     * Makes a drain that has not begun.
     *
     * @param loop     whose timers it uses
     * @param members  shows every connection that is there; one that ends meanwhile may still be shown
     * @param whenDone called once, when the last connection has closed
     */
    public Drain(Loop loop, Consumer<Consumer<Member>> members, Runnable whenDone) {
        this.loop = loop;
        this.members = members;
        this.whenDone = whenDone;
    }

    /**
     * Begins. Without a connection it is done at once.
     *
     * @param connections how many there are
     * @param outbound    how many of them are outbound
     * @param quiet       how long a connection is to be quiet before it is asked to leave; zero asks all of them at once
     * @param timeout     what they have until they are cut
     */
    public void begin(int connections, int outbound, Duration quiet, Duration timeout) {
        this.connections = connections;
        this.open = connections;
        this.outbound = outbound;
        span = JfrEvents.drains(connections);
        beganNs = loop.nowNs();
        quietNs = Deadlines.nanos(quiet);
        if (open == 0) {
            end();
        } else {
            setDeadline(timeout);
            look();
        }
    }

    /**
     * Asked again: gives the rest less time; more is no change.
     *
     * @param quiet   as for {@link #begin}
     * @param timeout what they have from now on
     */
    public void hurry(Duration quiet, Duration timeout) {
        if (open == 0) {
            return;
        }
        quietNs = Math.min(quietNs, Deadlines.nanos(quiet));
        if (loop.nowNs() + Deadlines.nanos(timeout) - deadlineNs < 0) {
            setDeadline(timeout);
        }
        look();
    }

    private void setDeadline(Duration timeout) {
        cancelDeadline.run();
        deadlineNs = loop.nowNs() + Deadlines.nanos(timeout);
        cancelDeadline = loop.schedule().after(timeout, this::cut);
    }

    // ---- asking -------------------------------------------------------------------------------------------------------

    /** Asks those that are quiet, and, in the second half of the time, some of those that never are. */
    private void look() { // outbound connections come last: those that made them have to do with them until their own end
        cancelLook.run();
        long nowNs = loop.nowNs();
        List<Member> askable = new ArrayList<>();
        members.accept(member -> {
            if (!asked.contains(member) && (!member.isOutbound() || open == outbound)) {
                askable.add(member);
            }
        });
        for (Member member : askable) {
            if (nowNs - member.activeNs() >= quietNs) {
                ask(member);
            }
        }
        askRestless(askable, nowNs);
        if (open > 0 && !asked.containsAll(askable)) {
            cancelLook = loop.schedule().after(Duration.ofNanos(Math.max(quietNs / LOOKS, SHORTEST_LOOK_NS)), this::look);
        }
    }

    private void ask(Member member) {
        if (asked.add(member)) {
            member.leave();
        }
    }

    /** One after another in the second half of the time, the last with an eighth of the whole time to leave in. */
    private void askRestless(List<Member> askable, long nowNs) {
        long half = (deadlineNs - beganNs) / 2;
        long pastHalf = nowNs - beganNs - half;
        if (pastHalf < 0) {
            return;
        }
        if (atHalfTime < 0) {
            restless.addAll(askable);
            atHalfTime = restless.size();
        }
        double share = Math.min(1, pastHalf / (0.75 * half + 1));
        while (!restless.isEmpty() && atHalfTime - restless.size() <= share * atHalfTime) {
            ask(restless.poll());
        }
    }

    /**
     * Whether a connection was asked to leave.
     *
     * @param member a connection
     * @return true until it has closed
     */
    public boolean hasAsked(Member member) {
        return asked.contains(member);
    }

    private void cut() {
        isPast = true;
        try {
            List<Member> rest = new ArrayList<>();
            members.accept(rest::add);
            rest.forEach(Member::cut);
        } finally {
            if (open > 0) {
                cancelDeadline = loop.schedule().after(AGAIN, this::cut);
            }
        }
    }

    // ---- account ------------------------------------------------------------------------------------------------------

    /**
     * Whether an outbound connection may still be made.
     *
     * @return false from the deadline on, and once only outbound connections are left
     */
    public boolean mayBeJoined() {
        return open > outbound && !isPast;
    }

    /** An outbound connection is being made. */
    public void joined() {
        connections++;
        open++;
        outbound++;
    }

    /**
     * A connection has closed.
     *
     * @param member the one
     * @param cut    what to report of it if it was cut, else null
     */
    public void closed(Member member, DrainReport.Cut cut) {
        asked.remove(member);
        outbound -= member.isOutbound() ? 1 : 0;
        if (cut != null) {
            cuts.add(cut);
        }
        if (--open == 0) {
            end();
        } else if (open == outbound) {
            loop.execute().accept(this::look);
        }
    }

    /** A connection is cut while work is held for its peer. */
    public void cutOwing() {
        owed++;
    }

    /**
     * Input has arrived that no handler will take, because its connection was asked to leave, or is cut.
     *
     * @param bytes how many
     */
    public void leftUnread(long bytes) {
        unread += bytes;
    }

    private void end() {
        cancelDeadline.run();
        cancelLook.run();
        span.end();
        whenDone.run();
    }

    /**
     * The account of the drain.
     *
     * @return complete once the drain has ended
     */
    public DrainReport report() {
        return new DrainReport(connections, List.copyOf(cuts), owed, unread);
    }
}
