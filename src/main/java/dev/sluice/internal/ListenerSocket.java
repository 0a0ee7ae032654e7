package dev.sluice.internal;

import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import org.slf4j.Logger;

/**
 * A listening socket that outlives the want of descriptors. When {@code accept} fails, the socket would stay ready and its
 * loop spin: so it stops listening for a while, and tries again by a timer that doubles from 10 ms to 1 s, or as soon as a
 * connection closes. Belongs to its loop's thread, but for what says otherwise.
 */
public final class ListenerSocket {

    /** Who listens. */
    public interface Host {
        /**
         * Has {@link #accept} called while somebody waits, or not any more.
         *
         * @param wanted which
         */
        void listen(boolean wanted);

        /**
         * A connection was let in. Once it is gone, it {@linkplain Admission#leave leaves} or is {@link #dropped}.
         *
         * @param channel its socket
         * @throws IOException if the peer is gone already, or there is no room; then it was not taken
         */
        void admitted(SocketChannel channel) throws IOException;
    }

    /** Enough to keep up with a storm of connects, few enough that the connections there are do not feel it. */
    private static final int ACCEPTS_A_TURN = 64;

    private static final long FIRST_PAUSE_MS = 10;
    private static final long LONGEST_PAUSE_MS = 1000;

    private final Counters counters = new Counters(Counter.class);
    private final ServerSocketChannel socket;
    private final int backlog;
    private final InetSocketAddress address;
    private final Admission admission;
    private final Loop loop;
    private final Host host;
    private final RateLimitedLog log;

    /** Made beforehand: when descriptors have run out, a class may fail to load. */
    private final Runnable resume = this::resume;

    private long pauseMs = FIRST_PAUSE_MS;
    private volatile boolean paused;
    private Runnable cancelRetry;
    private JfrEvents.Span pause = JfrEvents.Span.NONE;

    /**
     * Binds the socket. The host listens when it is ready to.
     *
     * @param socket        is open
     * @param address       where to listen
     * @param options       backlog and SO_RCVBUF
     * @param admission     lets connections in
     * @param loop          the host's
     * @param host          takes the connections
     * @param log           where failures are told
     * @throws IOException if the address cannot be listened on
     */
    public ListenerSocket(
            ServerSocketChannel socket,
            InetSocketAddress address,
            ServerOptions options,
            Admission admission,
            Loop loop,
            Host host,
            Logger log)
            throws IOException {
        if (options.receiveBuffer() > 0) {
            socket.setOption(StandardSocketOptions.SO_RCVBUF, options.receiveBuffer()); // inherited, from the handshake on
        }
        socket.bind(address, options.backlog());
        this.socket = socket;
        this.backlog = options.backlog();
        this.address = (InetSocketAddress) socket.getLocalAddress();
        this.admission = admission;
        this.loop = loop;
        this.host = host;
        this.log = new RateLimitedLog(log);
        admission.whenOneLeaves(this::resumeSoon);
    }

    /**
     * Any thread.
     *
     * @return where it listens
     */
    public InetSocketAddress address() {
        return address;
    }

    /**
     * Any thread. Adds what was counted to a snapshot.
     *
     * @param stats the snapshot
     */
    public void addTo(ServerStats.Builder stats) {
        counters.forEach(Counter.class, stats::add);
    }

    /** Accepts those who wait, or the first of them. */
    public void accept() {
        accept(ACCEPTS_A_TURN);
    }

    private void accept(int most) {
        try {
            for (int i = 0; i < most; i++) {
                SocketChannel channel = socket.accept();
                if (channel == null) {
                    break;
                }
                pauseMs = FIRST_PAUSE_MS;
                admit(channel);
            }
        } catch (Throwable t) { // an Error too: what leaves here would close the listener
            try {
                failed(t);
                pause(t);
            } catch (Throwable again) {
                // no memory to wait with: the socket stays ready, and the next turn tries again
            }
        }
    }

    private void admit(SocketChannel channel) {
        if (!admission.enter()) {
            refuse(channel);
            return;
        }
        try {
            host.admitted(channel);
        } catch (Throwable t) {
            dropped(channel, t);
        }
    }

    /**
     * Sets what every connection's socket needs.
     *
     * @param channel    was accepted; its peer may be gone already, so that its first use fails
     * @param sendBuffer SO_SNDBUF; 0 leaves it to the kernel
     * @throws IOException the connection is lost
     */
    public static void prepare(SocketChannel channel, int sendBuffer) throws IOException {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true); // each flush is a whole answer
        if (sendBuffer > 0) {
            channel.setOption(StandardSocketOptions.SO_SNDBUF, sendBuffer);
        }
    }

    /** Closes a newcomer for whom there is no room. */
    private void refuse(SocketChannel channel) {
        counters.increment(Counter.REFUSED);
        close(channel);
    }

    /**
     * Somebody was let in for whom there is no room after all.
     *
     * @param channel is closed
     * @param cause   why
     */
    public void sendAway(SocketChannel channel, Throwable cause) {
        admission.leave();
        refuse(channel);
        log.warn(loop.nowNs(), "a connection was refused, " + admission.open() + " are open", cause);
    }

    /**
     * Somebody was let in who could not become a connection.
     *
     * @param channel is closed
     * @param cause   why
     */
    public void dropped(SocketChannel channel, Throwable cause) {
        admission.leave();
        close(channel);
        failed(cause);
    }

    private void failed(Throwable cause) {
        counters.increment(Counter.FAILED_ACCEPTS);
        log.warn(loop.nowNs(), "cannot accept a connection, " + admission.open() + " are open", cause);
    }

    private void pause(Throwable cause) {
        if (paused || !socket.isOpen()) {
            return;
        }
        cancelRetry = loop.schedule().after(Duration.ofMillis(pauseMs), resume); // first: who cannot be woken must not sleep
        paused = true;
        counters.increment(Counter.ACCEPT_PAUSES);
        pause = JfrEvents.acceptPaused(cause);
        host.listen(false);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }

    private void resume() {
        if (paused) {
            paused = false;
            pause.end();
            cancelRetry.run();
            if (socket.isOpen()) {
                host.listen(true);
            }
        }
    }

    /** Any thread. */
    private void resumeSoon() {
        if (paused) {
            loop.execute().accept(resume);
        }
    }

    /**
     * Accepts what the backlog holds and closes the socket. The host then sees to it that its port is free.
     *
     * @throws IOException if closing it fails
     */
    public void close() throws IOException {
        accept(backlog + 1); // Linux holds one more than it is told
        if (paused) {
            cancelRetry.run();
        }
        socket.close();
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // its descriptor is free all the same
        }
    }
}
