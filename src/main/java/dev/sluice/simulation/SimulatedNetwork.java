package dev.sluice.simulation;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.util.HashMap;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.LongSupplier;

/**
 * A network in memory, for one thread: a provider of selectors and sockets, and the clock that they share.
 *
 * <pre>
 *   SimulatedNetwork network = new SimulatedNetwork(seed, Conditions.BAD);
 *   Reactor reactor = Reactor.open(network.clock(), network);
 *   ReactorServer server = ReactorServer.open(reactor, network, network.address(7), options, factory);
 *   Peer peer = network.connect(server.address());
 *   peer.send(bytes);
 *   while (...) reactor.runOnce(Duration.ofSeconds(1)); // which passes at once, if nothing happens
 * </pre>
 *
 * <p>Time passes only within a select: it jumps to the next event, or to the end of the wait. All that is random comes from
 * one seed, and channels are ready in the order in which they were registered: the same seed, the same run.
 */
public final class SimulatedNetwork extends SelectorProvider {

    private static final int FIRST_PORT = 40_000;
    private static final int LAST_PORT = 65_535;

    /** Something that happens at its time; of two at one time, the first to be planned. */
    private record Event(long atNs, long number, Runnable what) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return atNs == other.atNs ? Long.compare(number, other.number) : Long.compare(atNs, other.atNs);
        }
    }

    final Random random;
    final Conditions conditions;
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private final Map<Integer, SimulatedListener> listeners = new HashMap<>();
    private long nowNs = 1_000_000_000L;
    private long planned;
    private int lastPort = FIRST_PORT - 1;

    /**
     * Makes an empty network.
     *
     * @param seed       of all that is random
     * @param conditions what it does to bytes
     */
    public SimulatedNetwork(long seed, Conditions conditions) {
        this.random = new Random(seed);
        this.conditions = conditions;
    }

    /**
     * The time here, for a reactor.
     *
     * @return nanoseconds, from one second on
     */
    public LongSupplier clock() {
        return () -> nowNs;
    }

    /**
     * An address in this network.
     *
     * @param port the port; 0 where a listener is to take a free one
     * @return 127.0.0.1 with that port
     */
    public InetSocketAddress address(int port) {
        try {
            return new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port);
        } catch (UnknownHostException e) {
            throw new AssertionError("four bytes are an address", e);
        }
    }

    /**
     * Connects a client, which the test holds. Its connection is there when a segment has travelled; with nobody listening
     * then, or a full backlog, it is reset.
     *
     * @param server where to
     * @return the client's end
     */
    public Peer connect(InetSocketAddress server) {
        Peer peer = new Peer(this, address(freePort()));
        in(delayNs(), () -> {
            SimulatedListener listener = listeners.get(server.getPort());
            if (peer.isReset()) {
                return; // it has gone before it was there
            }
            if (listener == null || !listener.offer(peer)) {
                peer.refused();
            }
        });
        return peer;
    }

    /**
     * Plans something, a client's next word for one.
     *
     * @param delayNs nanoseconds from now
     * @param what    is run within a select, on the thread of the reactor
     */
    public void in(long delayNs, Runnable what) {
        events.add(new Event(nowNs + Math.max(0, delayNs), planned++, what));
    }

    /** How long the next segment travels. */
    long delayNs() {
        long range = conditions.longestNs() - conditions.shortestNs();
        return conditions.shortestNs() + (range == 0 ? 0 : (long) (random.nextDouble() * range));
    }

    long nowNs() {
        return nowNs;
    }

    /** When the next event is, or the longest time where there is none. */
    long nextNs() {
        return events.isEmpty() ? Long.MAX_VALUE : events.peek().atNs();
    }

    /** Lets time pass, and what is planned until then happen. */
    void advanceTo(long atNs) {
        while (nextNs() <= atNs) {
            Event event = events.poll();
            nowNs = Math.max(nowNs, event.atNs());
            event.what().run();
        }
        nowNs = Math.max(nowNs, atNs);
    }

    /** Gives a listener its port; false if that is taken. */
    boolean bind(SimulatedListener listener, int port) {
        return listeners.putIfAbsent(port, listener) == null;
    }

    /** One after the other, and then again from the first: not those on which somebody listens. */
    int freePort() {
        do {
            lastPort = lastPort == LAST_PORT ? FIRST_PORT : lastPort + 1;
        } while (listeners.containsKey(lastPort));
        return lastPort;
    }

    void unbind(int port) {
        listeners.remove(port);
    }

    @Override
    public AbstractSelector openSelector() {
        return new SimulatedSelector(this);
    }

    @Override
    public ServerSocketChannel openServerSocketChannel() {
        return new SimulatedListener(this);
    }

    /** Not simulated yet: clients are {@link Peer}s. */
    @Override
    public SocketChannel openSocketChannel() {
        throw new UnsupportedOperationException("clients of a simulated network are its peers");
    }

    /** Not simulated. */
    @Override
    public DatagramChannel openDatagramChannel() {
        throw new UnsupportedOperationException("a simulated network has no datagrams");
    }

    /** Not simulated. */
    @Override
    public DatagramChannel openDatagramChannel(ProtocolFamily family) {
        return openDatagramChannel();
    }

    /** Not simulated. */
    @Override
    public Pipe openPipe() {
        throw new UnsupportedOperationException("a simulated network has no pipes");
    }
}
