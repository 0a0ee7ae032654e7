package dev.sluice.internal;

import dev.sluice.ServerObserver.Refusal;
import dev.sluice.ServerOptions;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/** How many connections of a server are open, against how many may be, and what number each has. Any thread. */
public final class Admission {

    /** The limit where that of the descriptors is not known. */
    private static final int UNKNOWN = 10_000;

    /** The most that an option allows; a container may have a descriptor limit of 2^30. */
    private static final int MOST = 10_000_000;

    private final int limit;
    private final MemoryBudget budget;

    /** Or null: an address may have any number. */
    private final AddressLimit addresses;

    private final AtomicLong ids = new AtomicLong();
    private final List<Runnable> whenOneLeaves = new CopyOnWriteArrayList<>();

    /**
     * Makes one with nothing open.
     *
     * @param options a server's
     * @param least   bytes that a connection needs at least on its engine
     */
    public Admission(ServerOptions options, int least) {
        this.limit = limit(options, least);
        this.budget = new MemoryBudget(options, least);
        int ofAnAddress = options.maxConnectionsPerAddress();
        this.addresses = ofAnAddress == 0 ? null : new AddressLimit(ofAnAddress);
    }

    /**
     * How many connections may be open at once.
     *
     * @param options a server's
     * @param least   bytes that a connection needs at least on its engine
     * @return what the options say; else what the descriptors allow, or 10,000 where that is not known, and no more than leave a quarter
     *     of the memory for what they read and write
     */
    public static int limit(ServerOptions options, int least) {
        if (options.maxConnections() > 0) {
            return options.maxConnections();
        }
        int fit = Math.min(MOST, DescriptorLimit.connections(UNKNOWN));
        return (int) Math.min(fit, MemoryBudget.idleConnections(options, least));
    }

    /**
     * The memory that those who are let in share.
     *
     * @return the server's
     */
    public MemoryBudget budget() {
        return budget;
    }

    /**
     * Has a task run whenever a connection has gone.
     *
     * @param task called on any thread; does not wait
     */
    void whenOneLeaves(Runnable task) {
        whenOneLeaves.add(task);
    }

    /**
     * Lets a connection in, if there is room for what all need at least. Where others hold more than their shares, it is they that make room.
     *
     * @return null; or why it was not let in
     */
    public Refusal enter() {
        Refusal refusal = budget.enter() > limit ? Refusal.CONNECTION_LIMIT : budget.isFull() ? Refusal.MEMORY : null;
        if (refusal != null) {
            budget.leave();
        }
        return refusal;
    }

    /**
     * Whether it has to be known where a connection comes from.
     *
     * @return true if {@link #enterFrom} is to be called
     */
    public boolean limitsAddresses() {
        return addresses != null;
    }

    /**
     * Lets a connection in from its address, after {@link #enter}. One that is refused {@linkplain #leave leaves}, too.
     *
     * @param channel its socket
     * @param peer    where it comes from; null, or without an internet address: it is let in
     * @return null; or why it was not let in
     * @throws OutOfMemoryError it was not counted
     */
    public Refusal enterFrom(SocketChannel channel, SocketAddress peer) {
        return addresses == null || addresses.enter(channel, peer) ? null : Refusal.ADDRESS_LIMIT;
    }

    /**
     * An admitted connection has gone, and its descriptor is free or about to be. Throws nothing, not for want of memory either.
     *
     * @param channel its socket; null if it never had one
     */
    public void leave(SocketChannel channel) {
        int left = budget.leave();
        assert left >= 0 : "more connections left than entered";
        try {
            if (addresses != null) {
                addresses.leave(channel);
            }
        } catch (Throwable t) {
            // no memory: its address stays in the table, with its true number
        }
        try {
            for (Runnable task : whenOneLeaves) {
                task.run();
            }
        } catch (Throwable t) {
            // no memory: accepting goes on by its timer
        }
    }

    /**
     * A number for a connection, whether it is let in or not.
     *
     * @return 1 for the first
     */
    public long nextId() {
        return ids.incrementAndGet();
    }

    /**
     * How many are in.
     *
     * @return connections
     */
    public int open() {
        return budget.connections();
    }

    /**
     * Tells why a connection that could not enter was refused.
     *
     * @param why what {@link #enter} said
     * @return for an exception or a log
     */
    public String text(Refusal why) {
        return why == Refusal.MEMORY
                ? "the " + open() + " open connections hold the " + budget.limit() + " bytes that they may"
                : limit + " connections are open, the limit";
    }
}
