package dev.sluice.datagram;

import dev.sluice.Reactor;
import dev.sluice.Registration;
import dev.sluice.Timer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.CompletableFuture;

/**
 * A UDP port on a {@link Reactor}, like any other channel there. An answer goes straight to the socket; only what the socket has no
 * room for is queued, and what other threads send.
 */
public final class ReactorEndpoint implements DatagramEndpoint {

    /** Enough to empty a burst, few enough that other channels of the loop do not feel it. */
    private static final int RECEIVES_A_TURN = 64;

    /** More than the kernel's buffer holds, unless it is made very large. */
    private static final int LAST_RECEIVES = 100_000;

    /** How long a socket that fails is left alone: 10 ms, or the loop would spin. */
    private static final Duration PAUSE = Duration.ofMillis(10);

    private final Reactor reactor;
    private final boolean ownsReactor;
    private final Port port;
    private final Registration registration;

    /** Nothing of an endpoint that has ended stays with a reactor that goes on. */
    private final Runnable leave;

    private final CompletableFuture<DatagramStats> termination = new CompletableFuture<>();

    // on the loop
    private final ByteBuffer buffer;
    private final ArrayDeque<Port.Queued> queue = new ArrayDeque<>();
    private boolean paused;
    private boolean draining;
    private boolean ended;
    private Timer deadline = () -> false;

    private ReactorEndpoint(
            Reactor reactor, boolean ownsReactor, InetSocketAddress address, DatagramOptions options, DatagramHandler handler)
            throws IOException {
        this.reactor = reactor;
        this.ownsReactor = ownsReactor;
        this.port = new Port(this, DatagramChannel.open(), address, options, handler);
        this.buffer = port.buffer();
        try {
            this.registration = reactor.register(port.channel, SelectionKey.OP_READ, (self, readyOps) -> ready());
            this.leave = reactor.atEnd(this::end);
        } catch (Throwable t) { // another's reactor, or one that has ended
            port.channel.close();
            throw t;
        }
    }

    /**
     * Starts an endpoint on a thread of its own, which keeps the process alive.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param handler is given the datagrams
     * @return an endpoint that receives
     * @throws IOException if the address cannot be listened on, or no selector can be opened
     */
    public static ReactorEndpoint start(InetSocketAddress address, DatagramOptions options, DatagramHandler handler) throws IOException {
        Reactor reactor = Reactor.open();
        try {
            ReactorEndpoint endpoint = new ReactorEndpoint(reactor, true, address, options, handler);
            new Thread(endpoint::run, "sluice-datagrams").start();
            return endpoint;
        } catch (Throwable t) { // an Error too: there may be no thread to be had
            reactor.close();
            throw t;
        }
    }

    /**
     * Opens an endpoint on a reactor of the caller's, which outlives it.
     *
     * @param reactor whose loop receives, with the system's sockets; the caller is on its thread
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param handler is given the datagrams
     * @return an endpoint that receives while the reactor runs, and ends with it
     * @throws IOException           if the address cannot be listened on
     * @throws IllegalStateException on another thread
     */
    public static ReactorEndpoint open(Reactor reactor, InetSocketAddress address, DatagramOptions options, DatagramHandler handler)
            throws IOException {
        return new ReactorEndpoint(reactor, false, address, options, handler);
    }

    private void run() {
        try {
            reactor.run();
            termination.complete(stats());
        } catch (Throwable t) {
            termination.completeExceptionally(t);
        }
    }

    @Override
    public InetSocketAddress address() {
        return port.address;
    }

    @Override
    public DatagramStats stats() {
        return port.stats();
    }

    // ---- on the loop ----------------------------------------------------------------------------------------------------

    private void ready() {
        flush();
        receive(RECEIVES_A_TURN);
    }

    private void receive(int most) {
        try {
            for (int i = 0; i < most && port.receive(buffer); i++) {
                continue;
            }
        } catch (IOException e) {
            paused = true;
            reactor.schedule(PAUSE, () -> {
                paused = false;
                settle();
            });
        }
        settle();
    }

    private void flush() {
        for (Port.Queued first; (first = queue.peek()) != null && port.send(first.data(), first.to()); ) {
            port.dequeued(queue.poll());
        }
    }

    /** What to wait for follows from the state, and is set nowhere else. */
    private void settle() {
        if (port.channel.isOpen()) {
            registration.interest((paused || draining ? 0 : SelectionKey.OP_READ) | (queue.isEmpty() ? 0 : SelectionKey.OP_WRITE));
        }
        if (draining && queue.isEmpty()) {
            end();
        }
    }

    // ---- sending --------------------------------------------------------------------------------------------------------

    @Override
    public boolean send(ByteBuffer data, SocketAddress to) {
        port.offered();
        boolean inLoop = reactor.isInLoop();
        if (inLoop && port.channel.isOpen() && queue.isEmpty() && port.send(data, to)) {
            return true;
        }
        Port.Queued copy = port.enqueue(data, to);
        if (copy == null) {
            return false;
        }
        if (inLoop) {
            add(copy);
            return port.channel.isOpen();
        }
        boolean taken = reactor.execute(() -> {
            add(copy);
            flush();
            settle();
        });
        if (!taken) {
            drop(copy);
        }
        return taken;
    }

    private void add(Port.Queued copy) {
        if (port.channel.isOpen()) {
            queue.add(copy);
            settle();
        } else {
            drop(copy);
        }
    }

    private void drop(Port.Queued copy) {
        port.dequeued(copy);
        port.dropped(copy.data());
    }

    // ---- the end --------------------------------------------------------------------------------------------------------

    @Override
    public CompletableFuture<DatagramStats> drain(Duration timeout) {
        reactor.execute(() -> {
            if (!draining) {
                receive(LAST_RECEIVES);
                draining = true;
                deadline = reactor.schedule(timeout, this::end);
                settle();
            }
        });
        return termination();
    }

    /** By a drain, or with the reactor. Not the channel tells whether this was done: the reactor closes that, too. */
    private void end() {
        if (ended) {
            return;
        }
        ended = true;
        leave.run();
        deadline.cancel();
        try {
            port.channel.close();
        } catch (IOException e) {
            // its descriptor is free all the same
        }
        for (Port.Queued left; (left = queue.poll()) != null; ) {
            drop(left);
        }
        if (ownsReactor) {
            reactor.stop();
        } else {
            termination.complete(stats());
        }
    }

    @Override
    public CompletableFuture<DatagramStats> termination() {
        return termination.copy();
    }
}
