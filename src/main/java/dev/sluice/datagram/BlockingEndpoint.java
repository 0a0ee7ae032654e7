package dev.sluice.datagram;

import dev.sluice.internal.Deadlines;
import dev.sluice.internal.ThreadFactories;
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

/**
 * A UDP port whose threads block: each receives, calls the handler, and sends its answers; a handler that blocks keeps its own
 * thread alone. What other threads send goes through a queue to one thread more, so that no user's thread ever does I/O (an
 * interrupted one would close the socket).
 */
public final class BlockingEndpoint implements DatagramEndpoint {

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

    private BlockingEndpoint(InetSocketAddress address, DatagramOptions options, int threads, DatagramHandler handler) throws IOException {
        this.port = new Port(this, DatagramChannel.open(), address, options, handler);
        this.running = new AtomicInteger(threads);
    }

    /**
     * Starts an endpoint.
     *
     * @param address where to listen; port zero takes a free one
     * @param options how to behave
     * @param threads how many receive; from 2 on, the handler is called by several at a time
     * @param virtual whether they are virtual
     * @param handler is given the datagrams
     * @return an endpoint that receives
     * @throws IOException                   if the address cannot be listened on
     * @throws UnsupportedOperationException if there are no virtual threads, before Java 21
     */
    public static BlockingEndpoint start(
            InetSocketAddress address, DatagramOptions options, int threads, boolean virtual, DatagramHandler handler) throws IOException {
        ThreadFactory factory = virtual ? ThreadFactories.virtual("sluice-datagrams-") : ThreadFactories.platform("sluice-datagrams-");
        BlockingEndpoint endpoint = new BlockingEndpoint(address, options, threads, handler);
        try {
            factory.newThread(endpoint::sendQueued).start();
            for (int i = 0; i < threads; i++) {
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
        try {
            ByteBuffer buffer = port.buffer();
            while (port.channel.isOpen() && receive(buffer)) {
                continue;
            }
        } finally { // though there is no memory for the buffer: the end waits for this
            if (running.decrementAndGet() == 0) {
                queue.add(END);
            }
        }
    }

    /** False if there is nothing more to receive. */
    private boolean receive(ByteBuffer buffer) {
        try {
            Thread.interrupted(); // a receive with the flag set would close the socket
            return port.receive(buffer);
        } catch (ClosedChannelException e) {
            return false;
        } catch (IOException e) {
            LockSupport.parkNanos(PAUSE_NS);
            return true;
        }
    }

    private void sendQueued() {
        for (Port.Queued next; (next = take()) != END; ) {
            port.dequeued(next);
            if (!port.channel.isOpen() || !port.send(next.data(), next.to())) {
                port.dropped(next.data());
            }
        }
        closePort();
        for (Port.Queued late; (late = queue.poll()) != null; ) {
            if (late != END) {
                drop(late);
            }
        }
        termination.complete(stats());
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
            return port.send(data, to);
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
            closePort(); // those that are in a handler end when they come back
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
