package dev.sluice.datagram;

import dev.sluice.internal.RateLimitedLog;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.LoggerFactory;

/** The socket of an endpoint, with its counters: the part that both kinds of endpoint share. Any thread. */
final class DatagramPort {

    /** No datagram is longer: 65,535 bytes less UDP's header, over IPv6. Whether one as long as this may leave is the kernel's to say. */
    private static final int LONGEST = 65_527;

    /** The cost of a datagram that waits, beside its bytes: it bounds empty ones, too. */
    private static final int OVERHEAD = 128;

    final DatagramChannel channel;
    final InetSocketAddress address;
    final DatagramOptions options;
    private final OwnAddresses own;
    private final DatagramEndpoint endpoint;
    private final DatagramHandler handler;
    private final RateLimitedLog log = new RateLimitedLog(LoggerFactory.getLogger(DatagramEndpoint.class));
    private final LongAdder received = new LongAdder();
    private final LongAdder receivedBytes = new LongAdder();
    private final LongAdder truncated = new LongAdder();
    private final LongAdder fromSelf = new LongAdder();
    private final LongAdder handlerFailures = new LongAdder();
    private final LongAdder receiveFailures = new LongAdder();
    private final LongAdder offered = new LongAdder();
    private final LongAdder sent = new LongAdder();
    private final LongAdder sentBytes = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private final LongAdder failed = new LongAdder();

    /** The interrupt that has closed the channel, or null: the JDK closes it under a thread that is interrupted in a call. */
    volatile ClosedByInterruptException interrupted;

    /** The address of our own socket whose empty datagrams only bring a receive back, or null. */
    volatile SocketAddress bell;

    /** Bytes of datagrams that wait. */
    private final AtomicLong queuedBytes = new AtomicLong();

    /** Binds a socket, which it closes if that fails. */
    DatagramPort(DatagramEndpoint endpoint, DatagramChannel channel, InetSocketAddress address, DatagramOptions options, DatagramHandler handler)
            throws IOException {
        this.endpoint = endpoint;
        this.channel = channel;
        this.options = options;
        this.handler = handler;
        try {
            if (options.sendBuffer() > 0) {
                channel.setOption(StandardSocketOptions.SO_SNDBUF, options.sendBuffer());
            }
            if (options.receiveBuffer() > 0) {
                channel.setOption(StandardSocketOptions.SO_RCVBUF, options.receiveBuffer());
            }
            channel.bind(address);
            this.address = (InetSocketAddress) channel.getLocalAddress();
            this.own = new OwnAddresses(this.address);
        } catch (Throwable t) {
            channel.close();
            throw t;
        }
    }

    /** For {@link #receive}: a byte more than is handled shows that a datagram is longer, which the socket cuts in silence. */
    ByteBuffer buffer() {
        return ByteBuffer.allocateDirect(options.maxSize() + 1);
    }

    /** Receives one and has it handled; false if there is none, or it is the bell. */
    boolean receive(ByteBuffer buffer) throws IOException {
        SocketAddress sender;
        try {
            sender = channel.receive(buffer.clear());
        } catch (ClosedChannelException e) {
            closed(e);
            throw e;
        } catch (Throwable t) { // an Error too: there may be no memory for the sender's address
            receiveFailures.increment();
            warn("cannot receive", null, t);
            throw t;
        }
        if (sender == null || sender.equals(bell)) {
            return false;
        }
        buffer.flip();
        received.increment();
        receivedBytes.add(buffer.remaining());
        if (own.contain(sender)) {
            fromSelf.increment();
            return true;
        }
        if (buffer.remaining() > options.maxSize()) {
            truncated.increment();
            return true;
        }
        try {
            handler.onDatagram(endpoint, sender, buffer);
        } catch (Throwable t) {
            handlerFailures.increment();
            warn("handler failed on a datagram from ", sender, t);
        }
        return true;
    }

