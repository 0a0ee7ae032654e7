package dev.sluice.internal;

import dev.sluice.Listener;
import dev.sluice.ProxyHeader;
import dev.sluice.ProxyProtocol;
import dev.sluice.ServerObserver.Refusal;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.Timer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.slf4j.Logger;

/**
 * The listening sockets of a server, one for each of its {@linkplain Listener listeners}. When {@code accept} fails, descriptors may have
 * run out, and the socket would stay ready and its loop spin: so none of the sockets is listened on for a while. They are tried again by
 * a timer that doubles from 10 ms to 1 s, or as soon as a connection closes. Belongs to its loop's thread, but for what says otherwise.
 */
public final class ListenerSockets {

    /** The engine: its loop tells when connections wait, and it takes them. */
    public interface Host {
        /**
         * Registers a socket with the loop and begins to listen on it.
         *
         * @param socket is bound
         * @param accept called by the loop while connections wait
         * @return told false to stop listening, and true to begin again
         * @throws IOException if the socket cannot be registered
         */
        Consumer<Boolean> register(ServerSocketChannel socket, Runnable accept) throws IOException;

        /**
         * A connection was let in. Once it is gone, it {@linkplain Admission#leave leaves} or is {@link #dropped}.
         *
         * @param channel its socket
         * @param header  what a proxy said about it, or null
         * @throws IOException if the peer is gone already, or there is no room; then it was not taken
         */
        void admitted(SocketChannel channel, ProxyHeader header) throws IOException;

        /** Connections were let in, and now more memory is held than may be: those that hold most are closed. */
        void makeRoom();

        /**
         * Watches a socket that is no connection yet.
         *
         * @param channel  does not block
         * @param readable called by the loop while there is something to read
         * @return ends it; another may have the socket once the next turn has begun
         * @throws IOException if the socket is lost
         */
        Runnable watch(SocketChannel channel, Runnable readable) throws IOException;
    }

    /** Enough to keep up with a storm of connects, few enough that the connections there are do not feel it. */
    private static final int ACCEPTS_A_TURN = 64;

    private static final Duration FIRST_PAUSE = Duration.ofMillis(10);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private final Counters counters = new Counters(Counter.class);
    private final List<Door> doors = new ArrayList<>();
    private final Admission admission;

    /** Null if no listener speaks the PROXY protocol. */
    private final AwaitedHeaders headers;

    private final Loop loop;
    private final Host host;
    private final RateLimitedLog log;
    private final Observation observation;

    /** Made beforehand: when descriptors have run out, a class may fail to load. */
    private final Runnable resume = this::resume;

    private Duration nextPause = FIRST_PAUSE;
    private volatile boolean paused;
    private long pausedNs;
    private boolean closed;
    private Timer retry;
    private JfrEvents.Span pause = JfrEvents.Span.NONE;

    /**
     * Binds all sockets, then registers them with the loop. If that fails for one of them, none stays open.
     *
     * @param provider  makes the sockets
     * @param listeners where to listen, at least one
     * @param options   SO_RCVBUF, the observer
     * @param admission lets connections in
     * @param loop      the host's
     * @param host      takes the connections
     * @param log       where failures are told
     * @throws IOException if an address cannot be listened on; a {@link BindException} names it
     */
    public ListenerSockets(
            SelectorProvider provider,
            List<Listener> listeners,
            ServerOptions options,
            Admission admission,
            Loop loop,
            Host host,
            Logger log)
            throws IOException {
        this.admission = admission;
        this.loop = loop;
        this.host = host;
        this.log = new RateLimitedLog(log);
        this.observation = new Observation(options.observer());
        boolean speaksProxy = false;
        for (Listener listener : listeners) {
            speaksProxy |= listener.proxy().isPresent();
        }
        this.headers = speaksProxy ? new AwaitedHeaders(loop, host, admission, options, log, new Clients()) : null;
        if (listeners.isEmpty()) {
            throw new IllegalArgumentException("a server needs a listener");
        }
        try {
            for (Listener listener : listeners) {
                Door door = new Door(provider, listener);
                doors.add(door);
                door.bind(options.receiveBuffer());
            }
            for (Door door : doors) {
                door.listening = host.register(door.socket, () -> accept(door, ACCEPTS_A_TURN));
            }
        } catch (Throwable t) {
            for (Door door : doors) {
                door.close();
            }
            throw t;
        }
        admission.whenOneLeaves(this::resumeSoon);
    }

    /** Those whose header has come. */
    private final class Clients implements AwaitedHeaders.Next {
        @Override
        public void admitted(SocketChannel channel, ProxyHeader header) throws IOException {
            become(channel, header);
        }

        @Override
        public void dropped(SocketChannel channel, Throwable cause) {
            ListenerSockets.this.dropped(channel, cause);
        }
    }

    /** A listener and its socket. */
    private static final class Door {
        private final Listener listener;
        private final ServerSocketChannel socket;

        /** Null if it has none, or could not be bound. */
        private UnixFile file;

