package dev.sluice.program.service;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.internal.PeerText;
import dev.sluice.internal.RateLimitedLog;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.LoggerFactory;

/**
 * A relay: every byte from a client goes to a target, and back. If one side does not take its bytes, the other is not read. The end of
 * one side's input becomes the end of the other side's output. Targets take turns; one that does not accept is skipped, and logged once
 * a second at most. Their names are looked up again and again, so that a target may move: new connections go to where it is then.
 *
 * <pre>
 *   client ──▶ Side ──write──▶ Side ──▶ target        write returns false: the reader pauses until onWritable
 *          ◀──      ◀──write──      ◀──
 * </pre>
 */
public final class Proxy implements Service {

    /** The time that a target has to accept. */
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

    /** Each target has a rate-limited log, so that one that is always down does not hide that another is down too. */
    private record Target(Resolver.Resolved where, RateLimitedLog log) {}

    private final List<Target> targets;
    private final AtomicInteger turn = new AtomicInteger();
    private final Resolver resolver;
    private final SendProxy sendProxy;

    /**
     * Makes a relay.
     *
     * @param targets         at least one address, with the name that it was made from
     * @param resolveInterval how often names are looked up again; zero: never
     * @param sendProxy       what targets are told of clients
     * @throws IllegalArgumentException if there is none
     */
    public Proxy(List<? extends SocketAddress> targets, Duration resolveInterval, SendProxy sendProxy) {
        this(targets, resolveInterval, sendProxy, Resolver.SYSTEM);
    }

    /** For tests, which replace the name server. */
    Proxy(List<? extends SocketAddress> targets, Duration resolveInterval, SendProxy sendProxy, Resolver.Lookup names) {
        if (targets.isEmpty()) {
            throw new IllegalArgumentException("a proxy needs a target");
        }
        this.sendProxy = sendProxy;
        this.targets = targets.stream()
                .map(each -> new Target(new Resolver.Resolved(each), new RateLimitedLog(LoggerFactory.getLogger(Proxy.class))))
                .toList();
        this.resolver = new Resolver(this.targets.stream().map(Target::where).toList(), names, resolveInterval);
    }

    @Override
    public Handler.Factory factory() {
        return connection -> new Side(connection, null, null);
    }

    @Override
    public void close() {
        resolver.close();
    }

    /** One of two connections. The client's is held until the target's has closed. */
    private final class Side implements Handler {
        private final Connection connection;
        private final Target target;
        private final boolean isClient;

        /** Written by the target's thread, once, on the client's side. */
        private volatile Side other;

        private int first;
        private int tried;
        private Hold hold;
        private boolean ended;

        /** The side of a target, with its client's side; or that of a client, with null for both. */
        Side(Connection connection, Target target, Side client) {
            this.connection = connection;
            this.target = target;
            this.isClient = client == null;
            this.other = client;
        }

        @Override
        public void onOpen(Connection self) {
            if (isClient) {
                hold = self.hold();
                self.pauseReading();
                first = turn.getAndIncrement();
                connect();
                return;
            }
            self.write(sendProxy.header(other.connection)); // first, for the client's bytes follow as soon as it knows of us
            other.other = this;
            if (!other.connection.execute(other::begin)) {
                self.abort(); // the client has closed meanwhile; after this, its onClose aborts us
            }
        }

        private void connect() {
            Target next = targets.get(Math.floorMod(first + tried++, targets.size()));
            connection.connect(next.where.address(), CONNECT_TIMEOUT, upstream -> new Side(upstream, next, this));
        }

        /** On the client's thread: a target has accepted. */
        private void begin() {
            connection.resumeReading();
            if (ended) {
                other.connection.shutdownOutput();
            }
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            if (!other.connection.write(in)) {
                self.pauseReading();
            }
        }

        @Override
        public boolean readsWhileOutputWaits() {
            return true; // its bytes go to the other side
        }

        @Override
        public void onWritable(Connection self) {
            Connection reader = other.connection;
            reader.execute(reader::resumeReading);
        }

        @Override
        public void onEof(Connection self) {
            ended = true;
            if (other != null) {
                other.connection.shutdownOutput();
            }
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            if (reason.kind() == Kind.CONNECT_FAILURE) {
                target.log.warn(System.nanoTime(), "cannot connect to " + PeerText.of(target.where.address()), reason.cause());
                other.connection.execute(other::tryNext);
            } else if (other != null && (reason.kind() != Kind.PEER || reason.unsent() > 0)) {
                other.connection.abort(); // else it knows both ends, and closes when its output has left
            }
            if (!isClient && reason.kind() == Kind.PEER) {
                other.hold.close();
            }
        }

        /** On the client's thread. */
        private void tryNext() {
            if (tried < targets.size()) {
                connect();
            } else {
                connection.abort();
            }
        }
    }
}