    private void closed(ClosedChannelException how) {
        if (how instanceof ClosedByInterruptException e) {
            interrupted = e;
        }
    }

    private void warn(String what, SocketAddress whom, Throwable cause) {
        try {
            String text = whom == null ? what : what + whom;
            log.warn(System.nanoTime(), text, cause);
        } catch (Throwable t) {
            // no memory to tell it with; it is counted
        }
    }

    // ---- sending --------------------------------------------------------------------------------------------------------

    /** Counts one that is to be sent; false if none can be as long, and it was refused: a copy of it would be for nothing. */
    boolean offered(ByteBuffer data, SocketAddress to) {
        int length = data.remaining();
        offered.increment();
        if (length <= LONGEST) {
            return true;
        }
        refused(data, to, new IOException("no datagram has " + length + " bytes"));
        return false;
    }

    private void refused(ByteBuffer data, SocketAddress to, Throwable cause) {
        failed.increment();
        data.position(data.limit());
        warn("cannot send to ", to, cause);
    }

    /**
     * Hands one to the kernel; false if that has no room now, or the channel has closed. One that it refuses is counted, and as good as
     * sent. Of an empty one, a channel that does not block does not tell whether there was room: its caller has to know that there is.
     */
    boolean send(ByteBuffer data, SocketAddress to) {
        int length = data.remaining();
        try {
            if (channel.send(data, to) == 0 && length > 0) {
                return false;
            }
            sent.increment();
            sentBytes.add(length);
        } catch (ClosedChannelException e) {
            closed(e);
            return false;
        } catch (Throwable t) { // an address of another family, or one that was not resolved, is no IOException, want of memory no Exception
            refused(data, to, t);
        }
        return true;
    }

    /** Makes a copy that waits; null if there is no room for it, or no memory, and the datagram was dropped. */
    Queued enqueue(ByteBuffer data, SocketAddress to) {
        int length = data.remaining();
        if (!reserve(cost(length))) {
            dropped(data);
            return null;
        }
        Queued copy = null;
        try {
            copy = new Queued(ByteBuffer.allocate(length).put(data).flip(), to);
        } catch (VirtualMachineError e) {
            // as without room
        } finally {
            if (copy == null) {
                queuedBytes.addAndGet(-cost(length));
                dropped(data);
            }
        }
        return copy;
    }

    private static long cost(int length) {
        return (long) length + OVERHEAD;
    }

    private boolean reserve(long bytes) {
        long before;
        do {
            before = queuedBytes.get();
            if (before + bytes > options.maxQueued()) {
                return false;
            }
        } while (!queuedBytes.compareAndSet(before, before + bytes));
        return true;
    }

    /** A datagram has left the queue. */
    void dequeued(Queued one) {
        queuedBytes.addAndGet(-cost(one.length()));
    }

    /** A datagram has left the queue, and is not sent. */
    void drop(Queued one) {
        dequeued(one);
        dropped(one.data());
    }

    void dropped(ByteBuffer data) {
        data.position(data.limit());
        dropped.increment();
    }

    /** A copy that waits. */
    record Queued(ByteBuffer data, SocketAddress to) {

        int length() {
            return data.capacity();
        }
    }

    /** Each effect is read before its cause. Datagrams that were offered, and have come to no end, wait. */
    DatagramStats stats() {
        long seenTruncated = truncated.sum();
        long seenFromSelf = fromSelf.sum();
        long seenFailures = handlerFailures.sum();
        long seenSentBytes = sentBytes.sum();
        long seenSent = sent.sum();
        long seenDropped = dropped.sum();
        long seenFailed = failed.sum();
        long seenOffered = offered.sum();
        return new DatagramStats(
                received.sum(),
                receivedBytes.sum(),
                seenTruncated,
                seenFromSelf,
                seenFailures,
                receiveFailures.sum(),
                seenOffered,
                seenSent,
                seenSentBytes,
                seenOffered - seenSent - seenDropped - seenFailed,
                seenDropped,
                seenFailed);
    }
}
