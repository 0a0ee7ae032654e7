package dev.sluice.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.locks.Condition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The condition of a lock that needs no memory. */
@Timeout(60)
class PatientLockTest {

    private final PatientLock lock = new PatientLock();
    private final Condition condition = lock.newCondition();
    private int turn;
    private boolean wasInterrupted;

    private void take(int mine, int rounds) {
        for (int i = 0; i < rounds; i++) {
            lock.lock();
            try {
                while (turn % 2 != mine) {
                    condition.awaitUninterruptibly();
                }
                turn++;
                condition.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    @Test
    void twoThreadsThatWaitForEachOtherGoOn() throws Exception {
        int rounds = 20_000;
        Thread other = new Thread(() -> take(1, rounds));
        other.start();
        take(0, rounds);
        other.join();
        assertEquals(2 * rounds, turn);
    }

    @Test
    void interruptDoesNotEndAWaitAndIsKept() throws Exception {
        Thread waiting = new Thread(() -> {
            take(1, 1);
            wasInterrupted = Thread.interrupted();
        });
        waiting.start();
        while (waiting.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        waiting.interrupt();
        while (waiting.isInterrupted() || waiting.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        take(0, 1);
        waiting.join();
        assertTrue(wasInterrupted);
        assertEquals(2, turn);
    }
}
