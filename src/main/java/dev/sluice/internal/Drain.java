package dev.sluice.internal;

import dev.sluice.DrainReport;
import dev.sluice.Timer;
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
 * <p>What finds no memory half way is done by a tick, a timer that comes every 100 ms until the drain has ended.
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

    /** How often it is seen to that all which is due is done. */
    private static final Duration TICK = Duration.ofMillis(100);

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
    private Timer deadline = () -> false;
    private Timer nextLook = () -> false;
    private Timer ticks = () -> false;
    private boolean isLookDue;
    private boolean hasEnded;
    private JfrEvents.Span span = JfrEvents.Span.NONE;

    /**
     * Makes a drain that has not begun.
     *
     * @param loop     whose timers it uses
     * @param members  shows every connection that is there; one that ends meanwhile may still be shown
     * @param whenDone called when the last connection has closed, and again if it found no memory
     */
    public Drain(Loop loop, Consumer<Consumer<Member>> members, Runnable whenDone) {
        this.loop = loop;
        this.members = members;
        this.whenDone = whenDone;
    }

    /**
     * Begins.
     *
     * @param connections how many there are
     * @param outbound    how many of them are outbound
     * @param quiet   how long a connection is to be quiet before it is asked to leave; zero asks all of them at once
     * @param timeout what they have until they are cut
     * @throws OutOfMemoryError nothing has begun
     */
    public void begin(int connections, int outbound, Duration quiet, Duration timeout) {
        this.connections = connections;
        this.open = connections;
        this.outbound = outbound;
        beganNs = loop.nowNs();
        quietNs = Deadlines.nanos(quiet);
        setDeadline(timeout);
        try {
            ticks = loop.every().after(TICK, this::tick);
        } catch (Throwable t) {
            deadline.cancel();
            throw t;
        }
        span = JfrEvents.drains(connections);
    }

    /** Asks those that are to leave. Without a connection, the drain is done at once. After {@link #begin}. */
    public void go() {
        if (open == 0) {
            end();
        } else {
            look();
        }
    }

    private void tick() {
        if (open == 0) {
            end();
        } else if (loop.nowNs() - deadlineNs >= TICK.toNanos()) {
            cut(); // once more
        } else if (isLookDue) {
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
        Timer before = deadline;
        deadline = loop.schedule().after(timeout, this::cut);
        deadlineNs = loop.nowNs() + Deadlines.nanos(timeout);
        before.cancel();
    }

    // ---- asking -------------------------------------------------------------------------------------------------------

    /** Asks those that are quiet, and, in the second half of the time, some of those that never are. */
    private void look() { // outbound connections come last: those that made them have to do with them until their own end
        isLookDue = true; // until it is through
        nextLook.cancel();
        long nowNs = loop.nowNs();
        List<Member> askable = new ArrayList<>();
        members.accept(member -> {
            if (!asked.contains(member) && (!member.isOutbound() || open == outbound)) {
                askable.add(member);
            }
        });
        for (Member member : askable) {
            if (Math.max(0, nowNs - member.activeNs()) >= quietNs) { // a thread of its own may have read since this look began
                ask(member);
            }
        }
        askRestless(askable, nowNs);
        if (open > 0 && !asked.containsAll(askable)) {
            nextLook = loop.schedule().after(Duration.ofNanos(Math.max(quietNs / LOOKS, SHORTEST_LOOK_NS)), this::look);
        }
        isLookDue = false;
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
            ask(restless.peek());
            restless.poll();
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
        List<Member> rest = new ArrayList<>();
        members.accept(rest::add);
        VirtualMachineError none = null;
        for (Member member : rest) {
            try {
                member.cut();
            } catch (VirtualMachineError e) {
                none = e; // the others are cut all the same, and this one with the next tick
            }
        }
        if (none != null) {
            throw none;
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
     * @throws OutOfMemoryError nothing has changed
     */
    public void closed(Member member, DrainReport.Cut cut) {
        if (cut != null) {
            cuts.add(cut);
        }
        asked.remove(member);
        outbound -= member.isOutbound() ? 1 : 0;
        open--;
        try {
            if (open == 0) {
                end();
            } else if (open == outbound) {
                isLookDue = true;
                loop.execute().accept(this::look);
            }
        } catch (Throwable t) {
            // the tick sees to it: thrown from here, the connection would be counted once more
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
        if (!hasEnded) {
            deadline.cancel();
            nextLook.cancel();
            whenDone.run();
            hasEnded = true; // now: whenDone may have found no memory, and the tick comes again
            ticks.cancel();
            span.end();
        }
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