        /** The name that it was bound under, which its connections tell. */
        private SocketAddress bound;

        private Consumer<Boolean> listening;

        Door(SelectorProvider provider, Listener listener) throws IOException {
            this.listener = listener;
            this.socket = isUnix(listener.address())
                    ? provider.openServerSocketChannel(StandardProtocolFamily.UNIX)
                    : provider.openServerSocketChannel();
        }

        private void bind(int receiveBuffer) throws IOException {
            if (receiveBuffer > 0) {
                socket.setOption(StandardSocketOptions.SO_RCVBUF, receiveBuffer); // inherited, from the handshake on
            }
            try {
                if (isUnix(listener.address())) {
                    file = UnixFile.bind(socket, listener);
                } else {
                    socket.bind(listener.address(), listener.backlog());
                }
                bound = socket.getLocalAddress();
            } catch (BindException e) { // names no address, and there may be several
                throw (BindException) new BindException(text(listener.address()) + ": " + e.getMessage()).initCause(e);
            }
        }

        private SocketAddress address() {
            return file == null ? bound : listener.address();
        }

        private void removeFile() {
            if (file != null) {
                file.remove();
            }
        }

        private void close() throws IOException {
            removeFile();
            socket.close();
        }
    }

    private static boolean isUnix(SocketAddress address) {
        return address instanceof UnixDomainSocketAddress;
    }

    private static String text(SocketAddress where) {
        if (isUnix(where)) {
            return PeerText.of(where);
        }
        InetSocketAddress address = (InetSocketAddress) where;
        String host = address.getAddress().getHostAddress();
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
    }

    /**
     * Any thread.
     *
     * @return where the sockets listen, in the order of the listeners
     */
    public List<SocketAddress> addresses() {
        return doors.stream().map(Door::address).toList();
    }

    /**
     * Any thread. Our own address of a connection: the file of a Unix-domain socket has been renamed since the socket was bound, and the
     * kernel tells the old name.
     *
     * @return the address of a listener, by that which its connections tell; does not change any more
     */
    public Map<SocketAddress, SocketAddress> renamed() {
        Map<SocketAddress, SocketAddress> renamed = new HashMap<>();
        for (Door door : doors) {
            if (door.file != null) {
                renamed.put(door.bound, door.address());
            }
        }
        return renamed;
    }

    /**
     * Any thread. Adds what was counted to a snapshot.
     *
     * @param stats the snapshot
     */
    public void addTo(ServerStats.Builder stats) {
        counters.forEach(Counter.class, stats::add);
        if (headers != null) {
            headers.addTo(stats);
        }
    }

    /** Accepts the connections that wait, or the first of them. */
    private void accept(Door door, int most) {
        try {
            for (int i = 0; i < most; i++) {
                SocketChannel channel = door.socket.accept();
                if (channel == null) {
                    break;
                }
                nextPause = FIRST_PAUSE;
                admit(channel, door.listener.proxy().orElse(null));
            }
            if (admission.budget().isOver()) { // once for all of them: each connection is looked at
                host.makeRoom();
            }
        } catch (Throwable t) { // an Error too: one that left here would close the socket
            try {
                failed(t);
                pause(t);
            } catch (Throwable again) {
                // no memory to wait with: the sockets stay ready, and the next turn tries again
            }
        }
    }

    private void admit(SocketChannel channel, ProxyProtocol proxy) {
        Refusal refusal = admission.enter();
        if (refusal != null) {
            refuse(channel, refusal);
            return;
        }
        try {
            if (proxy == null) {
                become(channel, null);
            } else {
                headers.begin(channel, proxy);
            }
        } catch (Throwable t) {
            dropped(channel, t);
        }
    }

    /** A socket whose next byte is its client's becomes a connection, unless its address has as many as it may. */
    private void become(SocketChannel channel, ProxyHeader header) throws IOException {
        Refusal crowded = admission.limitsAddresses() ? admission.enterFrom(channel, client(channel, header)) : null;
        if (crowded == null) {
            host.admitted(channel, header);
        } else {
            refuse(channel, crowded);
            admission.leave(channel);
        }
    }

    /** Null where a proxy does not tell: its own address stands for many. */
    private static SocketAddress client(SocketChannel channel, ProxyHeader header) {
        return header == null ? remoteAddress(channel) : header.source().orElse(null);
    }

