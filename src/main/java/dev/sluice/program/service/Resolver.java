package dev.sluice.program.service;

import dev.sluice.internal.RateLimitedLog;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks names up again and again, on a thread of its own, because a name server may take its time. An address is kept while its name still
 * has it, and while there is no answer.
 */
final class Resolver implements AutoCloseable {

    /** A name server. */
    interface Lookup {
        /**
         * May wait for long.
         *
         * @param host a name
         * @return its addresses, at least one
         * @throws UnknownHostException if there is no answer, or no such name
         */
        InetAddress[] lookUp(String host) throws UnknownHostException;
    }

    /** That of the machine. */
    static final Lookup SYSTEM = InetAddress::getAllByName;

    /** An address whose name is looked up. Any thread may read it. */
    static final class Resolved {
        private final RateLimitedLog failures = new RateLimitedLog(LOG);
        private volatile SocketAddress address;

        /**
         * Begins with an address.
         *
         * @param address with the name that it was made from; without one, it stays
         */
        Resolved(SocketAddress address) {
            this.address = address;
        }

        SocketAddress address() {
            return address;
        }

        private boolean hasName() {
            return address instanceof InetSocketAddress now
                    && (now.isUnresolved() || !now.getHostString().equals(now.getAddress().getHostAddress()));
        }
    }

    private static final Logger LOG = LoggerFactory.getLogger(Resolver.class);

    private final Iterable<Resolved> all;
    private final Lookup names;
    private final CountDownLatch closed = new CountDownLatch(1);

    /**
     * Begins, unless no address has a name.
     *
     * @param all      what is looked up
     * @param names    asked on a thread apart
     * @param interval how long to wait before each round; zero: nothing is looked up
     */
    Resolver(Iterable<Resolved> all, Lookup names, Duration interval) {
        this.all = all;
        this.names = names;
        boolean some = false;
        for (Resolved each : all) {
            some |= each.hasName();
        }
        if (some && !interval.isZero()) {
            Thread thread = new Thread(() -> run(interval), "sluice-resolver");
            thread.setDaemon(true); // its end is not waited for: it may be in a look-up
            thread.start();
        }
    }

    private void run(Duration interval) {
        try {
            while (!closed.await(interval.toMillis(), TimeUnit.MILLISECONDS)) {
                lookUpAll();
            }
        } catch (InterruptedException e) {
            // nobody does, and addresses stay as they are
        }
    }

    private void lookUpAll() {
        for (Resolved each : all) {
            try {
                if (each.hasName()) {
                    lookUp(each);
                }
            } catch (Throwable t) { // no memory, too: there is another round
                each.failures.warn(System.nanoTime(), "cannot resolve a target again, it is kept as it was", t);
            }
        }
    }

    private void lookUp(Resolved each) throws UnknownHostException {
        InetSocketAddress now = (InetSocketAddress) each.address;
        InetAddress[] found = names.lookUp(now.getHostString());
        if (!Arrays.asList(found).contains(now.getAddress())) {
            each.address = new InetSocketAddress(InetAddress.getByAddress(now.getHostString(), found[0].getAddress()), now.getPort());
            LOG.info("a target has moved from {} to {}", now, each.address);
        }
    }

    /** There are no more look-ups, but for one that is under way. */
    @Override
    public void close() {
        closed.countDown();
    }
}
