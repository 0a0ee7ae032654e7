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
 *            add                    memory is not short any more
 *   reads ─────────▶ waits ────────────────────────────────────────▶ reads again; its time goes on until it holds less
 *     ▲                │
 *     │                └── its time is over, memory is short, and none of those holds more ──▶ closed, MEMORY
 *     └── holds less: forgotten
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

        /** There is memory again: it reads, and says so by {@link #ended}. */
        void readAgain();

        /** It has waited too long, and is closed. */
        void endForMemory();
    }

    /** How often the loop looks whether there is memory again, while a connection waits: other loops do not tell. */
    private static final Duration LOOK = Duration.ofMillis(100);

    private static final class Wait {
        private long held;
        private long sinceNs;

        /** It reads, and has not held less since it waited. */
        private boolean reads = true;

        Wait(long held, long sinceNs) {
            this.held = held;
            this.sinceNs = sinceNs;
        }

        /** Whether less is held than before; then its time begins anew. */
        boolean hasFallen(long now, long nowNs) {
            boolean fell = now < held;
            if (fell) {
                sinceNs = nowNs;
            }
            held = now;
            return fell;
        }
    }

    private final Map<Member, Wait> waits = new LinkedHashMap<>();
    private final MemoryBudget budget;
    private final Loop loop;
    private final long mostNs;

    /** How many do not read. */
    private int waiting;

    /** Takes the next look back; null while no connection waits. */
    private Runnable cancelLook;

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
        if (cancelLook == null) {
            lookLater(); // first: without memory for a timer, nothing would come back to it
        }
        Wait wait = waits.computeIfAbsent(member, m -> new Wait(m.held(), loop.nowNs()));
        wait.hasFallen(member.held(), loop.nowNs());
        waiting += wait.reads ? 1 : 0;
        wait.reads = false;
    }

    /**
     * A connection reads again.
     *
     * @param member waited
     */
    public void ended(Member member) {
        Wait wait = waits.get(member);
        if (wait != null && !wait.reads) {
            wait.reads = true;
            oneLess();
        }
    }

    /**
     * A connection has closed.
     *
     * @param member need not be known here
     */
    public void remove(Member member) {
        if (!waits.isEmpty()) {
            ended(member);
            waits.remove(member);
        }
    }

    private void oneLess() {
        waiting--;
        if (waiting == 0 && cancelLook != null) {
            cancelLook.run();
            cancelLook = null;
        }
    }

    private void lookLater() {
        cancelLook = loop.schedule().after(LOOK, this::look);
    }

    private void look() {
        lookLater();
        waits.entrySet().removeIf(entry -> entry.getValue().hasFallen(entry.getKey().held(), loop.nowNs()) && entry.getValue().reads);
        if (budget.isShort()) {
            closeOverdue();
        }
        if (!budget.isShort()) {
            waiting().forEach(Member::readAgain);
        }
    }

    private List<Member> waiting() {
        List<Member> waiting = new ArrayList<>();
        waits.forEach((member, wait) -> {
            if (!wait.reads) {
                waiting.add(member);
            }
        });
        return waiting;
    }

    private void closeOverdue() {
        long nowNs = loop.nowNs();
        List<Member> overdue = waiting();
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
