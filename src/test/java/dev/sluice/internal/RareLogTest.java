package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

/** A line a second, and none uncounted, however many threads have something to say. */
class RareLogTest {

    private static final long SECOND_NS = 1_000_000_000;

    private final List<String> lines = Collections.synchronizedList(new ArrayList<>());
    private final RateLimitedLog log = new RateLimitedLog((Logger) Proxy.newProxyInstance(
            RareLogTest.class.getClassLoader(), new Class<?>[] {Logger.class}, (self, method, arguments) -> lines.add((String) arguments[1])));

    @Test
    void lineAMinuteStandsForAllOfIt() {
        RateLimitedLog minutes = new RateLimitedLog((Logger) Proxy.newProxyInstance(
                RareLogTest.class.getClassLoader(), new Class<?>[] {Logger.class}, (self, method, arguments) -> lines.add((String) arguments[1])),
                Duration.ofMinutes(1));
        for (int second = 0; second <= 60; second++) {
            minutes.warn(second * SECOND_NS, "refused", new IOException("by the test"));
        }
        assertEquals(List.of("refused", "refused (and 59 more like it)"), lines);
    }

    @Test
    void manyThreadsShareALineASecondAndLoseNoCount() throws Exception {
        int threads = 8;
        int each = 20_000;
        CountDownLatch go = new CountDownLatch(1);
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            Thread thread = new Thread(() -> {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                for (int j = 0; j < each; j++) {
                    log.warn(0, "down", new IOException("refused"));
                }
            });
            thread.start();
            all.add(thread);
        }
        go.countDown();
        for (Thread thread : all) {
            thread.join();
        }
        log.warn(SECOND_NS - 1, "down", new IOException("refused"));
        assertEquals(List.of("down"), lines);
        log.warn(SECOND_NS, "down", new IOException("refused"));
        assertEquals(List.of("down", "down (and " + threads * each + " more like it)"), lines);
    }
}
