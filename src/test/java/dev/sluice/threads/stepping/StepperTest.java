package dev.sluice.threads.stepping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.Condition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The stepper finds faults in a few lines each that are known to be wrong, and none where there is none. */
@Timeout(60)
class StepperTest {

    private static final int SCHEDULES = 500;

    /** Some threads, and what is checked when they have ended. */
    private abstract static class Threads implements Stepper.Play {
        Stepper stepper;

        @Override
        public Stepper.Next quiet(boolean mayWait) {
            return mayWait ? Stepper.Next.WAIT : Stepper.Next.END;
        }

        @Override
        public int mostSteps() {
            return 1_000;
        }

        @Override
        public String toString() {
            return getClass().getSimpleName();
        }
    }

    private interface Making {
        Threads make();
    }

    private static Finding inManyOrders(Making making) {
        Stepper stepper = new Stepper();
        for (int seed = 0; seed < SCHEDULES; seed++) {
            Threads threads = making.make();
            threads.stepper = stepper;
            try {
                stepper.run(threads, new Schedule(seed));
            } catch (Finding finding) {
                return finding;
            }
        }
        return null;
    }

    private static final class Transfer extends Threads {
        private final boolean isOrdered;

        Transfer(boolean isOrdered) {
            this.isOrdered = isOrdered;
        }

        @Override
        public void begin() {
            SteppedLock one = new SteppedLock(stepper);
            SteppedLock two = new SteppedLock(stepper);
            stepper.spawn("from one", () -> both(one, two));
            stepper.spawn("from two", () -> both(isOrdered ? one : two, isOrdered ? two : one));
        }

        private static void both(SteppedLock first, SteppedLock second) {
            first.lock();
            second.lock();
            second.unlock();
            first.unlock();
        }
    }

    @Test
    void locksTakenInTwoOrdersAreADeadlock() {
        Finding finding = inManyOrders(() -> new Transfer(false));
        assertNotNull(finding);
        assertEquals("no thread can go on", finding.kind());
        assertNull(inManyOrders(() -> new Transfer(true)));
    }

    private static final class Counting extends Threads {
        private final boolean isLocked;
        private int count;

        Counting(boolean isLocked) {
            this.isLocked = isLocked;
        }

        @Override
        public void begin() {
            SteppedLock lock = new SteppedLock(stepper);
            for (int i = 0; i < 2; i++) {
                stepper.spawn("counts", () -> {
                    if (isLocked) {
                        lock.lock();
                    }
                    int seen = count;
                    stepper.step("thinks");
                    count = seen + 1;
                    if (isLocked) {
                        lock.unlock();
                    }
                });
            }
        }

        @Override
        public void check() {
            stepper.check(count == 2, "a count is lost");
        }
    }

    @Test
    void additionOverAStepIsLost() {
        Finding finding = inManyOrders(() -> new Counting(false));
        assertNotNull(finding);
        assertEquals("a count is lost", finding.kind());
        assertNull(inManyOrders(() -> new Counting(true)));
    }

    /** One waits for a word; it looks for the word before it has the lock, or after. */
    private static final class Word extends Threads {
        private final boolean looksFirst;
        private boolean said;

        Word(boolean looksFirst) {
            this.looksFirst = looksFirst;
        }

        @Override
        public void begin() {
            SteppedLock lock = new SteppedLock(stepper);
            Condition changed = lock.newCondition();
            stepper.spawn("waits", () -> {
                boolean seen = said;
                lock.lock();
                if (!(looksFirst ? seen : said)) {
                    changed.awaitUninterruptibly();
                }
                lock.unlock();
            });
            stepper.spawn("says", () -> {
                lock.lock();
                said = true;
                changed.signalAll();
                lock.unlock();
            });
        }
    }

