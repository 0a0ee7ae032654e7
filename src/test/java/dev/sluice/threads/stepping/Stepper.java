package dev.sluice.threads.stepping;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Runs threads one step at a time, in an order that a {@link Schedule} decides. Exactly one of its threads runs at any moment. At each
 * step - a socket's call, the acquisition or release of a lock, a wait, a signal, a look at the clock - the one that runs asks here,
 * and goes on or hands over to another. A thread that waits says for what, and is not chosen until that is there.
 *
 * <pre>
 *   strand   a thread of the program under test, with a stack of its own    {@link SteppedThreads}, {@link #spawn}
 *   actor    something beside it that has none: a peer, which sends or takes a piece when it is chosen
 *   time     passes only when no thread can go on, or when the schedule says so: then to the next deadline
 * </pre>
 *
 * <p>When no thread can go on and no deadline is left, the {@link Play} is asked; has it nothing more to begin, and a strand has not
 * ended, they wait for each other, which is a {@link Finding}. The same play and schedule make the same steps, of which {@link #trace}
 * is the sum.
 *
 * <p>Strands run on threads that are kept from one schedule to the next. After a finding they stay where they were, for good: then
 * make another stepper.
 */
public final class Stepper {

    /** The step that follows when no thread can go on. */
    public enum Next {
        /** Something was begun. */
        GO_ON,
        /** Time passes. */
        WAIT,
        /** Nothing: a thread that has not ended waits in vain. */
        END
    }

    /** The program that is run. */
    public interface Play {
        /** The first strand. */
        void begin() throws Exception;

        /** Nobody can go on; whether there is a deadline to wait for. */
        Next quiet(boolean mayWait);

        /** Every strand has ended: says whether all is as it should be. */
        default void check() {}

        /** Whether time may pass though threads could go on. */
        default boolean mayHurry() {
            return true;
        }

        /** Steps after which it is said to turn without an end; grows with what there is to do. */
        int mostSteps();
    }

    /** Something that acts without a thread. */
    public interface Actor {
        /** Whether it has something to do now. */
        boolean isReady();

        /** Does it. */
        void act();

        /** When it has something to do, if nothing happens before; {@link #NEVER} if that is not a matter of time. */
        default long atNs() {
            return NEVER;
        }
    }

    /** No deadline. */
    public static final long NEVER = Long.MAX_VALUE;

    private static final long BEGINNING_NS = 1_000_000_000_000L;

    /** A deadline after this does not come within a run: a year. */
    private static final long LAST_NS = 365L * 24 * 3_600 * 1_000_000_000;

    /** A thread that makes no step for so long blocks where the stepper does not see it. */
    private static final long LONGEST_STEP_NS = 10_000_000_000L;

    /** A thread of the program. */
    private static final class Strand {
        private final int number;
        private final String name;
        private final Runnable work;
        private final boolean isKnown;
        private long rank;
        private Carrier carrier;
        private BooleanSupplier until;
        private long atNs = NEVER;
        private String waitsFor;
        private boolean ended;

        Strand(int number, String name, Runnable work, boolean isKnown, long rank) {
            this.number = number;
            this.name = name;
            this.work = work;
            this.isKnown = isKnown;
            this.rank = rank;
        }

        @Override
        public String toString() {
            return name + " #" + number;
        }
    }

    /** A thread that strands run on. */
    private final class Carrier extends Thread {
        private volatile Strand strand;

        Carrier() {
            super("stepped-" + carriers++);
            setDaemon(true);
        }

        @Override
        public void run() {
            while (true) {
                Strand mine = strand;
                if (mine == null || current != mine) {
                    LockSupport.park();
                    continue;
                }
                while (mine != null) {
                    mine = runToItsEnd(mine);
                }
            }
        }

        /** Returns the next strand for this thread. */
        private Strand runToItsEnd(Strand mine) {
            try {
                mine.work.run();
            } catch (Throwable t) {
                fail("a thread died: " + mine.name + ", of " + t, t);
            }
            Thread.interrupted();
            mine.ended = true;
            left--;
            note(mine, "ends");
            Strand next = next(null);
            if (next != null && next.carrier == null && !mine.isKnown && !next.isKnown) {
                next.carrier = this;
                strand = next;
                current = next;
                return next;
            }
            strand = null;
            (mine.isKnown ? known : idle).push(this); // a strand that is known by its thread must not seem to live on
            if (next == null) {
                current = null;
                finished = true;
                LockSupport.unpark(conductor);
            } else {
                handTo(next);
            }
            return null;
        }
    }

    private final ArrayDeque<Carrier> idle = new ArrayDeque<>();
    private final ArrayDeque<Carrier> known = new ArrayDeque<>();
    private int carriers;

    // of one run
    private final List<Strand> strands = new ArrayList<>();
    private final List<Actor> actors = new ArrayList<>();
    private final List<Object> ready = new ArrayList<>();
    private Play play;
    private Schedule schedule;
    private StringBuilder told;
    private volatile Strand current;
    private volatile boolean finished;
    private Thread conductor;
    private Finding finding;
    private boolean choosing;
    private boolean hurried;
    private int left;
    private int steps;
    private int most;
    private int switches;
    private long nowNs;
    private long hash;

    /** Makes one that has no threads yet. */
    public Stepper() {}

    /** Runs a play to its end; throws what it has shown. */
    public void run(Play played, Schedule by) {
        run(played, by, null);
    }

    /** As above; each step is told, too, unless that is null. */
    public void run(Play played, Schedule by, StringBuilder steps) {
        begin(played, by, steps);
        Strand first = strand("main", () -> {
            try {
                played.begin();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }, true);
        handTo(first);
        for (int last = -1; !finished; ) {
            LockSupport.parkNanos(LONGEST_STEP_NS);
            if (!finished && last == this.steps) {
                throw new Finding("a thread blocks where it is not seen: " + current, this.steps, blocked());
            }
            last = this.steps;
        }
        idle.addAll(known);
        known.clear();
        if (finding != null) {
            throw finding;
        }
        play.check();
    }

    private void begin(Play played, Schedule by, StringBuilder toTell) {
        if (finding != null) {
            throw new IllegalStateException("its threads are lost");
        }
        strands.clear();
        actors.clear();
        play = played;
        schedule = by;
        told = toTell;
        finished = false;
        hurried = false;
        conductor = Thread.currentThread();
        left = 0;
        steps = 0;
        most = 0;
        switches = 0;
        nowNs = BEGINNING_NS;
        hash = 0;
    }

    private Throwable blocked() {
        Throwable where = new Throwable("here");
        Strand strand = current;
        if (strand != null && strand.carrier != null) {
            where.setStackTrace(strand.carrier.getStackTrace());
        }
        return where;
    }

    // ---- for what is stepped ------------------------------------------------------------------------------------------------

    /** A step: another may go on instead. */
    public void step(String what) {
        Strand me = current;
        if (me == null || choosing) {
            return; // before the beginning, after the end
        }
        note(me, what);
        if (schedule.preempts(steps)) {
            preempt(me);
        } else if (schedule.isByPriority()) {
            give(me, firstReady());
        }
    }

    /** A step that waits; returns false if the time came first. */
    public boolean await(String what, BooleanSupplier until, long atNs) {
        step(what);
        Strand me = current;
        if (until.getAsBoolean() || atNs - nowNs <= 0) {
            return until.getAsBoolean();
        }
        me.waitsFor = what;
        me.until = until;
        me.atNs = atNs;
        give(me, next(null));
        me.until = null;
        me.atNs = NEVER;
        return until.getAsBoolean();
    }

    /** Waits without a deadline. */
    public void await(String what, BooleanSupplier until) {
        await(what, until, NEVER);
    }

    /** Lets time pass for the calling strand. */
    public void sleep(long nanos) {
        await("sleep", () -> false, nowNs + nanos);
    }

    /** Begins a strand; that is no step. */
    public void spawn(String name, Runnable work) {
        strand(name, work, false);
    }

    /** Begins a strand whose thread is its own, and serves no other in this run. */
    public void spawnKnown(String name, Runnable work) {
        strand(name, work, true);
    }

    private Strand strand(String name, Runnable work, boolean isKnown) {
        Strand strand = new Strand(strands.size(), name, work, isKnown, schedule.rank(strands.size()));
        strands.add(strand);
        left++;
        return strand;
    }

    /** Adds an actor. */
    public void add(Actor actor) {
        actors.add(actor);
    }

    /** The time. */
    public long nowNs() {
        return nowNs;
    }

    /** The time, and looking at it is a step. */
    public long clock() {
        step("clock");
        return nowNs;
    }

    /** Whether time has passed though threads could go on. */
    public boolean hasHurried() {
        return hurried;
    }

    /** Steps so far. */
    public int steps() {
        return steps;
    }

    /** How often one thread handed over to another. */
    public int switches() {
        return switches;
    }

    /** The sum of all steps so far: two runs that have it in common made the same. */
    public long trace() {
        return hash;
    }

    /** Whether every strand but the calling one has ended. */
    public boolean isAlone() {
        return left == 1;
    }

    /** The places at which the strands are. */
    public String strands() {
        StringBuilder all = new StringBuilder();
        for (Strand strand : strands) {
            if (!strand.ended) {
                all.append("\n  ").append(strand).append(strand.until == null ? " can go on" : " waits: " + strand.waitsFor);
            }
        }
        return all.toString();
    }

    /** Which strand runs, as a number; -1 if none does. */
    public int who() {
        Strand me = current;
        return me == null ? -1 : me.number;
    }

    /** Tells something beside the steps. */
    public void tell(String what) {
        if (told != null) {
            told.append("        ").append(what).append('\n');
        }
    }

    /** Whether there is a listener to {@link #tell}. */
    public boolean isTold() {
        return told != null;
    }

    /** Ends the run with a finding; does not return on a strand. */
    public void fail(String what, Throwable cause) {
        Finding made = new Finding(what + strands() + "\n" + state(), steps, cause);
        if (current == null) {
            throw made;
        }
        finding = made;
        if (told != null) {
            told.append("FINDING: ").append(what).append('\n');
        }
        finished = true;
        LockSupport.unpark(conductor);
        while (true) {
            LockSupport.park();
            Thread.interrupted();
        }
    }

    private String state() {
        try {
            return play.toString();
        } catch (RuntimeException e) {
            return "its state cannot be told: " + e;
        }
    }

    /** Ends the run with a finding. */
    public void fail(String what) {
        fail(what, null);
    }

    /** Ends the run with a finding unless something is so. */
    public void check(boolean is, String what) {
        if (!is) {
            fail(what);
        }
    }

    // ---- choosing -----------------------------------------------------------------------------------------------------------

    private void note(Object who, String what) {
        int number = who instanceof Strand strand ? strand.number : -1;
        hash = hash * 0x9e3779b97f4a7c15L + (number * 31L + what.hashCode());
        if (told != null) {
            told.append(String.format("%5d %-14s %s%n", steps, who, what));
        }
        if (++steps >= most) {
            most = play.mostSteps();
            if (steps >= most) {
                fail("more than " + most + " steps: it turns without an end");
            }
        }
    }

    private void preempt(Strand me) {
        if (schedule.isByPriority()) {
            me.rank += 1L << 56; // behind all others
            give(me, firstReady());
            return;
        }
        if (schedule.isByTime(steps)) {
            hurry();
        }
        gather(me);
        if (ready.isEmpty()) {
            return;
        }
        Object chosen = ready.get(schedule.choose(steps, ready.size()));
        if (chosen instanceof Actor actor) {
            act(actor);
        } else {
            give(me, (Strand) chosen);
        }
    }

    /** Lets time pass though threads could go on; false if it may not, or there is no deadline. */
    private boolean hurry() {
        boolean passes = play.mayHurry() && pass();
        hurried |= passes;
        return passes;
    }

    /** The next strand, once none of those before it could act; null at the end of all. */
    private Strand next(Strand but) {
        while (true) {
            if (schedule.isLate(steps)) {
                hurry();
            }
            if (schedule.isByPriority()) {
                Strand first = firstReady();
                if (first != null) {
                    return first;
                }
            } else {
                gather(but);
                if (!ready.isEmpty()) {
                    Object chosen = ready.get(schedule.choose(steps, ready.size()));
                    if (chosen instanceof Strand strand) {
                        return strand;
                    }
                    act((Actor) chosen);
                    continue;
                }
            }
            if (!beginSomething()) {
                return null;
            }
        }
    }

    /** Nobody can go on. Returns false at the end. */
    private boolean beginSomething() {
        choosing = true;
        Next what = play.quiet(nextDeadline() <= LAST_NS);
        choosing = false;
        if (what == Next.GO_ON || what == Next.WAIT && pass()) {
            return true;
        }
        if (left > 0) {
            fail("no thread can go on");
        }
        return false;
    }

    private void gather(Strand but) {
        ready.clear();
        for (Strand strand : strands) {
            if (strand != but && isReady(strand)) {
                ready.add(strand);
            }
        }
        for (Actor actor : actors) {
            if (actor.isReady()) {
                ready.add(actor);
            }
        }
    }

    private boolean isReady(Strand strand) {
        return !strand.ended && (strand.until == null || strand.atNs - nowNs <= 0 || strand.until.getAsBoolean());
    }

    /** The strand of the lowest rank that can go on, after all actors have acted that are before it. */
    private Strand firstReady() {
        while (true) {
            Strand first = null;
            for (Strand strand : strands) {
                if ((first == null || strand.rank < first.rank) && isReady(strand)) {
                    first = strand;
                }
            }
            Actor before = null;
            for (int i = 0; before == null && i < actors.size(); i++) {
                boolean isFirst = first == null || schedule.rank(1_000 + i) < first.rank;
                before = isFirst && actors.get(i).isReady() ? actors.get(i) : null;
            }
            if (before == null) {
                return first;
            }
            act(before);
        }
    }

    private void act(Actor actor) {
        note(actor, "acts");
        choosing = true;
        actor.act();
        choosing = false;
    }

    private long nextDeadline() {
        long next = NEVER;
        for (Strand strand : strands) {
            next = strand.ended ? next : Math.min(next, strand.atNs - nowNs > 0 ? strand.atNs : NEVER);
        }
        for (Actor actor : actors) {
            long atNs = actor.atNs();
            next = Math.min(next, atNs - nowNs > 0 ? atNs : NEVER);
        }
        return next;
    }

    /** Lets time pass until the next deadline; false if there is none. */
    private boolean pass() {
        long next = nextDeadline();
        if (next > LAST_NS) {
            return false;
        }
        if (told != null) {
            told.append("        time passes: ").append((next - nowNs) / 1_000).append(" us\n");
        }
        nowNs = next;
        return true;
    }

    // ---- handing over -------------------------------------------------------------------------------------------------------

    private void give(Strand me, Strand next) {
        if (next == me || next == null) {
            return;
        }
        handTo(next);
        boolean interrupted = false;
        while (current != me) {
            LockSupport.park();
            interrupted |= Thread.interrupted(); // or it would not park
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void handTo(Strand next) {
        switches++;
        Carrier carrier = next.carrier;
        if (carrier == null) {
            carrier = idle.poll();
            if (carrier == null) {
                carrier = new Carrier();
                carrier.start();
            }
            next.carrier = carrier;
            carrier.strand = next;
        }
        current = next;
        LockSupport.unpark(carrier);
    }
}
