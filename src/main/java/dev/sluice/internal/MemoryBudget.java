package dev.sluice.internal;

import dev.sluice.ServerOptions;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/**
 * The limit of the memory that the connections of one server hold together, on all its loops and threads, and what it does to each of
 * them. Any thread. Each loop keeps its own account, so that counting costs no fence, and the sum may be a little late.
 *
 * <pre>
 *   0                                     3/4            15/16      limit
 *   ├──────────────────────────────────────┼───────────────┼──────────┤
 *     each up to its own limits              what a          answers    the largest are closed,
 *                                            connection      and        never one that holds less
 *                                            may hold        newcomers  than an equal share
 *                                            shrinks to 0    only
 * </pre>
 *
 * <p>Each connection that is let in is charged with what it needs at least on its engine. For that it may always hold so much unread
 * input that a short request is read and answered, however short memory is.
 */
public final class MemoryBudget {

    /** What a connection on a loop needs at least: its objects, the JDK's among them, and {@link #PAID}. */
    public static final int LEAST_ON_A_LOOP = 1 << 10;

    /** What a connection on a thread needs at least: a read buffer of its own besides. */
    public static final int LEAST_ON_A_THREAD = 2 << 10;

    /** Bytes of unread input that a connection may always hold, because it has paid for them when it was let in. */
    public static final int PAID = 1 << 10;

    /** So small a heap would leave no room for a queue. */
    private static final long SMALLEST = 64 << 10;

    private final long limit;
    private final int highWater;
    private final int least;
    private final AtomicInteger connections = new AtomicInteger();
    private LongSupplier[] loops = {};

    /**
     * The budget of a server.
     *
     * @param options the server's
     * @param least   bytes that a connection needs at least on its engine
     */
    public MemoryBudget(ServerOptions options, int least) {
        this(limit(options), options.highWater(), least);
    }

    MemoryBudget(long limit, int highWater, int least) {
        this.limit = limit;
        this.highWater = highWater;
        this.least = least;
    }

    /**
     * The memory that the connections of a server may hold.
     *
     * @param options the server's
     * @return bytes: what the options say, else a quarter of the maximum heap, or three quarters of the maximum direct memory if that is less
     */
    public static long limit(ServerOptions options) {
        return options.maxMemory() > 0 ? options.maxMemory() : Math.max(SMALLEST, Math.min(Runtime.getRuntime().maxMemory() / 4, DirectMemoryLimit.bytes() / 4 * 3));
    }

    /**
     * How many idle connections leave a quarter of the budget for what they read and write.
     *
     * @param options the server's
     * @param least   bytes that each needs
     * @return at least 1
     */
    static long idleConnections(ServerOptions options, int least) {
        return Math.max(1, limit(options) / 4 * 3 / least);
    }

    /**
     * Before the loops start. Adds the account of a loop, or of all threads together.
     *
     * @param held bytes; called on any thread
     */
    public void add(LongSupplier held) {
        LongSupplier[] more = Arrays.copyOf(loops, loops.length + 1);
        more[loops.length] = held;
        loops = more;
    }

    /** A connection is let in, or asks to be. */
    int enter() {
        return connections.incrementAndGet();
    }

    /** It has gone. */
    int leave() {
        return connections.decrementAndGet();
    }

    /** Connections that were let in. */
    int connections() {
        return connections.get();
    }

    /**
     * What is held now.
     *
     * @return bytes
     */
    public long held() {
        long sum = (long) connections.get() * least;
        for (LongSupplier loop : loops) {
            sum += loop.getAsLong();
        }
        return sum;
    }

    /**
     * The limit.
     *
     * @return bytes
     */
    public long limit() {
        return limit;
    }

    /**
     * What a handler holds on behalf of a connection, as it counts.
     *
     * @param bytes what it says
     * @return no more than is too much: of many, the sum is no long any more
     * @throws IllegalArgumentException below 0
     */
    public long declared(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("memory that is held: " + bytes + " bytes");
        }
        return Math.min(bytes, limit + 1);
    }

    /**
     * Whether connections that hold much are not read.
     *
     * @return true from three quarters of the limit
     */
    public boolean isShort() {
        return excess() > 0;
    }

    /**
     * How much has to be given back until memory is not short.
     *
     * @return bytes; zero or less while it is not
     */
    long excess() {
        return held() - limit / 4 * 3 + 1;
    }

    /**
     * How much input connections may still take.
     *
     * @return bytes, up to the last sixteenth; less than zero within it
     */
    long room() {
        return limit / 16 * 15 - held();
    }

    /**
     * Whether there are more connections than there is room for, though none of them held more than it needs at least.
     *
     * @return true above the limit
     */
    boolean isFull() {
        return (long) connections.get() * least > limit;
    }

    /**
     * Whether the largest connections are to be closed.
     *
     * @return true above the limit
     */
    public boolean isOver() {
        return held() > limit;
    }

    /**
     * How much a connection may hold and still be read: while memory is not short, as much output as its high water mark says; then ever
     * less, and nothing in the last sixteenth, which is for answers and for newcomers.
     *
     * @return bytes, beside {@link #PAID}
     */
    public long readMark() {
        long room = room();
        long shrinksOver = limit / 16 * 3;
        return room >= shrinksOver ? highWater : Math.max(0, Math.min(room, (long) (highWater * ((double) room / shrinksOver)))); // the product may be no long
    }

    /**
     * Whether a connection holds more than an equal share. One that does not is never closed for want of memory. Above the limit, one does.
     *
     * @param held bytes of one connection, beside what it needs at least
     * @return true above the limit divided by the number of connections
     */
    public boolean isAboveShare(long held) {
        return held + least > limit / Math.max(1, connections.get());
    }
}
