package dev.sluice.datagram;

import dev.sluice.internal.RareLog;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.LoggerFactory;

/** The socket of an endpoint with its books: what both kinds of endpoint do alike. Any thread. */
final class Port {

    final DatagramChannel channel;
    final InetSocketAddress address;
    final DatagramOptions options;
    private final DatagramEndpoint endpoint;
    private final DatagramHandler handler;
    private final RareLog log = new RareLog(LoggerFactory.getLogger(DatagramEndpoint.class));
    private final LongAdder received = new LongAdder();
    private final LongAdder receivedBytes = new LongAdder();
    private final LongAdder truncated = new LongAdder();
    private final LongAdder handlerFailures = new LongAdder();
    private final LongAdder receiveFailures = new LongAdder();
    private final LongAdder offered = new LongAdder();
    private final LongAdder sent = new LongAdder();
    private final LongAdder sentBytes = new LongAdder();
    private final LongAdder dropped = new LongAdder();
    private final LongAdder failed = new LongAdder();

    /** Who sends an empty datagram for no other reason than to bring a receive back, or null. */
    volatile SocketAddress bell;

    /** Bytes of datagrams that wait. */
    private final AtomicLong queuedBytes = new AtomicLong();

    /** Binds a socket, which it closes if that fails. */
    Port(DatagramEndpoint endpoint, DatagramChannel channel, InetSocketAddress address, DatagramOptions options, DatagramHandler handler)
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
            throw e;
        } catch (IOException e) {
            receiveFailures.increment();
            warn("cannot receive", e);
            throw e;
        }
        if (sender == null || sender.equals(bell)) {
            return false;
        }
        buffer.flip();
        received.increment();
        receivedBytes.add(buffer.remaining());
        if (buffer.remaining() > options.maxSize()) {
            truncated.increment();
            return true;
        }
        try {
            handler.onDatagram(endpoint, sender, buffer);
        } catch (Throwable t) {
            handlerFailures.increment();
            warn("handler failed on a datagram from " + sender, t);
        }
        return true;
    }

    private synchronized void warn(String what, Throwable cause) {
        log.warn(System.nanoTime(), what, cause);
    }

    // ---- sending --------------------------------------------------------------------------------------------------------

    void offered() {
        offered.increment();
    }

    /** Hands one to the kernel; false if that has no room now. One that it refuses is counted, and as good as sent. */
    boolean send(ByteBuffer data, SocketAddress to) {
        int length = data.remaining();
        try {
            if (channel.send(data, to) == 0 && length > 0) {
                return false;
            }
            sent.increment();
            sentBytes.add(length);
        } catch (IOException | RuntimeException e) { // an address of another family, or one that was not resolved, is no IOException
            failed.increment();
            data.position(data.limit());
            warn("cannot send to " + to, e);
        }
        return true;
    }

    /** Makes room in the queue for a copy; null if there is none, and the datagram was dropped. */
    Queued enqueue(ByteBuffer data, SocketAddress to) {
        int length = data.remaining();
        if (queuedBytes.addAndGet(length + Queued.OVERHEAD) > options.maxQueued()) {
            queuedBytes.addAndGet(-length - Queued.OVERHEAD);
            dropped(data);
            return null;
        }
        return new Queued(ByteBuffer.allocate(length).put(data).flip(), to);
    }

    /** It is in the queue no more. */
    void dequeued(Queued one) {
        queuedBytes.addAndGet(-one.length() - Queued.OVERHEAD);
    }

    void dropped(ByteBuffer data) {
        data.position(data.limit());
        dropped.increment();
    }

    /** A copy that waits. */
    record Queued(ByteBuffer data, SocketAddress to) {

        /** What one costs beside its bytes, so that empty ones are bounded, too. */
        static final int OVERHEAD = 128;

        int length() {
            return data.capacity();
        }
    }

    /** Each effect is read before its cause: what was offered, and has come to no end, waits. */
    DatagramStats stats() {
        long seenTruncated = truncated.sum();
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
