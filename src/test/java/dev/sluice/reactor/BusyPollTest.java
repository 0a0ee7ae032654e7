package dev.sluice.reactor;

import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A loop that polls before it blocks. Each look at the clock takes ten nanoseconds here. */
class BusyPollTest {

    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 50); // it will wrap around
    private int asked;

    private long rest(long waitNs, int foundAt) throws Exception {
        BusyPoll spin = new BusyPoll(() -> ++asked == foundAt);
        spin.longestNs(100);
        return spin.before(waitNs, () -> now.getAndAdd(10));
    }

    @Test
    void asksUntilItsTimeIsOverAndLeavesTheRestOfTheWait() throws Exception {
        assertEquals(900, rest(1_000, -1));
        assertEquals(10, asked);
    }

    @Test
    void readyChannelEndsTheBusyPoll() throws Exception {
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
        reactor.busyPoll.longestNs(1);
        Thread thread = new Thread(() -> {
            try {
                reactor.run();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        });
        thread.start();
        try {
            for (int i = 0; i < 100; i++) {
                CountDownLatch done = new CountDownLatch(1);
                assertTrue(reactor.execute(done::countDown));
                assertTrue(done.await(30, TimeUnit.SECONDS));
            }
            assertEquals(0, reactor.stats().wakeups());
            assertEquals(100, reactor.stats().tasks());
        } finally {
            reactor.stop();
            thread.join();
        }
    }

    private static ReactorServer echo(Reactor reactor) throws IOException {
        ReactorOptions options = ReactorOptions.builder()
                .server(ServerOptions.builder().lingerTimeout(Duration.ZERO).build())
                .spin(Duration.ofMillis(1))
                .stallThreshold(Duration.ZERO)
                .build();
        return ReactorServer.start(
                new Reactor[] {reactor}, List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))), options,
                connection -> (self, in) -> self.write(in));
    }

    private static void ask(Socket client) throws IOException {
        client.getOutputStream().write(7);
        assertEquals(7, client.getInputStream().read());
    }

    /** Its clock stands still, too: were it not the spin that finds the client, nothing would. */
    @Test
    @Timeout(60)
    void serverThatSpinsFindsItsClients() throws Exception {
        Reactor reactor = Reactor.open(() -> 0, SelectorProvider.provider());
        try (ReactorServer server = echo(reactor);
                Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            for (int i = 0; i < 100; i++) {
                ask(client);
            }
            assertFalse(reactor.sleeping.get());
        }
        assertEquals(0, reactor.stats().wakeups());
    }

    @Test
    @Timeout(60)
    void serverThatHasSpunLongEnoughSleepsAndIsWoken() throws Exception {
        Reactor reactor = Reactor.open();
        try (ReactorServer server = echo(reactor);
                Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            ask(client);
            Awaitility.await().until(reactor.sleeping::get);
            CountDownLatch done = new CountDownLatch(1);
            reactor.execute(done::countDown);
            done.await();
            assertTrue(reactor.stats().wakeups() > 0);
            ask(client);
        }
    }
}
