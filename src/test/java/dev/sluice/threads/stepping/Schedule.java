package dev.sluice.threads.stepping;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * The order in which threads take their steps, drawn from a seed: where a thread is preempted though it could go on, and which of
 * several goes on. Each decision is a function of the seed and of the number of the step, so that one can be left out and the
 * others stay what they were.
 *
 * <p>There are three kinds. Most schedules preempt up to three times, anywhere ("PCT", S. Burckhardt et al., "A Randomized Scheduler
 * with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010: most defects need few); some give each thread a priority and change
 * it up to three times, as PCT does; the rest preempts all the time.
 */
public final class Schedule {

    private enum Kind { FEW, PRIORITIES, WALK }

    /** Preemptions of a kind that has few. */
    private static final int MOST = 3;

    /** Steps that most schedules have, as powers of two from the shortest: where preemptions are looked for. */
    private static final int SHORTEST = 5;

    private static final int LENGTHS = 5;

    /** One in so many preemptions is one by time. */
    private static final int HURRIED = 2;

    private static final int UNHURRIED = 8;

    private final long seed;
    private final Kind kind;
    private final int[] points;
    private final long mask;
    private final int hurry;
    private final int end;
    private int next;

    /** Draws one. */
    public Schedule(long seed) {
        SplittableRandom random = new SplittableRandom(seed ^ 0x5ca1ab1e);
        int which = random.nextInt(10);
        this.seed = seed;
        this.kind = which < 7 ? Kind.FEW : which < 9 ? Kind.PRIORITIES : Kind.WALK;
        int length = 1 << SHORTEST + random.nextInt(LENGTHS);
        this.points = kind == Kind.WALK ? new int[0] : random.ints(random.nextInt(MOST + 1), 1, length).distinct().sorted().toArray();
        this.mask = (1 << 1 + random.nextInt(5)) - 1;
        this.hurry = random.nextInt(4) == 0 ? HURRIED : UNHURRIED;
        this.end = Integer.MAX_VALUE;
    }

    private Schedule(Schedule whole, int[] points, int end) {
        this.seed = whole.seed;
        this.kind = whole.kind;
        this.mask = whole.mask;
        this.points = points;
        this.hurry = whole.hurry;
        this.end = end;
    }

    /** The same from its beginning. */
    public Schedule again() {
        return new Schedule(this, points, end);
    }

    /** Simpler ones, which may show the same: without one of the preemptions, or with none and no choice after some step. */
    public List<Schedule> simpler(int steps) {
        List<Schedule> simpler = new ArrayList<>();
        for (int last : new int[] {steps / 8, steps / 4, steps / 2, steps * 3 / 4, steps * 7 / 8, steps - steps / 16, steps - 1}) {
            if (last < Math.min(end, steps)) {
                simpler.add(new Schedule(this, points, last));
            }
        }
        IntStream.range(0, points.length).forEach(left -> simpler.add(new Schedule(
                this, IntStream.range(0, points.length).filter(i -> i != left).map(i -> points[i]).toArray(), end)));
        return simpler;
    }

    /** Whether the thread that runs is to be preempted before this step; asked for each step, in order. */
    boolean preempts(int step) {
        if (step >= end) {
            return false;
        }
        if (kind == Kind.WALK) {
            return (mixed(step) & mask) == 0;
        }
        if (next < points.length && points[next] <= step) {
            next++;
            return true;
        }
        return false;
    }

    /** Whether threads have priorities: the first of all that can go on always does. */
    boolean isByPriority() {
        return kind == Kind.PRIORITIES;
    }

    /** The rank of a thread, the lowest first, until it is preempted. */
    long rank(int thread) {
        return mixed(-1L - thread) >>> 8;
    }

    /** Which of so many goes on. */
    int choose(int step, int of) {
        return of == 1 || step >= end ? 0 : (int) Long.remainderUnsigned(mixed(step + 0x100000000L), of);
    }

    /** Whether the next deadline passes where a thread has to wait, though others could go on. */
    boolean isLate(int step) {
        return hurry == HURRIED && step < end && (mixed(step + 0x300000000L) & 15) == 0;
    }

    /** Whether a preemption is one by time: the next deadline passes, though threads could go on. */
    boolean isByTime(int step) {
        return (mixed(step + 0x200000000L) & hurry - 1) == 0;
    }

    private long mixed(long number) {
        long z = seed + number * 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }

    @Override
    public String toString() {
        return kind + " seed " + seed + (kind == Kind.WALK ? ", one in " + (mask + 1) : ", preempted at " + Arrays.toString(points))
                + (end == Integer.MAX_VALUE ? "" : ", no choice from step " + end);
    }
}
