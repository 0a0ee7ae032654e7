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
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import org.slf4j.LoggerFactory;

/**
 * Accepts connections and hands each to the group with the fewest. When {@code accept} fails, for want of descriptors
 * mostly, the listener would stay ready and the loop spin: so it stops listening for a while, and tries again by a timer
 * that doubles from 10 ms to 1 s, or as soon as a connection closes. Belongs to the main reactor's thread.
 */
final class Acceptor implements Reactor.Callback, Reactor.Tenant {

    /** What an acceptor counts. */
    enum Count {
        REFUSED,
        FAILED,
        PAUSES
    }

    /** Enough to keep up with a storm of connects, few enough that the connections there are do not feel it. */
    private static final int ACCEPTS_A_TURN = 64;

    private static final Duration FIRST_PAUSE = Duration.ofMillis(10);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    final Counters counters = new Counters(Count.values().length);

    private final Reactor reactor;
    private final ServerOptions options;
    private final Admission admission;
    private final ConnectionGroup[] groups;
    private final Runnable whenAbandoned;
    private final ServerSocketChannel listener;
    private final InetSocketAddress address;
    private final Registration registration;
    private final RareLog log = new RareLog(LoggerFactory.getLogger(Server.class));

    /** Made beforehand, here as below: when descriptors have run out, a class may fail to load. */
    private final Runnable resume = this::resume;

    private Duration pause = FIRST_PAUSE;
    private volatile boolean paused;
    private Timer retry;
    private int turn;

    Acceptor(
            Reactor reactor,
            SelectorProvider provider,
            InetSocketAddress address,
            ServerOptions options,
            Admission admission,
            ConnectionGroup[] groups,
            Runnable whenAbandoned)
            throws IOException {
        this.reactor = reactor;
        this.options = options;
        this.admission = admission;
        this.groups = groups;
        this.whenAbandoned = whenAbandoned;
        this.listener = provider.openServerSocketChannel();
        try {
            if (options.receiveBuffer() > 0) {
                listener.setOption(StandardSocketOptions.SO_RCVBUF, options.receiveBuffer()); // inherited, and before the handshake
            }
            listener.bind(address, options.backlog());
            this.address = (InetSocketAddress) listener.getLocalAddress();
            this.registration = reactor.register(listener, SelectionKey.OP_ACCEPT, this);
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        }
    }

    InetSocketAddress address() {
        return address;
    }

    @Override
    public void ready(Registration registration, int readyOps) {
        accept(ACCEPTS_A_TURN);
    }

    private void accept(int most) {
        try {
            for (int i = 0; i < most; i++) {
                SocketChannel channel = listener.accept();
                if (channel == null) {
                    break;
                }
                pause = FIRST_PAUSE;
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
        try {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true); // each flush is a whole answer
            if (options.sendBuffer() > 0) {
                channel.setOption(StandardSocketOptions.SO_SNDBUF, options.sendBuffer());
            }
        } catch (IOException | RuntimeException e) {
            dropped(channel, e); // its peer is gone already, mostly
            return;
        }
        ConnectionGroup group = leastLoaded();
        group.load.incrementAndGet();
        if (group.reactor == reactor) {
            open(group, channel);
        } else if (!group.reactor.execute(() -> open(group, channel))) {
            group.load.decrementAndGet();
            dropped(channel, new IOException("the sub-reactor has ended"));
        }
    }

    /** On the group's thread. */
    private void open(ConnectionGroup group, SocketChannel channel) {
        try {
            ReactorConnection.open(group, channel);
        } catch (IOException | RuntimeException e) {
            group.load.decrementAndGet();
            if (group.reactor == reactor) {
                dropped(channel, e);
            } else {
                reactor.execute(() -> dropped(channel, e));
            }
        }
    }

    private void dropped(SocketChannel channel, Exception cause) {
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
        turn++;
        ConnectionGroup least = groups[turn % groups.length];
        for (int i = 1; i < groups.length; i++) {
            ConnectionGroup group = groups[(turn + i) % groups.length];
            if (group.load.get() < least.load.get()) {
                least = group;
            }
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
        retry = reactor.schedule(pause, resume);
        Duration doubled = pause.multipliedBy(2);
        pause = doubled.compareTo(LONGEST_PAUSE) < 0 ? doubled : LONGEST_PAUSE;
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

    /** Any thread. A connection has closed. */
    void descriptorFreed() {
        if (paused) {
            reactor.execute(resume);
        }
    }

    /** Accepts what the backlog holds, closes the listener and frees its port. Not within callbacks. */
    void close() throws IOException {
        if (!listener.isOpen()) {
            return;
        }
        accept(options.backlog());
        if (paused) {
            retry.cancel();
        }
        listener.close();
        reactor.releaseClosedChannels();
    }

    @Override
    public void loopEnds() {
        whenAbandoned.run();
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // its descriptor is free all the same
        }
    }
}
