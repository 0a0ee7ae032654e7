package dev.sluice.internal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The connections of a loop that are not read because memory is short ({@link ReadStop#MEMORY_SHORT}). Not to read releases output alone;
 * unread input that waits for more never shrinks. So each has a time, the write timeout, in which it has to hold less than before. Belongs
 * to the loop.
 *
 * <pre>
 *            add                     memory is not short any more
 *   reads ─────────▶ waits ───────────────────────────────────────────▶ reads
 *                    │   ▲
 *                    │   └── holds less: its time begins anew
 *                    └── its time is over, memory is short, and none of those holds more ──▶ closed, MEMORY
 * </pre>
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

    /** Ends the looks; null while no connection waits. */
    private Runnable cancelLooks;

    /**
     * Makes one with no connection.
     *
     * @param budget the server's
     * @param loop   runs the connections
     * @param mostNs how long a connection may wait and hold no less than before; 0: for ever
     */
    public MemoryWait(MemoryBudget budget, Loop loop, long mostNs) {
        this.budget = budget;
        this.loop = loop;
        this.mostNs = mostNs;
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
        if (budget.isShort()) {
            closeOverdue();
        }
        if (!budget.isShort()) {
            List.copyOf(waits.keySet()).forEach(Member::readAgain);
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

    private void closeOverdue() {
        long nowNs = loop.nowNs();
        List<Member> overdue = new ArrayList<>(waits.keySet());
        overdue.removeIf(member -> mostNs == 0 || nowNs - waits.get(member).sinceNs < mostNs || !budget.isAboveShare(member.held()));
        overdue.sort(Comparator.comparingLong(Member::held).reversed());
        for (Member member : overdue) {
            if (!budget.isShort()) {
                return;
            }
            member.endForMemory();
        }
    }
}
