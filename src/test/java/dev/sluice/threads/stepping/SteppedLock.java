package dev.sluice.threads.stepping;

import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock whose every use is a step. It keeps nothing of the lock that it extends but the type, which the engine's fields have so that
 * in production a call is a direct one.
 */
public final class SteppedLock extends ReentrantLock {

    private static final long serialVersionUID = 1;

    /** Its holder outside of a run. */
    private static final int NOBODY = -2;

    private final transient Stepper stepper;
    private int owner = NOBODY;
    private int holds;

    /** Makes a free one. */
    public SteppedLock(Stepper stepper) {
        this.stepper = stepper;
    }

    @Override
    public void lock() {
        if (isHeldByCurrentThread()) {
            holds++;
            return;
        }
        stepper.await("lock", () -> owner == NOBODY);
        take(1);
    }

    private void take(int count) {
        if (owner != NOBODY) {
            throw new AssertionError("a lock is taken twice");
        }
        owner = stepper.who();
        holds = count;
    }

    @Override
    public boolean tryLock() {
        if (isHeldByCurrentThread()) {
            holds++;
            return true;
        }
        stepper.step("try lock");
        if (owner != NOBODY) {
            return false;
        }
        take(1);
        return true;
    }

    @Override
    public void unlock() {
        checkMine();
        if (--holds == 0) {
            owner = NOBODY;
            stepper.step("unlock");
        }
    }

    private void checkMine() {
        if (!isHeldByCurrentThread()) {
            throw new IllegalMonitorStateException();
        }
    }

    @Override
    public boolean isHeldByCurrentThread() {
        return owner == stepper.who();
    }

    @Override
    public boolean isLocked() {
        return owner != NOBODY;
    }

    @Override
    public int getHoldCount() {
        return isHeldByCurrentThread() ? holds : 0;
    }

    @Override
    public Condition newCondition() {
        return new SteppedCondition();
    }

    @Override
    public void lockInterruptibly() {
        throw new UnsupportedOperationException("not stepped yet");
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) {
        throw new UnsupportedOperationException("not stepped yet");
    }

    private final class SteppedCondition implements Condition {
        /** Threads that wait and were not signalled, the first first. */
        private final List<boolean[]> waiting = new ArrayList<>();

        /** Returns what is left of the time. */
        private long await(long atNs) {
            checkMine();
            boolean[] signalled = new boolean[1];
            waiting.add(signalled);
            int held = holds;
            owner = NOBODY;
            stepper.await("wait", () -> signalled[0], atNs);
            if (!signalled[0]) {
                waiting.removeIf(each -> each == signalled);
            }
            stepper.await("lock after wait", () -> owner == NOBODY);
            take(held);
            return atNs - stepper.nowNs();
        }

        @Override
        public void awaitUninterruptibly() {
            await(Stepper.NEVER);
        }

        @Override
        public void await() throws InterruptedException {
            checkInterrupted();
            await(Stepper.NEVER);
        }

        @Override
        public long awaitNanos(long nanos) throws InterruptedException {
            checkInterrupted();
            return await(stepper.nowNs() + nanos);
        }

        @Override
        public boolean await(long time, TimeUnit unit) throws InterruptedException {
            return awaitNanos(unit.toNanos(time)) > 0;
        }

        @Override
        public boolean awaitUntil(Date deadline) {
            throw new UnsupportedOperationException("there is no time of day here");
        }

        private void checkInterrupted() throws InterruptedException {
            checkMine();
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
        }

        @Override
        public void signal() {
            checkMine();
            if (!waiting.isEmpty()) {
                waiting.remove(0)[0] = true;
            }
            stepper.step("signal");
        }

        @Override
        public void signalAll() {
            checkMine();
            waiting.forEach(each -> each[0] = true);
            waiting.clear();
            stepper.step("signal all");
        }
    }
}
