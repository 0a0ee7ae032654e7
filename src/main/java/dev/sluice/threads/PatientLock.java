package dev.sluice.threads;

import dev.sluice.internal.Patience;
import java.util.Date;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock that is to be had without memory. A thread that waits for a {@link ReentrantLock} needs some on Java 17: without it, the call
 * throws, and the signal of a condition is lost with the thread that waits for it. Here such a thread looks again after a pause, and a
 * condition is what its one waiting thread, which has the lock once, is parked on.
 */
final class PatientLock extends ReentrantLock {

    private static final long serialVersionUID = 1;

    /** Makes a free one. */
    PatientLock() {}

    @Override
    public void lock() {
        try {
            super.lock();
        } catch (VirtualMachineError e) { // it does not wait for the lock, and does not have it
            while (!tryLock()) {
                Patience.pause();
            }
        }
    }

    @Override
    public Condition newCondition() {
        return new OneWaits();
    }

    private final class OneWaits implements Condition {
        /** Guarded by the lock; null once it was signalled. */
        private Thread waiting;

        @Override
        public void awaitUninterruptibly() {
            assert waiting == null && getHoldCount() == 1 : "another waits, or the lock is held more than once";
            Thread me = Thread.currentThread();
            waiting = me;
            boolean interrupted = false;
            while (waiting == me) {
                unlock();
                park();
                interrupted |= Thread.interrupted(); // or it would not park
                lock();
            }
            if (interrupted) {
                me.interrupt();
            }
        }

        /** A virtual thread may find no memory to wait. */
        private void park() {
            try {
                LockSupport.park(this);
            } catch (VirtualMachineError e) {
                Patience.pause();
            }
        }

        @Override
        public void signalAll() {
            Thread signalled = waiting;
            waiting = null;
            LockSupport.unpark(signalled);
        }

        @Override
        public void signal() {
            signalAll();
        }

        @Override
        public void await() {
            throw notNeeded();
        }

        @Override
        public long awaitNanos(long nanos) {
            throw notNeeded();
        }

        @Override
        public boolean await(long time, TimeUnit unit) {
            throw notNeeded();
        }

        @Override
        public boolean awaitUntil(Date deadline) {
            throw notNeeded();
        }

        private UnsupportedOperationException notNeeded() {
            return new UnsupportedOperationException("waits without a limit");
        }
    }
}
