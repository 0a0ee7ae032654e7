package dev.sluice.simulation;

import java.io.UncheckedIOException;
import java.net.BindException;
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

    /** A planned task. Of two at one time, the one that was planned first comes first. */
    private record Event(long atNs, long number, Runnable what) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return atNs == other.atNs ? Long.compare(number, other.number) : Long.compare(atNs, other.atNs);
        }
    }

    final Random random;
    final Conditions conditions;
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    final Ports ports = new Ports();
    private long nowNs = 1_000_000_000L;
    private long planned;

    /**
     * Makes an empty network.
     *
     * @param seed       of all that is random
     * @param conditions its delays, pieces and faults
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
     * Connects a client, which the test holds. Its connection is there when a segment has travelled. If nothing listens
     * then, or the backlog is full, it is reset. The client's port is one of 32,768 to 60,999 from which no client is connected to this
     * server. It is free again when the server has closed the connection, and the client has seen its end.
     *
     * @param server where to
     * @return the client's end
     * @throws UncheckedIOException if there is no such port, with a {@link BindException}
     */
    public Peer connect(InetSocketAddress server) {
        Peer peer;
        try {
            peer = new Peer(this, address(ports.connect(server.getPort())), server);
        } catch (BindException e) {
            throw new UncheckedIOException(e);
        }
        in(delayNs(), () -> {
            SimulatedListener listener = ports.listener(server.getPort());
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
     * Plans a task, such as a client's next message.
     *
     * @param delayNs nanoseconds from now
     * @param what    the task; it is run within a select, on the thread of the reactor
     */
    public void in(long delayNs, Runnable what) {
        events.add(new Event(nowNs + Math.max(0, delayNs), planned++, what));
    }

    /** The time that the next segment travels. */
    long delayNs() {
        long range = conditions.longestNs() - conditions.shortestNs();
        return conditions.shortestNs() + (range == 0 ? 0 : (long) (random.nextDouble() * range));
    }

    long nowNs() {
        return nowNs;
    }

    /** The time of the next event, or the longest time if there is none. */
    long nextNs() {
        return events.isEmpty() ? Long.MAX_VALUE : events.peek().atNs();
    }

    /** Lets time pass, and runs the tasks that were planned until then. */
    void advanceTo(long atNs) {
        while (nextNs() <= atNs) {
            Event event = events.poll();
            nowNs = Math.max(nowNs, event.atNs());
            event.what().run();
        }
        nowNs = Math.max(nowNs, atNs);
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
