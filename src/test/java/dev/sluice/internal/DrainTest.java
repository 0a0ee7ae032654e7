package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.junit.jupiter.api.Test;

/** A drain on a clock that the test moves: who is asked to leave, and when. */
class DrainTest {

    private static final long MS = 1_000_000;

    private record Timed(long atNs, long number, Runnable task) {}

    private final PriorityQueue<Timed> timers = new PriorityQueue<>(Comparator.comparingLong(Timed::atNs).thenComparingLong(Timed::number));
    private final List<Connection> connections = new ArrayList<>();
    private long nowNs;
    private long number;
    private boolean done;

    /** How often the next uses of each find no memory. */
    private int scheduleLacks;

    private int everyLacks;

    private int cutLacks;
    private int doneLacks;
    private int doneThrows;
    private int membersLack;

    private static void maybe(boolean lack) {
        if (lack) {
            throw new OutOfMemoryError("by the test");
        }
    }

    private final Loop loop = new Loop(
            (delay, task) -> {
                maybe(scheduleLacks-- > 0);
                Timed timed = new Timed(nowNs + delay.toNanos(), number++, task);
                timers.add(timed);
                return () -> timers.remove(timed);
            },
            this::every,
            task -> timers.add(new Timed(nowNs, number++, task)),
            () -> nowNs);
    private final Drain drain = new Drain(
            loop,
            action -> {
                maybe(membersLack-- > 0);
                List.copyOf(connections).forEach(action);
            },
            () -> {
                maybe(doneLacks-- > 0);
                if (doneThrows-- > 0) {
                    throw new IllegalStateException("by the test");
                }
                assertFalse(done, "once");
                done = true;
            });

    private dev.sluice.Timer every(Duration period, Runnable task) {
        maybe(everyLacks-- > 0);
        Timed[] next = new Timed[1];
        Runnable again = new Runnable() {
            @Override
            public void run() {
                next[0] = new Timed(nowNs + period.toNanos(), number++, this);
                timers.add(next[0]);
                task.run();
            }
        };
        next[0] = new Timed(nowNs + period.toNanos(), number++, again);
        timers.add(next[0]);
        return () -> timers.remove(next[0]);
    }

    /** Closes when it is asked to leave, unless it is stuck. */
    private final class Connection implements Drain.Member {
        private final boolean isOutbound;
        private final boolean isBusy;
        private final boolean isStuck;
        private long activeNs;
        private long askedNs = -1;
        private boolean wasCut;

        Connection(boolean isOutbound, boolean isBusy, boolean isStuck) {
            this.isOutbound = isOutbound;
            this.isBusy = isBusy;
            this.isStuck = isStuck;
            this.activeNs = nowNs;
            connections.add(this);
        }

        @Override
        public boolean isOutbound() {
            return isOutbound;
        }

        @Override
        public long activeNs() {
            return isBusy ? nowNs : activeNs;
        }

        @Override
        public void leave() {
            assertEquals(-1, askedNs, "asked once");
            askedNs = nowNs;
            if (!isStuck) {
                close();
            }
        }

        @Override
        public void cut() {
            maybe(cutLacks-- > 0);
            wasCut = true;
            close();
        }

        private void close() {
            connections.remove(this);
            drain.closed(this, null);
        }
    }

    private void begin(Duration quiet, Duration timeout) {
        drain.begin(connections.size(), (int) connections.stream().filter(Drain.Member::isOutbound).count(), quiet, timeout);
        drain.go();
    }

    private void advance(Duration time) {
        long untilNs = nowNs + time.toNanos();
        for (Timed next; (next = timers.peek()) != null && next.atNs() <= untilNs; ) {
            timers.poll();
            nowNs = Math.max(nowNs, next.atNs());
            try {
                next.task().run();
            } catch (OutOfMemoryError e) {
                // as a loop: what a timer throws ends neither it nor the loop
            }
        }
        nowNs = untilNs;
    }

    @Test
    void withoutAConnectionItIsDoneAtOnce() {
        begin(Duration.ofMillis(200), Duration.ofSeconds(10));
        assertTrue(done);
    }

    @Test
    void withoutAWaitForQuietAllAreAskedAtOnce() {
        List<Connection> all = List.of(new Connection(false, true, false), new Connection(false, false, false));
        begin(Duration.ZERO, Duration.ofSeconds(10));
        all.forEach(each -> assertEquals(0, each.askedNs));
        assertTrue(done);
        assertTrue(timers.isEmpty(), "timers left");
    }

    /** Threads of their own read while the loop looks. */
    @Test
    void withoutAWaitForQuietOneThatWasActiveSinceTheLookBeganIsAskedToo() {
        Connection one = new Connection(false, false, false);
        one.activeNs = nowNs + 1;
        begin(Duration.ZERO, Duration.ofSeconds(10));
        assertEquals(0, one.askedNs);
        assertTrue(done);
    }

    @Test
    void oneIsAskedOnceItHasBeenQuietForSoLong() {
        Connection old = new Connection(false, false, false);
        nowNs = 500 * MS;
        Connection fresh = new Connection(false, false, false);
        begin(Duration.ofMillis(200), Duration.ofSeconds(10));
        assertEquals(500 * MS, old.askedNs);
        advance(Duration.ofMillis(150));
        fresh.activeNs = nowNs;
        advance(Duration.ofMillis(199));
        assertEquals(-1, fresh.askedNs, "it spoke within the time");
        advance(Duration.ofMillis(60));
        assertTrue(fresh.askedNs >= fresh.activeNs + 200 * MS);
        assertTrue(done);
    }

