package dev.sluice.internal;

import dev.sluice.ProxyHeader;
import dev.sluice.ProxyHeader.Fault;
import dev.sluice.ProxyProtocol;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.Timer;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;

/**
 * Accepted sockets whose PROXY header has not come yet. Nothing else exists for them: no connection, no thread, no handler. A header that
 * is there already is read at once; else the loop that accepts waits for it, with a deadline from the accept. Belongs to that loop.
 *
 * <pre>
 *   accepted ──▶ trusted? ── no ──▶ refused, or served as a client that came directly
 *                   └─ yes ──▶ read ── whole ──▶ a connection
 *                               │ └── not yet: WAITING ── whole ──▶ unregistered, and in the next turn a connection
 *                               └──────┴── broken · late · the peer has ended · the server ends ──▶ closed, counted, told
 * </pre>
 */
final class AwaitedHeaders {

    /** Takes a socket that was let in. */
    interface Next {
        /**
         * A header has come, or none is spoken.
         *
         * @param channel its next byte is the first behind the header
         * @param header  null for a client that came directly
         * @throws IOException if the peer is gone already
         */
        void admitted(SocketChannel channel, ProxyHeader header) throws IOException;

        /**
         * It could not become a connection.
         *
         * @param channel is closed
         * @param cause   why
         */
        void dropped(SocketChannel channel, Throwable cause);
    }

    /** So little is never due in the turn in which it is asked for. */
    private static final Duration NEXT_TURN = Duration.ofNanos(1);

    private static final Duration LOG_INTERVAL = Duration.ofMinutes(1);

    private final Counters rejected = new Counters(Fault.class);
    private final Set<Waiting> waiting = new LinkedHashSet<>();
    private final Loop loop;
    private final ListenerSockets.Host host;
    private final Admission admission;
    private final Next next;
    private final Observation observation;
    private final RateLimitedLog log;

    /** Bytes that those who wait have buffers for. Any thread. */
    private volatile long memory;

    AwaitedHeaders(Loop loop, ListenerSockets.Host host, Admission admission, ServerOptions options, Logger log, Next next) {
        Rehearsal.initialise(AwaitedHeaders.class, HeaderDecoder.class, RejectedHeader.class);
        this.loop = loop;
        this.host = host;
        this.admission = admission;
        this.next = next;
        this.observation = new Observation(options.observer());
        this.log = new RateLimitedLog(log, LOG_INTERVAL);
        admission.budget().add(() -> memory);
    }

    /** Any thread. */
    void addTo(ServerStats.Builder stats) {
        rejected.forEach(Fault.class, stats::addRejected);
    }

    /**
     * Begins with a socket that was let in.
     *
     * @throws IOException if the socket is lost; then it was not taken
     */
    void begin(SocketChannel channel, ProxyProtocol setting) throws IOException {
        SocketAddress peer = channel.getRemoteAddress();
        if (!setting.trusts(peer)) {
            if (setting.others() == ProxyProtocol.Others.SERVE) {
                next.admitted(channel, null);
            } else {
                reject(channel, peer, Fault.UNTRUSTED, "a connection comes from a source that is no proxy");
            }
            return;
        }
        channel.configureBlocking(false);
        Waiting newcomer = new Waiting(channel, peer);
        try {
            ProxyHeader header = newcomer.read();
            if (header != null) {
                newcomer.forget();
                next.admitted(channel, header);
                return;
            }
            newcomer.await(setting.timeout());
        } catch (RejectedHeader e) {
            newcomer.reject(e.fault(), e.getMessage());
        } catch (Throwable t) { // lost, or no memory
            newcomer.stopWaiting();
            newcomer.forget();
            throw t;
        }
    }

    /** The server ends: nobody waits any more. Called again, it goes on where it found no memory. */
    void end() {
        List<Waiting> all = new ArrayList<>(waiting);
        for (Waiting each : all) {
            each.reject(Fault.STOPPED, "the server ended before a PROXY header was whole");
        }
    }

    /** A socket is closed for its header. Throws nothing. */
    private void reject(SocketChannel channel, SocketAddress peer, Fault fault, String message) {
        rejected.increment(fault);
        admission.leave(channel);
        ListenerSockets.closeNew(channel);
        try {
            log.warn(loop.nowNs(), message + ", from " + peer, null);
            JfrEvents.headerRejected(peer, fault);
            observation.tell(loop.nowNs(), observer -> observer.headerRejected(peer, fault));
        } catch (Throwable t) {
            // no memory to tell it: it is counted
        }
    }

    /** One socket that waits. */
    private final class Waiting {
        private static final Runnable NOTHING = () -> {};
        private static final Timer NO_TIMER = () -> false;

        private final SocketChannel channel;
        private final SocketAddress peer;
        private final HeaderDecoder decoder = new HeaderDecoder();
        private int counted;
        private Runnable unwatch = NOTHING;
        private Timer deadline = NO_TIMER;
        private Timer nextTurn = NO_TIMER;

        Waiting(SocketChannel channel, SocketAddress peer) {
            this.channel = channel;
            this.peer = peer;
        }

        /** Reads what is there; null while the header is not whole. */
        private ProxyHeader read() throws RejectedHeader {
            try {
                while (true) {
                    count(decoder.room().capacity());
                    int read = channel.read(decoder.room());
                    if (read == 0) {
                        return null;
                    } else if (read < 0) {
                        throw new RejectedHeader(Fault.ENDED, "a peer ended before its PROXY header was whole");
                    }
                    ProxyHeader header = decoder.decode(peer);
                    if (header != null) {
                        return header;
                    }
                }
            } catch (IOException e) {
                throw new RejectedHeader(Fault.ENDED, "a peer was lost before its PROXY header was whole");
            }
        }

        private void await(Duration timeout) throws IOException {
            waiting.add(this);
            deadline = loop.schedule().after(
                    timeout, () -> reject(Fault.LATE, "a PROXY header was not whole within " + timeout.toMillis() + " ms"));
            unwatch = host.watch(channel, this::readable);
        }

        private void readable() {
            try {
                ProxyHeader header = read();
                if (header != null) {
                    stopWaiting();
                    // a selector lets go of a channel when it selects: then another, or a thread, may have it
                    nextTurn = loop.schedule().after(NEXT_TURN, () -> handOver(header));
                }
            } catch (RejectedHeader e) {
                reject(e.fault(), e.getMessage());
            } catch (Throwable t) { // no memory
                drop(t);
            }
        }

        private void handOver(ProxyHeader header) {
            forget();
            try {
                next.admitted(channel, header);
            } catch (Throwable t) {
                next.dropped(channel, t);
            }
        }

        private void drop(Throwable cause) {
            stopWaiting();
            forget();
            next.dropped(channel, cause);
        }

        private void reject(Fault fault, String message) {
            stopWaiting();
            forget();
            AwaitedHeaders.this.reject(channel, peer, fault, message);
        }

        private void stopWaiting() {
            deadline.cancel();
            nextTurn.cancel();
            unwatch.run();
        }

        private void forget() {
            waiting.remove(this);
            count(0);
        }

        private void count(int bytes) {
            memory = memory + bytes - counted; // the loop alone writes it
            counted = bytes;
        }
    }
}
