package dev.sluice.datagram;

import dev.sluice.Timer;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.Registration;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * A UDP port on a {@link Reactor}, like any other channel there. An answer goes straight to the socket. A datagram is queued if the socket
 * has no room for it, if it comes from another thread, or if it is empty: a socket that does not block returns 0 for an empty one whether
 * it took it or had no room, so each leaves in a turn of its own, in which there is room for certain.
 */
public final class ReactorEndpoint implements DatagramEndpoint {

    /** Enough to empty a burst, few enough that other channels of the loop do not feel it. */
    private static final int RECEIVES_A_TURN = 64;

    /** More than the kernel's buffer holds, unless it is made very large. */
    private static final int LAST_RECEIVES = 100_000;

    /** How long a socket that fails is left alone: 10 ms, or the loop would spin. */
    private static final Duration PAUSE = Duration.ofMillis(10);

    private final Reactor reactor;

    /** The reactor's, where that is the endpoint's own, else null. */
    private final Thread thread;

    private final DatagramPort port;
    private final Registration registration;

    /** Has the reactor, which may go on, forget this endpoint. */
    private final Runnable leave;

    private final CompletableFuture<DatagramStats> termination = new CompletableFuture<>();

    // on the loop
    private final ByteBuffer buffer;
    private final ArrayDeque<DatagramPort.Queued> queue = new ArrayDeque<>();
    private boolean paused;
    private boolean draining;
    private boolean ended;
    private Timer deadline = () -> false;

    private ReactorEndpoint(
            Reactor reactor, boolean ownsReactor, InetSocketAddress address, DatagramOptions options, DatagramHandler handler)
            throws IOException {
        this.reactor = reactor;
        this.thread = ownsReactor ? new Thread(this::run, "sluice-datagrams") : null;
        this.port = new DatagramPort(this, DatagramChannel.open(), address, options, handler);
        try {
            this.buffer = port.buffer();
            this.registration = reactor.register(port.channel, SelectionKey.OP_READ, (self, readyOps) -> ready(readyOps));
            this.leave = reactor.atEnd(this::end);
        } catch (Throwable t) { // another's reactor, one that has ended, or no memory for the buffer
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
            endpoint.thread.start();
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

    private void ready(int readyOps) {
        flush((readyOps & SelectionKey.OP_WRITE) != 0);
        receive(RECEIVES_A_TURN);
    }

    private void receive(int most) {
        try {
            for (int i = 0; i < most && port.receive(buffer); i++) {
                continue;
            }
        } catch (Throwable t) { // an Error too: were it passed on, the port would close
            pause();
        }
        settle();
    }

    private void pause() {
        try {
            reactor.schedule(PAUSE, () -> {
                paused = false;
                settle();
            });
            paused = true;
        } catch (VirtualMachineError e) {
            // no memory to wait with: the next turn tries again
        }
    }

    /**
     * Sends datagrams that wait. For an empty one the socket returns 0 whether it took it or had no room: so one leaves only when the
     * selector has just told of room, before anything else can have used that up.
     */
    private void flush(boolean hasRoom) {
        boolean certain = hasRoom;
        for (DatagramPort.Queued first; (first = queue.peek()) != null && (certain || first.length() > 0) && port.send(first.data(), first.to()); ) {
            port.dequeued(queue.poll());
            certain = false;
        }
    }

    /** Derives from the state what the key waits for; it is set nowhere else. */
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
        if (!port.offered(data, to)) {
            return true;
        }
        boolean inLoop = isInLoop();
        if (inLoop && data.hasRemaining() && queue.isEmpty() && port.channel.isOpen() && port.send(data, to)) {
            return true;
        }
        DatagramPort.Queued copy = port.enqueue(data, to);
        if (copy == null) {
            return false;
        }
        boolean taken = false;
        try {
            taken = inLoop ? add(copy) : reactor.execute(() -> arrived(copy));
        } catch (VirtualMachineError e) {
            // as without room
        } finally {
            if (!taken) {
                port.drop(copy);
            }
        }
        if (taken && inLoop) {
            settle();
        }
        return taken;
    }

    /** A reactor that has not begun yet would say so of any thread: of an endpoint's own, others know it already. */
    private boolean isInLoop() {
        return thread == null ? reactor.isInLoop() : thread == Thread.currentThread();
    }

    /** False if the port has closed. */
    private boolean add(DatagramPort.Queued copy) {
        return port.channel.isOpen() && queue.add(copy);
    }

    /** From another thread. */
    private void arrived(DatagramPort.Queued copy) {
        boolean added = false;
        try {
            added = add(copy);
        } finally { // there may be no memory
            if (!added) {
                port.drop(copy);
            }
        }
        flush(false);
        settle();
    }

    // ---- the end --------------------------------------------------------------------------------------------------------

    @Override
    public CompletableFuture<DatagramStats> drain(Duration timeout) {
        Objects.requireNonNull(timeout, "timeout");
        reactor.execute(() -> {
            if (!draining) {
                receive(LAST_RECEIVES);
                deadline = reactor.schedule(timeout, this::end); // first: without memory for it, the drain has not begun
                draining = true;
                settle();
            }
        });
        return termination();
    }

    /** Ends it, by a drain or with the reactor. Whether that was done is a field, because the reactor closes the channel, too. */
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
        for (DatagramPort.Queued left; (left = queue.poll()) != null; ) {
            port.drop(left);
        }
        if (thread != null) {
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