    @Test
    void signalThatComesBeforeTheWaitIsMissed() {
        Finding finding = inManyOrders(() -> new Word(true));
        assertNotNull(finding);
        assertTrue(finding.getMessage().contains("waits: wait"), finding.getMessage());
        assertNull(inManyOrders(() -> new Word(false)));
    }

    @Test
    void threadThatTurnsWithoutAnEndIsFound() {
        Finding finding = inManyOrders(() -> new Threads() {
            @Override
            public void begin() {
                while (stepper.steps() >= 0) {
                    stepper.step("turns");
                }
            }
        });
        assertNotNull(finding);
        assertEquals("more than # steps: it turns without an end", finding.kind());
    }

    @Test
    void threadThatDiesIsFound() {
        Finding finding = inManyOrders(() -> new Threads() {
            @Override
            public void begin() {
                throw new IllegalStateException("on purpose");
            }
        });
        assertNotNull(finding);
        assertTrue(finding.kind().startsWith("a thread died: main"), finding.kind());
    }

    @Test
    void timePassesToTheNextDeadlineAndWakesWhomItConcerns() {
        Set<String> orders = new HashSet<>();
        assertNull(inManyOrders(() -> new Threads() {
            private final StringBuilder order = new StringBuilder();

            @Override
            public void begin() {
                long startNs = stepper.nowNs();
                for (int ms : new int[] {30, 10, 20}) {
                    stepper.spawn("sleeps", () -> {
                        stepper.sleep(ms * 1_000_000L);
                        stepper.check(stepper.nowNs() - startNs >= ms * 1_000_000L, "it wakes too early");
                        order.append(ms);
                    });
                }
            }

            @Override
            public void check() {
                orders.add(order.toString());
            }

            @Override
            public boolean mayHurry() {
                return false;
            }
        }));
        assertEquals(Set.of("102030"), orders);
    }

    @Test
    void bothOrdersOfTwoThreadsAreTried() {
        Set<String> orders = new HashSet<>();
        assertNull(inManyOrders(() -> new Threads() {
            private final StringBuilder order = new StringBuilder();

            @Override
            public void begin() {
                stepper.spawn("a", () -> order.append('a'));
                stepper.spawn("b", () -> order.append('b'));
            }

            @Override
            public void check() {
                orders.add(order.toString());
            }
        }));
        assertEquals(Set.of("ab", "ba"), orders);
    }

    @Test
    void interruptIsKeptOverAHandover() {
        AtomicReference<Boolean> kept = new AtomicReference<>();
        assertNull(inManyOrders(() -> new Threads() {
            @Override
            public void begin() {
                SteppedLock lock = new SteppedLock(stepper);
                stepper.spawn("holds", () -> {
                    lock.lock();
                    stepper.step("holds");
                    lock.unlock();
                });
                Thread.currentThread().interrupt();
                lock.lock();
                kept.set(Thread.interrupted());
                lock.unlock();
            }

            @Override
            public void check() {
                stepper.check(kept.get(), "the interrupt is lost");
            }
        }));
    }

    @Test
    void findingWithFewerPreemptionsIsAmongTheSimplerSchedules() {
        Stepper stepper = new Stepper();
        int shown = 0;
        for (int seed = 0; seed < SCHEDULES; seed++) {
            Schedule schedule = new Schedule(seed);
            String before = schedule.toString();
            schedule.simpler(50).forEach(simpler -> assertTrue(!simpler.toString().equals(before), before));
            Threads threads = new Counting(false);
            threads.stepper = stepper;
            StringBuilder told = new StringBuilder();
            try {
                stepper.run(threads, schedule, told);
            } catch (Finding finding) {
                shown++;
                threads = new Counting(false);
                threads.stepper = stepper;
                String again = "";
                try {
                    stepper.run(threads, schedule.again());
                } catch (Finding same) {
                    again = same.getMessage();
                }
                assertEquals(finding.getMessage(), again, "the same schedule shows the same");
            }
        }
        assertTrue(shown > 0);
    }
}