    /**
     * Sets the options of a connection's socket that was accepted.
     *
     * @param channel its peer may be gone already, so that its first use fails
     * @param options the server's
     * @throws IOException the connection is lost
     */
    public static void prepare(SocketChannel channel, ServerOptions options) throws IOException {
        if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true); // each flush is a whole answer
        }
        if (options.sendBuffer() > 0) {
            channel.setOption(StandardSocketOptions.SO_SNDBUF, options.sendBuffer());
        }
        if (options.keepAlive().isOn()) {
            KeepAliveProbes.begin(channel, options.keepAlive());
        }
    }

    /**
     * Opens a socket for an outbound connection, with its options set.
     *
     * @param provider makes the socket
     * @param address  what it will be connected to
     * @param options  the server's
     * @return a socket that is not connected
     * @throws IOException if there is no descriptor
     */
    public static SocketChannel open(SelectorProvider provider, SocketAddress address, ServerOptions options) throws IOException {
        SocketChannel channel = isUnix(address) ? provider.openSocketChannel(StandardProtocolFamily.UNIX) : provider.openSocketChannel();
        try {
            prepare(channel, options);
            if (options.receiveBuffer() > 0) {
                channel.setOption(StandardSocketOptions.SO_RCVBUF, options.receiveBuffer());
            }
            return channel;
        } catch (Throwable t) {
            channel.close();
            throw t;
        }
    }

    /** Closes a new connection for which there is no room. */
    private void refuse(SocketChannel channel, Refusal why) {
        counters.increment(Counter.REFUSED);
        if (why == Refusal.ADDRESS_LIMIT) {
            counters.increment(Counter.REFUSED_OF_ADDRESS);
        }
        try {
            SocketAddress remote = remoteAddress(channel);
            closeNew(channel);
            observation.tell(loop.nowNs(), observer -> observer.refused(remote, why));
        } catch (Throwable t) {
            closeNew(channel); // no memory to tell
        }
    }

    /**
     * A connection was let in for which there is no thread.
     *
     * @param channel is closed
     * @param cause   why
     */
    public void sendAway(SocketChannel channel, Throwable cause) {
        refuse(channel, Refusal.NO_THREAD);
        warn(cause, "a connection was refused, ");
        admission.leave(channel); // last: where the words above find no memory, their caller has it dropped
    }

    /**
     * A channel was let in that could not become a connection.
     *
     * @param channel is closed
     * @param cause   why
     */
    public void dropped(SocketChannel channel, Throwable cause) {
        admission.leave(channel);
        closeNew(channel);
        failed(cause);
    }

    static void closeNew(SocketChannel channel) {
        try {
            channel.close();
        } catch (Throwable t) {
            // its descriptor is free all the same
        }
    }

    /** Throws nothing. */
    private void failed(Throwable cause) {
        counters.increment(Counter.FAILED_ACCEPTS);
        warn(cause, "cannot accept a connection, ");
    }

    private void warn(Throwable cause, String what) {
        try {
            log.warn(loop.nowNs(), what + admission.open() + " are open", cause);
        } catch (Throwable t) {
            // no memory for the line: it is counted
        }
    }

    private void pause(Throwable cause) {
        if (paused || closed) {
            return;
        }
        retry = loop.every().after(nextPause, resume); // first: without a timer it must not pause
        paused = true;
        counters.increment(Counter.ACCEPT_PAUSES);
        pausedNs = loop.nowNs();
        listen(false);
        pause = JfrEvents.acceptPaused(cause);
        Duration most = nextPause;
        Duration doubled = most.multipliedBy(2);
        nextPause = doubled.compareTo(LONGEST_PAUSE) < 0 ? doubled : LONGEST_PAUSE;
        observation.tell(pausedNs, observer -> observer.acceptPaused(cause, most));
    }

    private void resume() {
        if (paused) {
            if (!closed) {
                listen(true); // first: if it fails, for want of memory, the timer comes again
            }
            paused = false;
            retry.cancel();
            tellResumed();
        }
    }

    private void listen(boolean wanted) {
        for (Door door : doors) {
            door.listening.accept(wanted);
        }
    }

    private void tellResumed() {
        pause.end();
        if (!closed) {
            Duration lasted = Duration.ofNanos(loop.nowNs() - pausedNs);
            observation.tell(loop.nowNs(), observer -> observer.acceptResumed(lasted));
        }
    }

    /** Any thread. */
    private void resumeSoon() {
        if (paused) {
            loop.execute().accept(resume);
        }
    }

    /**
     * Removes the files of Unix-domain sockets, accepts what the backlogs hold and closes the sockets, those too that wait for a PROXY header.
     * The host then sees to it that their ports are free. Called again, it goes on where it found no memory.
     *
     * @throws IOException if closing one of them fails
     */
    public void close() throws IOException {
        closed = true;
        IOException failure = null;
        for (Door door : doors) {
            try {
                if (door.socket.isOpen()) {
                    door.removeFile(); // first: nobody is to come between the last accept and the close
                    accept(door, door.listener.backlog() + 1); // Linux holds one more than it is told
                }
                door.socket.close();
            } catch (IOException e) {
                failure = e; // the others are closed all the same
            }
        }
        if (paused) {
            retry.cancel();
        }
        loopHasEnded();
        if (failure != null) {
            throw failure;
        }
    }

    /** The loop has ended: nobody waits for a header any more. */
    public void loopHasEnded() {
        if (headers != null) {
            headers.end();
        }
    }

    private static SocketAddress remoteAddress(SocketChannel channel) {
        try {
            return channel.getRemoteAddress();
        } catch (IOException e) {
            return null; // gone
        }
    }
}