    @Test
    void thoseThatAreNeverQuietAreAskedOneAfterAnotherInTheSecondHalf() {
        List<Connection> busy = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            busy.add(new Connection(false, true, false));
        }
        begin(Duration.ofMillis(200), Duration.ofSeconds(8));
        advance(Duration.ofMillis(3_999));
        assertEquals(10, connections.size(), "half of the time they are served");
        advance(Duration.ofMillis(1_500));
        assertTrue(connections.size() < 8 && connections.size() > 2, connections.size() + " are left after five and a half seconds");
        advance(Duration.ofMillis(1_600));
        assertTrue(done, "an eighth of the time is left for the last to leave");
        assertEquals(10, busy.stream().map(each -> each.askedNs).distinct().count());
        assertTrue(busy.stream().noneMatch(each -> each.wasCut));
    }

    @Test
    void outboundConnectionsAreAskedWhenOnlyTheyAreLeft() {
        Connection outbound = new Connection(true, false, false);
        nowNs = 1_000 * MS;
        Connection inbound = new Connection(false, false, true);
        begin(Duration.ofMillis(200), Duration.ofSeconds(10));
        advance(Duration.ofMillis(300));
        assertTrue(inbound.askedNs > 0);
        assertEquals(-1, outbound.askedNs);
        assertTrue(drain.mayBeJoined());
        inbound.close();
        advance(Duration.ofMillis(1));
        assertEquals(nowNs - MS, outbound.askedNs);
        assertTrue(done);
    }

    @Test
    void theRestIsCutAtTheDeadline() {
        Connection stuck = new Connection(false, false, true);
        begin(Duration.ZERO, Duration.ofSeconds(1));
        advance(Duration.ofMillis(999));
        assertFalse(stuck.wasCut);
        advance(Duration.ofMillis(1));
        assertTrue(stuck.wasCut);
        assertTrue(done);
        assertFalse(drain.mayBeJoined());
        assertTrue(timers.isEmpty(), "timers left");
    }

    @Test
    void askedAgainItMayOnlyHurry() {
        Connection stuck = new Connection(false, true, true);
        begin(Duration.ofMillis(200), Duration.ofSeconds(10));
        drain.hurry(Duration.ofSeconds(5), Duration.ofSeconds(60));
        assertEquals(-1, stuck.askedNs);
        drain.hurry(Duration.ZERO, Duration.ofSeconds(2));
        assertEquals(0, stuck.askedNs);
        advance(Duration.ofSeconds(2));
        assertTrue(stuck.wasCut);
        assertTrue(done);
    }

    @Test
    void drainThatFindsNoMemoryToBeginCanBeginAgain() {
        Connection one = new Connection(false, false, false);
        for (int i = 0; i < 2; i++) {
            scheduleLacks = i;
            everyLacks = 1 - i;
            assertThrows(OutOfMemoryError.class, () -> begin(Duration.ZERO, Duration.ofSeconds(1)));
            assertTrue(timers.isEmpty(), "timers left");
        }
        begin(Duration.ZERO, Duration.ofSeconds(1));
        assertEquals(0, one.askedNs);
        assertTrue(done);
        assertTrue(timers.isEmpty(), "timers left");
    }

    @Test
    void lookThatFindsNoMemoryIsMadeUpFor() {
        Connection one = new Connection(false, false, false);
        drain.begin(1, 0, Duration.ZERO, Duration.ofSeconds(10));
        membersLack = 2;
        assertThrows(OutOfMemoryError.class, drain::go);
        advance(Duration.ofMillis(200));
        assertTrue(one.askedNs > 0 && done, "asked long before the deadline");
    }

    @Test
    void nextLookForWhichThereIsNoTimerIsMadeUpFor() {
        Connection fresh = new Connection(false, false, false);
        drain.begin(1, 0, Duration.ofMillis(200), Duration.ofSeconds(10));
        scheduleLacks = 1;
        assertThrows(OutOfMemoryError.class, drain::go);
        advance(Duration.ofMillis(400));
        assertTrue(fresh.askedNs > 0 && done);
    }

    @Test
    void cutThatFindsNoMemoryKeepsNoOther() {
        Connection unlucky = new Connection(false, false, true);
        Connection stuck = new Connection(false, false, true);
        begin(Duration.ZERO, Duration.ofSeconds(1));
        cutLacks = 1;
        advance(Duration.ofSeconds(1));
        assertFalse(unlucky.wasCut);
        assertTrue(stuck.wasCut);
        advance(Duration.ofMillis(200));
        assertTrue(unlucky.wasCut);
        assertTrue(done);
    }

    @Test
    void endThatFindsNoMemoryComesLater() {
        Connection one = new Connection(false, false, true);
        begin(Duration.ZERO, Duration.ofSeconds(10));
        doneLacks = 2;
        one.close();
        assertFalse(done);
        advance(Duration.ofMillis(200));
        assertTrue(done);
        assertTrue(timers.isEmpty(), "timers left");
    }

    @Test
    void endThatFailsComesLaterAndCountsNoConnectionTwice() {
        Connection one = new Connection(false, false, true);
        begin(Duration.ZERO, Duration.ofSeconds(10));
        doneThrows = 1;
        one.close();
        assertFalse(done);
        advance(Duration.ofMillis(200));
        assertTrue(done);
        assertTrue(timers.isEmpty(), "timers left");
    }
}
