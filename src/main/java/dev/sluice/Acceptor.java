package dev.sluice;

import dev.sluice.internal.Admission;
import dev.sluice.internal.Counters;
import dev.sluice.internal.RareLog;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import org.slf4j.LoggerFactory;

/**
 * Accepts connections and hands each to the group with the fewest. When {@code accept} fails, for want of descriptors
 * mostly, the listener would stay ready and the loop spin: so it stops listening for a while, and tries again by a timer
 * that doubles from 10 ms to 1 s, or as soon as a connection closes. Belongs to the main reactor's thread.
 */
final class Acceptor implements Reactor.Callback {

    /** What an acceptor counts. */
    enum Count { REFUSED, FAILED, PAUSES }

    /** Enough to keep up with a storm of connects, few enough that the connections there are do not feel it. */
    private static final int ACCEPTS_A_TURN = 64;

    private static final long FIRST_PAUSE_MS = 10;
    private static final long LONGEST_PAUSE_MS = 1000;

    final Counters counters = new Counters(Count.class);

    private final Reactor reactor;
    private final ServerOptions options;
    private final Admission admission;
    private final ConnectionGroup[] groups;
    private final ServerSocketChannel listener;
    private final InetSocketAddress address;
    private final Registration registration;
    private final RareLog log = new RareLog(LoggerFactory.getLogger(Server.class));

    /** Made beforehand, here as below: when descriptors have run out, a class may fail to load. */
    private final Runnable resume = this::resume;

    private long pauseMs = FIRST_PAUSE_MS;
    private volatile boolean paused;
    private Timer retry;
    private int turn;

    Acceptor(
            Reactor reactor, ServerOptions options, ConnectionGroup[] groups, ServerSocketChannel listener, InetSocketAddress address)
            throws IOException {
        this.reactor = reactor;
        this.options = options;
        this.groups = groups;
        this.listener = listener;
        this.admission = new Admission(options.maxConnections());
        if (options.receiveBuffer() > 0) {
            listener.setOption(StandardSocketOptions.SO_RCVBUF, options.receiveBuffer()); // inherited, from the handshake on
        }
        listener.bind(address, options.backlog());
        this.address = (InetSocketAddress) listener.getLocalAddress();
        this.registration = reactor.register(listener, SelectionKey.OP_ACCEPT, this);
    }

    InetSocketAddress address() {
        return address;
    }

    @Override
    public void ready(Registration listener, int readyOps) {
        accept(ACCEPTS_A_TURN);
    }

    private void accept(int most) {
        try {
            for (int i = 0; i < most; i++) {
                SocketChannel channel = listener.accept();
                if (channel == null) {
                    break;
                }
                pauseMs = FIRST_PAUSE_MS;
                admit(channel);
            }
        } catch (IOException | RuntimeException e) {
            failed(e);
            pause();
        }
    }

    private void admit(SocketChannel channel) {
        if (!admission.enter()) {
            counters.increment(Count.REFUSED);
            close(channel);
            return;
        }
        ConnectionGroup group = leastLoaded();
        group.load.incrementAndGet();
        if (group.reactor == reactor) {
            open(group, channel);
        } else if (!group.reactor.execute(() -> open(group, channel))) {
            dropped(group, channel, new IOException("the sub-reactor has ended"));
        }
    }

    /** On the group's thread. The socket's peer may be gone already, so that its first use fails. */
    private void open(ConnectionGroup group, SocketChannel channel) {
        try {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true); // each flush is a whole answer
            if (options.sendBuffer() > 0) {
                channel.setOption(StandardSocketOptions.SO_SNDBUF, options.sendBuffer());
            }
            ReactorConnection.open(group, channel);
        } catch (IOException | RuntimeException e) {
            if (group.reactor == reactor) {
                dropped(group, channel, e);
            } else {
                reactor.execute(() -> dropped(group, channel, e));
            }
        }
    }

    private void dropped(ConnectionGroup group, SocketChannel channel, Exception cause) {
        group.load.decrementAndGet();
        admission.leave();
        close(channel);
        failed(cause);
    }

    private void failed(Exception cause) {
        counters.increment(Count.FAILED);
        log.warn(reactor.nowNs(), "cannot accept a connection, " + admission.open() + " are open", cause);
    }

    /** The group with the fewest connections; of several, each in turn. */
    private ConnectionGroup leastLoaded() {
        turn = (turn + 1) % groups.length;
        ConnectionGroup least = groups[turn];
        for (ConnectionGroup group : groups) {
            least = group.load.get() < least.load.get() ? group : least;
        }
        return least;
    }

    private void pause() {
        if (paused || !listener.isOpen()) {
            return;
        }
        paused = true;
        counters.increment(Count.PAUSES);
        registration.interest(0);
        retry = reactor.schedule(Duration.ofMillis(pauseMs), resume);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }

    private void resume() {
        if (paused) {
            paused = false;
            retry.cancel();
            if (listener.isOpen()) {
                registration.interest(SelectionKey.OP_ACCEPT);
            }
        }
    }

    /** Any thread. A connection has closed, and its descriptor is about to be free. */
    void left() {
        admission.leave();
        if (paused) {
            reactor.execute(resume);
        }
    }

    /** Accepts what the backlog holds, closes the listener and frees its port. Once, and not within callbacks. */
    void close() throws IOException {
        accept(options.backlog());
        if (paused) {
            retry.cancel();
        }
        listener.close();
        reactor.releaseClosedChannels();
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // its descriptor is free all the same
        }
    }
}
