package dev.sluice.datagram;

import dev.sluice.internal.Deadlines;
import dev.sluice.internal.ThreadFactories;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A UDP port whose threads block: each receives, calls the handler, and sends its answers; a handler that blocks keeps its own
 * thread alone. What other threads send goes through a queue to one thread more, so that no user's thread ever does I/O (an
 * interrupted one would close the socket).
 *
 * <p>Handlers may interrupt their own thread. To interrupt it while it waits in a receive or a send closes the port for everybody:
 * {@link #termination} then completes exceptionally, with a {@link java.nio.channels.ClosedByInterruptException}. A handler must
 * not hand its thread to anybody who may interrupt it after the handler has returned.
 */
public final class BlockingEndpoint implements DatagramEndpoint {

    private static final Logger LOG = LoggerFactory.getLogger(DatagramEndpoint.class);

    private static final Port.Queued END = new Port.Queued(ByteBuffer.allocate(0), null);

    /** After a receive that failed: 10 ms, or a thread would spin. */
    private static final long PAUSE_NS = 10_000_000;

    private static final long AGAIN_NS = 20_000_000;

    private final Port port;
    private final Set<Thread> receivers = ConcurrentHashMap.newKeySet();
    private final AtomicInteger running;
    private final LinkedBlockingQueue<Port.Queued> queue = new LinkedBlockingQueue<>();
    private final CompletableFuture<DatagramStats> termination = new CompletableFuture<>();
    private final AtomicBoolean draining = new AtomicBoolean();

    private BlockingEndpoint(InetSocketAddress address, DatagramOptions options, int receivers, DatagramHandler handler) throws IOException {
        this.port = new Port(this, DatagramChannel.open(), address, options, handler);
        this.running = new AtomicInteger(receivers);
    }

    /**
     * Starts an endpoint. A port has no connections, and so {@link Threads} says how many receive: {@code platform} and
     * {@code virtual} are one thread, and the handler is called by one at a time; {@code pool} is as many as it says, and the
     * handler is called by so many at a time.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param threads what receives
     * @param handler is given the datagrams
     * @return an endpoint that receives
     * @throws IOException      if the address cannot be listened on
     * @throws OutOfMemoryError if the threads are not to be had; the port is free then
     */
    public static BlockingEndpoint start(InetSocketAddress address, DatagramOptions options, Threads threads, DatagramHandler handler)
            throws IOException {
        String names = "sluice-datagrams-";
        ThreadFactory factory = threads.isVirtual() ? ThreadFactories.virtual(names) : ThreadFactories.platform(names);
        int receivers = Math.max(1, threads.poolSize());
        BlockingEndpoint endpoint = new BlockingEndpoint(address, options, receivers, handler);
        try {
            factory.newThread(endpoint::sendQueued).start();
            for (int i = 0; i < receivers; i++) {
                Thread receiver = factory.newThread(endpoint::receive);
                endpoint.receivers.add(receiver);
                receiver.start();
            }
            return endpoint;
        } catch (Throwable t) { // an Error too: there may be no thread to be had
            endpoint.port.channel.close();
            endpoint.queue.add(END);
            throw t;
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

    // ---- the threads ----------------------------------------------------------------------------------------------------

    private void receive() {
        ByteBuffer buffer = port.buffer();
        while (port.channel.isOpen()) {
            try {
                Thread.interrupted(); // a receive with the flag set would close the socket
                if (!port.receive(buffer)) {
                    break;
                }
            } catch (ClosedChannelException e) {
                break;
            } catch (IOException e) {
                LockSupport.parkNanos(PAUSE_NS);
            }
        }
        if (running.decrementAndGet() == 0) {
            queue.add(END);
        }
    }

    private void sendQueued() {
        for (Port.Queued next; (next = take()) != END; ) {
            port.dequeued(next);
            sendOrDrop(next.data(), next.to());
        }
        closePort();
        for (Port.Queued late; (late = queue.poll()) != null; ) {
            if (late != END) {
                drop(late);
            }
        }
        if (port.interrupted == null) {
            termination.complete(stats());
        } else {
            LOG.error("a thread of the port's was interrupted while it waited, and the port has closed", port.interrupted);
            termination.completeExceptionally(port.interrupted);
        }
    }

    /** A thread of ours. May wait for the kernel; a handler that has interrupted its thread finds it interrupted afterwards. */
    private boolean sendOrDrop(ByteBuffer data, SocketAddress to) {
        boolean interrupted = Thread.interrupted(); // a send with the flag set would close the socket
        try {
            boolean sent = port.send(data, to);
            if (!sent) {
                port.dropped(data);
            }
            return sent;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void drop(Port.Queued copy) {
        port.dequeued(copy);
        port.dropped(copy.data());
    }

    private Port.Queued take() {
        while (true) {
            try {
                return queue.take();
            } catch (InterruptedException e) {
                // nobody has a reason to
            }
        }
    }

    // ---- sending --------------------------------------------------------------------------------------------------------

    @Override
    public boolean send(ByteBuffer data, SocketAddress to) {
        port.offered();
        if (!port.channel.isOpen()) {
            port.dropped(data);
            return false;
        }
        if (receivers.contains(Thread.currentThread())) {
            return sendOrDrop(data, to);
        }
        Port.Queued copy = port.enqueue(data, to);
        if (copy == null) {
            return false;
        }
        queue.add(copy);
        // the port is closed, then the queue emptied: whichever comes second sees the other. This copy, and none that is equal
        if (!port.channel.isOpen() && queue.removeIf(queued -> queued == copy)) {
            drop(copy);
            return false;
        }
        return true;
    }

    // ---- the end --------------------------------------------------------------------------------------------------------

    /** A receive that blocks is brought back by an empty datagram of ours: what came before it has been handled by then. */
    @Override
    public CompletableFuture<DatagramStats> drain(Duration timeout) {
        if (!draining.getAndSet(true)) {
            new Thread(() -> endReceivers(timeout), "sluice-datagrams-drain").start();
        }
        return termination();
    }

    private void endReceivers(Duration timeout) {
        long startNs = System.nanoTime();
        long timeoutNs = Deadlines.nanos(timeout);
        BooleanSupplier isAwaited = () -> running.get() > 0 && System.nanoTime() - startNs < timeoutNs;
        InetAddress own = port.address.getAddress();
        InetAddress host = own.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : own;
        while (isAwaited.getAsBoolean()) {
            try (DatagramChannel bell = DatagramChannel.open().bind(new InetSocketAddress(host, 0))) {
                port.bell = bell.getLocalAddress();
                while (isAwaited.getAsBoolean()) {
                    for (int i = running.get(); i > 0; i--) {
                        ring(bell, new InetSocketAddress(host, port.address.getPort()));
                    }
                    LockSupport.parkNanos(AGAIN_NS); // it may have been dropped, if the kernel's buffer is full
                }
            } catch (IOException e) {
                LockSupport.parkNanos(AGAIN_NS); // no descriptor for a bell: perhaps later
            }
        }
        if (running.get() > 0) {
            closePort();
            queue.add(END); // one who is in a handler may never come back to say so
        }
    }

    private static void ring(DatagramChannel bell, InetSocketAddress port) {
        try {
            bell.send(ByteBuffer.allocate(0), port);
        } catch (IOException e) {
            // as one that was dropped; a bell that has rung stays the bell, or its datagrams would be handled
        }
    }

    private void closePort() {
        try {
            port.channel.close();
        } catch (IOException e) {
            // its descriptor is free all the same
        }
    }

    @Override
    public CompletableFuture<DatagramStats> termination() {
        return termination.copy();
    }
}
