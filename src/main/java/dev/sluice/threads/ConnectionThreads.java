package dev.sluice.threads;

import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * The threads of one server: those that serve connections, and helpers for work that cannot wait until a connection's own thread
 * comes back from a read or a write. A helper lives as long as its work, or a few seconds longer where threads are expensive.
 */
final class ConnectionThreads {

    private static final int HELPER_WAITS_SECONDS = 5;

    /** Runs the life of a connection. */
    private final Executor own;

    private final Executor helper;

    /** The workers of a pool, or null: a thread for each connection. */
    private final ThreadPoolExecutor pool;

    /** Helpers that are kept for a while, or null: a thread for each piece of work. */
    private final ThreadPoolExecutor helpers;

    /**
     * Makes the threads of its pool; all others are made when they are needed.
     *
     * @param size        threads of a pool, or 0 for one each
     * @param keepHelpers whether a thread is too expensive to be made for each piece of work
     * @throws OutOfMemoryError when there are not as many threads to be had
     */
    ConnectionThreads(ThreadFactory factory, ThreadFactory helperFactory, int size, boolean keepHelpers) {
        this(factory, helperFactory, size == 0 ? made -> null : made -> (ThreadPoolExecutor) Executors.newFixedThreadPool(size, made), keepHelpers);
    }

    /** As above, with a pool of another make; or with null for a thread each. */
    ConnectionThreads(
            ThreadFactory factory, ThreadFactory helperFactory, Function<ThreadFactory, ThreadPoolExecutor> pool, boolean keepHelpers) {
        this.pool = pool.apply(factory);
        this.helpers = keepHelpers ? (ThreadPoolExecutor) Executors.newCachedThreadPool(helperFactory) : null; // two for each connection at most
        if (helpers != null) {
            helpers.setKeepAliveTime(HELPER_WAITS_SECONDS, TimeUnit.SECONDS);
        }
        this.own = this.pool == null ? work -> factory.newThread(work).start() : this.pool;
        this.helper = helpers == null ? work -> helperFactory.newThread(work).start() : helpers;
        if (this.pool != null) {
            try {
                this.pool.prestartAllCoreThreads();
            } catch (Throwable t) {
                this.pool.shutdown();
                throw t;
            }
        }
    }

    /** Has a connection served by a thread of its own, at once or in its turn; throws when there is no thread for it. */
    void serve(Runnable connection) {
        own.execute(connection);
    }

    /** Has a connection served by a thread of its own, even where the others share a pool: those wait for this one. */
    void serveApart(Runnable connection) {
        (pool == null ? own : helper).execute(connection);
    }

    /** Takes back a connection that waits; false if its thread has it already. */
    boolean withdraw(Runnable connection) {
        return pool != null && pool.remove(connection);
    }

    /** How many connections wait. */
    int waiting() {
        return pool == null ? 0 : pool.getQueue().size();
    }

    /** Has work done by a helper; throws when there is no thread for it. */
    void help(Runnable work) {
        helper.execute(work);
    }

    /** Lets every thread end with what it does. */
    void end() {
        if (pool != null) {
            pool.shutdown();
        }
        if (helpers != null) {
            helpers.shutdown();
        }
    }
}
