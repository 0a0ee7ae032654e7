package dev.sluice.internal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * The connections of a loop that are not read because memory is short ({@link ReadStop#MEMORY_SHORT}). Not to read releases output alone;
 * unread input that waits for more never shrinks. So each has a time, the write timeout, in which it has to hold less than before. Belongs
 * to the loop.
 *
 * <pre>
 *            add                     there is room for as much again as it holds
 *   reads ─────────▶ waits ───────────────────────────────────────────────────────▶ reads
 *                    │   ▲
 *                    │   └── holds less: its time begins anew
 *                    └── its time is over, and it holds most of those, and more than its share ──▶ closed, MEMORY
 * </pre>
 *
 * <p>If those whose time is over hold no more than their shares, others do, which were silent since: the largest of all are closed instead.
 */
public final class MemoryWait {

    /** A connection. */
    public interface Member {
        /**
         * What it holds.
         *
         * @return bytes
         */
        long held();

        /** There is memory again: it reads, and is {@link #remove removed}. */
        void readAgain();

        /** It has waited too long, and is closed. */
        void endForMemory();
    }

    /** How often the loop looks whether there is memory again, while a connection waits: other loops do not tell. */
    private static final Duration LOOK = Duration.ofMillis(100);

    /** How a connection waits. */
    private static final class Wait {
        private long held;
        private long sinceNs;
    }

    private final Map<Member, Wait> waits = new LinkedHashMap<>();
    private final MemoryBudget budget;
    private final Loop loop;
    private final long mostNs;
    private final LongConsumer closeLargest;

    /** Ends the looks; null while no connection waits. */
    private Runnable cancelLooks;

    /**
     * Makes one with no connection.
     *
     * @param budget the server's
     * @param loop   runs the connections
     * @param mostNs how long a connection may wait and hold no less than before; 0: for ever
     * @param closeLargest closes the connections that hold most, if that is more than their share, until so many bytes are free
     */
    public MemoryWait(MemoryBudget budget, Loop loop, long mostNs, LongConsumer closeLargest) {
        this.budget = budget;
        this.loop = loop;
        this.mostNs = mostNs;
        this.closeLargest = closeLargest;
    }

    /**
     * A connection is not read for want of memory.
     *
     * @param member is told when it may
     */
    public void add(Member member) {
        if (cancelLooks == null) { // first: without memory for a timer, nothing would come back to it
            cancelLooks = loop.every().after(LOOK, this::look);
        }
        note(member, waits.computeIfAbsent(member, m -> new Wait()));
    }

    /**
     * A connection reads again, or has closed.
     *
     * @param member need not be known here
     */
    public void remove(Member member) {
        if (!waits.isEmpty()) {
            waits.remove(member);
            endLooksIfNoneWaits();
        }
    }

    private void endLooksIfNoneWaits() {
        if (waits.isEmpty() && cancelLooks != null) {
            cancelLooks.run();
            cancelLooks = null;
        }
    }

    private void look() {
        endLooksIfNoneWaits();
        waits.forEach(this::note);
        closeOverdue();
        boolean isShort = budget.isShort();
        long mark = isShort ? budget.readMark() : Long.MAX_VALUE;
        long room = isShort ? budget.room() : Long.MAX_VALUE;
        for (Member member : List.copyOf(waits.keySet())) { // those first that wait longest: newcomers read up to the mark, too
            long more = member.held() + MemoryBudget.PAID; // unread input takes as much again
            if (2 * more <= mark && more <= room) {
                room -= more;
                member.readAgain();
            }
        }
    }

    /** Notes what it holds; if that is less than before, its time begins anew. */
    private void note(Member member, Wait wait) {
        long held = member.held();
        if (wait.held == 0 || held < wait.held) {
            wait.sinceNs = loop.nowNs();
        }
        wait.held = held;
    }

    /** Closes those whose time is over, the largest first; where none of them holds more than its share, the largest of all. */
    private void closeOverdue() {
        long excess = budget.excess();
        long nowNs = loop.nowNs();
        List<Member> overdue = new ArrayList<>(waits.keySet());
        overdue.removeIf(member -> mostNs == 0 || nowNs - waits.get(member).sinceNs < mostNs);
        if (excess <= 0 || overdue.isEmpty()) {
            return;
        }
        overdue.sort(Comparator.comparingLong((Member member) -> waits.get(member).held).reversed()); // as noted: on threads it changes
        for (Member member : overdue) {
            long held = waits.get(member).held;
            if (excess > 0 && budget.isAboveShare(held)) {
                excess -= held;
                member.endForMemory();
            }
        }
        if (excess > 0) {
            closeLargest.accept(excess); // they hold most, and were they to send more, they would not be read
        }
    }
}
