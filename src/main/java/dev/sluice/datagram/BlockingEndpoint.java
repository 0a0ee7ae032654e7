package dev.sluice.datagram;

import dev.sluice.internal.Deadlines;
import dev.sluice.internal.ThreadFactories;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A UDP port whose threads block. Each receives, calls the handler, and sends its answers; a handler that blocks keeps only its own
 * thread. Datagrams from other threads go through a queue to one more thread, so that no user's thread ever does I/O: an interrupted
 * one would close the socket. Another thread waits for the end.
 *
 * <p>A handler may interrupt its own thread. An interrupt while the thread waits in a receive or a send closes the port:
 * {@link #termination} then completes exceptionally, with a {@link java.nio.channels.ClosedByInterruptException}. So a handler must
 * not pass its thread to code that may interrupt it after the handler has returned.
 */
public final class BlockingEndpoint implements DatagramEndpoint {

    private static final Logger LOG = LoggerFactory.getLogger(DatagramEndpoint.class);

    private static final DatagramPort.Queued END = new DatagramPort.Queued(ByteBuffer.allocate(0), null);

    /** After a receive that failed: 10 ms, or a thread would spin. */
    private static final long PAUSE_NS = 10_000_000;

    private static final long AGAIN_NS = 20_000_000;

    private static final String NAMES = "sluice-datagrams-";

    private final DatagramPort port;
    private final Set<Thread> receivers = ConcurrentHashMap.newKeySet();
    private final AtomicInteger running;
    private final LinkedBlockingQueue<DatagramPort.Queued> queue = new LinkedBlockingQueue<>();
    private final CompletableFuture<DatagramStats> termination = new CompletableFuture<>();

    /** Completed by the first drain, with its nanoseconds. */
    private final CompletableFuture<Long> drain = new CompletableFuture<>();

    private BlockingEndpoint(DatagramChannel channel, InetSocketAddress address, DatagramOptions options, int receivers, DatagramHandler handler)
            throws IOException {
        this.port = new DatagramPort(this, channel, address, options, handler);
        this.running = new AtomicInteger(receivers);
    }

    /**
     * Starts an endpoint. A port has no connections, and so {@link Threads} says how many receive: {@code platform} and
     * {@code virtual} are one thread, and the handler is called by one at a time; {@code pool} is as many as it says, and the
     * handler is called by so many at a time.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param threads the threads that receive
     * @param handler is given the datagrams
     * @return an endpoint that receives
     * @throws IOException      if the address cannot be listened on
     * @throws OutOfMemoryError if the threads are not to be had, or their buffers of the longest datagram; the port is free then
     */
    public static BlockingEndpoint start(InetSocketAddress address, DatagramOptions options, Threads threads, DatagramHandler handler)
            throws IOException {
        return start(DatagramChannel.open(), address, options, threads, handler);
    }

    /** As above, on a channel that is not bound yet, and is closed if the start fails. */
    static BlockingEndpoint start(
            DatagramChannel channel, InetSocketAddress address, DatagramOptions options, Threads threads, DatagramHandler handler)
            throws IOException {
        ThreadFactory factory = threads.isVirtual() ? ThreadFactories.virtual(NAMES) : ThreadFactories.platform(NAMES);
        int receivers = Math.max(1, threads.poolSize());
        BlockingEndpoint endpoint = new BlockingEndpoint(channel, address, options, receivers, handler);
        try {
            endpoint.begin(factory);
            return endpoint;
        } catch (Throwable t) { // an Error too: there may be no thread to be had, or no memory for a buffer
            endpoint.closePort();
            endpoint.queue.add(END);
            throw t;
        }
    }

    private void begin(ThreadFactory factory) {
        List<Thread> threads = new ArrayList<>();
        threads.add(factory.newThread(this::sendQueued));
        threads.add(factory.newThread(this::awaitEnd)); // now: when it has something to do, there may be no thread to be had
        for (int i = running.get(); i > 0; i--) {
            ByteBuffer buffer = port.buffer();
            Thread receiver = factory.newThread(() -> receive(buffer));
            receivers.add(receiver);
            threads.add(receiver);
        }
        threads.forEach(Thread::start);
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

    private void receive(ByteBuffer buffer) {
        try {
            while (receiveNext(buffer)) {
                continue;
            }
        } finally {
            if (running.decrementAndGet() == 0) {
                queue.add(END);
            }
        }
    }

    /** False at the end. */
    private boolean receiveNext(ByteBuffer buffer) {
        try {
            Thread.interrupted(); // a receive with the flag set would close the socket
            return port.receive(buffer);
        } catch (ClosedChannelException e) {
            return false;
        } catch (Throwable t) { // an Error too: the port must not lose a thread for want of memory
            pause(PAUSE_NS);
            return true;
        }
    }

    private void sendQueued() {
        for (DatagramPort.Queued next; (next = take()) != END; ) {
            sendOrDrop(next.data(), next.to());
            port.dequeued(next);
        }
        closePort();
        for (DatagramPort.Queued late; (late = queue.poll()) != null; ) {
            if (late != END) {
                port.drop(late);
            }
        }
        drain.complete(0L); // the thread that waits for a drain has nothing to wait for
        tellTheEnd(port.interrupted);
    }

    private void tellTheEnd(ClosedByInterruptException failure) {
        if (failure == null) {
            termination.complete(stats());
            return;
        }
        try {
            LOG.error("a thread of the port's was interrupted while it waited, and the port has closed", failure);
        } finally {
            termination.completeExceptionally(failure);
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

    private DatagramPort.Queued take() {
        while (true) {
            try {
                return queue.take();
            } catch (InterruptedException e) {
                // an interrupt does not end this thread
            }
        }
    }

    // ---- sending --------------------------------------------------------------------------------------------------------

    @Override
    public boolean send(ByteBuffer data, SocketAddress to) {
        if (!port.offered(data, to)) {
            return true;
        }
        if (!port.channel.isOpen()) {
            port.dropped(data);
            return false;
        }
        if (receivers.contains(Thread.currentThread())) {
            return sendOrDrop(data, to);
        }
        DatagramPort.Queued copy = port.enqueue(data, to);
        return copy != null && add(copy);
    }

    private boolean add(DatagramPort.Queued copy) {
        try {
            queue.add(copy);
        } catch (VirtualMachineError e) {
            port.drop(copy);
            return false;
        }
        // the port is closed, then the queue emptied: whichever comes second sees the other. This copy, and none that is equal
        if (!port.channel.isOpen() && queue.removeIf(queued -> queued == copy)) {
            port.drop(copy);
            return false;
        }
        return true;
    }

    // ---- the end --------------------------------------------------------------------------------------------------------

    @Override
    public CompletableFuture<DatagramStats> drain(Duration timeout) {
        drain.complete(Deadlines.nanos(timeout));
        return termination();
    }

    /**
     * Waits for a drain, and ends it in time. A receive that blocks is brought back by an empty datagram of ours: everything that came
     * before it has been handled by then. At the deadline the port is closed: that brings a send back for which the line was too slow.
     */
    private void awaitEnd() {
        long timeoutNs = drain.join();
        long startNs = System.nanoTime();
        BooleanSupplier isAwaited = () -> !termination.isDone() && System.nanoTime() - startNs < timeoutNs;
        InetAddress own = port.address.getAddress();
        InetAddress host = own.isAnyLocalAddress() ? InetAddress.getLoopbackAddress() : own;
        while (isAwaited.getAsBoolean()) {
            try (DatagramChannel bell = DatagramChannel.open().bind(new InetSocketAddress(host, 0))) {
                port.bell = bell.getLocalAddress();
                while (isAwaited.getAsBoolean()) {
                    for (int i = running.get(); i > 0; i--) {
                        ring(bell, new InetSocketAddress(host, port.address.getPort()));
                    }
                    pause(AGAIN_NS); // it may have been dropped, if the kernel's buffer is full
                }
            } catch (IOException | OutOfMemoryError e) {
                pause(AGAIN_NS); // no descriptor for a bell, or no memory: perhaps later
            }
        }
        closePort(); // receivers that are in a handler end when they come back
    }

    private static void pause(long ns) {
        Thread.interrupted(); // with the flag set, it would not wait
        LockSupport.parkNanos(ns);
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
