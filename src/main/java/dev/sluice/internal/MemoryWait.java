package dev.sluice.internal;

import dev.sluice.Timer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * The connections of a loop that are not read because memory is short ({@link ReadStop#MEMORY_SHORT}). Not to read releases output alone;
 * unread input that waits for more never shrinks. So each has a time, the write timeout, in which it has to hold less than before. Belongs
 * to the loop.
 *
 * <pre>
 *            add                     there is room for as much again as it holds
 *   reads ─────────▶ waits ───────────────────────────────────────────────────────▶ reads
 *                    │   ▲
 *                    │   └── holds less, or one that has waited longer reads again: its time begins anew
 *                    └── its time is over, and it holds most of those, and more than its share ──▶ closed, MEMORY
 * </pre>
 *
 * <p>If those whose time is over hold no more than their shares, others do, which were silent since: the largest of all are closed instead,
 * here, and then on the other loops.
 *
 * <p>If nobody holds more than its share, as when all have filled memory side by side, nobody may be closed, and nobody would ever go on.
 * Then those that have waited longest take twice their memory, as far as there is any before the last sixteenth; the time of the others
 * begins anew. Each that grew has as long to reach the end of its message, and then gives all back; or it holds more than its share, and
 * may be closed. If there is no room for that either, all hold nearly their shares, and those that wait do so until others end, the silent ones by the idle
 * timeout.
 *
 * <p>While their server drains, all those that wait may grow so, as far as there is room, and at once: each that has reached the end of what
 * has arrived leaves, and gives all back.
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

        /**
         * Takes as much memory again for its unread input, and reads, if it is that which is full.
         *
         * @param most bytes that it may take
         * @return false if it still waits
         */
        boolean grow(long most);

        /** It has waited too long, and is closed. */
        void endForMemory();
    }

    /**
     * What a connection held at one moment: on threads it changes meanwhile.
     *
     * @param held bytes
     * @param id   its number; of two that hold the same, the newer one comes first
     * @param end  closes it for want of memory
     */
    public record Holding(long held, long id, Runnable end) {}

    private static final Comparator<Holding> LARGEST_FIRST = Comparator.comparingLong(Holding::held).thenComparingLong(Holding::id).reversed();

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
    private final Supplier<List<Holding>> all;
    private final LongConsumer others;

    private boolean isDraining;

    /** When a connection last grew. */
    private long grewNs;

    /** Ends the looks; null while no connection waits. */
    private Timer looks;

    /**
     * Makes one with no connection.
     *
     * @param budget the server's
     * @param loop   runs the connections
     * @param mostNs how long a connection may wait and hold no less than before; 0: for ever
     * @param all    tells what each connection of the loop holds, those included that do not wait
     * @param others has the other loops {@link #closeLargest close their largest}, until so many bytes are free
     */
    public MemoryWait(MemoryBudget budget, Loop loop, long mostNs, Supplier<List<Holding>> all, LongConsumer others) {
        this.budget = budget;
        this.loop = loop;
        this.mostNs = mostNs;
        this.all = all;
        this.others = others;
        this.grewNs = loop.nowNs() - mostNs;
    }

    /**
     * A connection is not read for want of memory.
     *
     * @param member is told when it may
     */
    public void add(Member member) {
        if (looks == null) { // first: without memory for a timer, nothing would come back to it
            looks = loop.every().after(LOOK, this::look);
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

    /** The server drains: connections come to their ends, and none is to come. */
    public void drains() {
        isDraining = true;
    }

    private void endLooksIfNoneWaits() {
        if (waits.isEmpty() && looks != null) {
            looks.cancel();
            looks = null;
        }
    }

    private void look() {
        endLooksIfNoneWaits();
        waits.forEach(this::note);
        boolean ended = endOverdue();
        if (isDraining) {
            grow(waits.keySet());
        }
        boolean isShort = budget.isShort();
        long mark = isShort ? budget.readMark() : Long.MAX_VALUE;
        long room = isShort ? budget.room() : Long.MAX_VALUE;
        boolean moves = false;
        for (Map.Entry<Member, Wait> each : List.copyOf(waits.entrySet())) { // those first that wait longest: newcomers read up to the mark, too
            long more = each.getKey().held() + MemoryBudget.PAID; // unread input takes as much again
            if (2 * more <= mark && more <= room) {
                room -= more;
                each.getKey().readAgain();
                moves = !ended; // the server gives back what it holds, if slowly: a disk may be what all wait for
            } else if (moves) {
                each.getValue().sinceNs = loop.nowNs();
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

    /**
     * Closes those whose time is over, the largest first; else the largest of all; else lets those grow that have waited longest. Returns
     * whether the time of any was over.
     */
    private boolean endOverdue() {
        long excess = budget.excess();
        long nowNs = loop.nowNs();
        if (excess <= 0 || mostNs == 0) {
            return false;
        }
        List<Holding> overdue = new ArrayList<>();
        waits.forEach((member, wait) -> {
            if (nowNs - wait.sinceNs >= mostNs) {
                overdue.add(new Holding(wait.held, 0, member::endForMemory)); // of two that hold the same, the one that waits longer
            }
        });
        if (overdue.isEmpty()) {
            return false;
        }
        long left = closeLargest(overdue, excess);
        if (left > 0) { // others hold most, and were they to send more, they would not be read
            left = closeLargest(left);
        }
        if (left > 0) {
            others.accept(left);
            growOverdue(nowNs);
        }
        return true;
    }

    private void growOverdue(long nowNs) {
        List<Member> overdue = new ArrayList<>();
        waits.forEach((member, wait) -> {
            if (nowNs - wait.sinceNs >= mostNs) {
                overdue.add(member);
                wait.sinceNs = nowNs;
            }
        });
        grow(overdue);
    }

    private void grow(Collection<Member> some) {
        for (Member each : List.copyOf(some)) {
            if (each.grow(budget.room())) { // asked each time: connections of other loops grow, too
                grewNs = loop.nowNs();
            }
        }
    }

    /**
     * Closes those of the loop that hold most, none of them below its share, whether they wait or not. Closes none while memory is not short,
     * nor as long after some have grown as a connection may wait: it is they that hold most.
     *
     * @param bytes that are to be free then
     * @return how many are still to be
     */
    public long closeLargest(long bytes) {
        boolean mayGoOn = loop.nowNs() - grewNs < mostNs;
        return mayGoOn ? bytes : closeLargest(new ArrayList<>(all.get()), Math.min(bytes, budget.excess()));
    }

    private long closeLargest(List<Holding> some, long bytes) {
        some.sort(LARGEST_FIRST);
        long left = bytes;
        for (Holding each : some) {
            if (left <= 0 || !budget.isAboveShare(each.held())) {
                break;
            }
            left -= each.held();
            each.end().run();
        }
        return left;
    }
}
