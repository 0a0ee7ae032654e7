package dev.sluice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.channels.spi.SelectorProvider;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A loop that polls before it blocks. Each look at the clock takes ten nanoseconds here. */
class SpinTest {

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 50); // it will wrap around
    private int asked;

    private long rest(long waitNs, int foundAt) throws Exception {
        Spin spin = new Spin(() -> ++asked == foundAt);
        spin.longestNs(100);
        return spin.before(waitNs, () -> now.getAndAdd(10));
    }

    @Test
    void asksUntilItsTimeIsOverAndLeavesTheRestOfTheWait() throws Exception {
        assertEquals(900, rest(1_000, -1));
        assertEquals(10, asked);
    }

    @Test
    void whatComesEndsIt() throws Exception {
        assertEquals(0, rest(1_000, 3));
        assertEquals(3, asked);
    }

    @Test
    void waitsForNoLongerThanTheLoopWould() throws Exception {
        assertEquals(0, rest(40, -1));
        assertEquals(4, asked);
    }

    @Test
    void loopThatHasWorkIsNotKept() throws Exception {
        assertEquals(0, rest(0, -1));
        assertEquals(0, asked);
    }

    @Test
    void foreverRemainsForever() throws Exception {
        assertEquals(Long.MAX_VALUE, rest(Long.MAX_VALUE, -1));
    }

    /** Its clock stands still, and so it spins for ever. */
    @Test
    @Timeout(60)
    void loopThatSpinsNeedsNoWakeUp() throws Exception {
        Reactor reactor = Reactor.open(() -> 0, SelectorProvider.provider());
        reactor.spin.longestNs(1);
        Thread thread = new Thread(() -> {
            try {
                reactor.run();
            } catch (java.io.IOException e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
        for (int i = 0; i < 1_000; i++) {
            CountDownLatch done = new CountDownLatch(1);
            assertTrue(reactor.execute(done::countDown));
            assertTrue(done.await(10, TimeUnit.SECONDS));
        }
        reactor.stop();
        thread.join();
        assertEquals(0, reactor.stats().wakeups());
        assertEquals(1_001, reactor.stats().tasks());
    }
}
