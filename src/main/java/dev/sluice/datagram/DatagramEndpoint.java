package dev.sluice.datagram;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** An open UDP port. Every method may be called from any thread. */
public interface DatagramEndpoint extends AutoCloseable {

    /** The longest content of a datagram over IPv4: 65,535 bytes less the headers of IP and UDP (RFC 768, RFC 791). */
    int LONGEST = 65_507;

    /**
     * Sends a datagram, or queues it while the socket's buffer is full. Never waits, except on the thread of a {@link BlockingEndpoint}'s
     * handler, where it waits until the kernel has room. True means that the datagram was handed to the kernel, or will be unless the
     * endpoint ends before. Whether it arrives cannot be known.
     *
     * @param data the bytes between position and limit; the position moves to the limit, and the buffer may be reused
     * @param to   where to
     * @return false if it was dropped: the queue is at its limit, there is no memory for a copy, or the endpoint has closed. True
     *     also for a datagram that the kernel refuses, which is counted as failed
     */
    boolean send(ByteBuffer data, SocketAddress to);

    /**
     * The address at which it listens.
     *
     * @return the bound address, with the port that was taken where zero was asked for
     */
    InetSocketAddress address();

    /**
     * The counters.
     *
     * @return one snapshot; counters of a busy endpoint may be a few operations apart
     */
    DatagramStats stats();

    /**
     * Ends it well: datagrams that have arrived are handled, those that are queued leave, then the port is free.
     *
     * @param timeout how long that may take; then the port is closed, and datagrams that still wait are dropped. A handler that has not
     *     returned is waited for all the same; on a reactor it keeps the port, too
     * @return completes with the last counters, once the last call of the handler has returned; exceptionally if a loop of its own
     *     failed, or a thread of its own was interrupted while it waited; where it lives on a reactor that ends before, it ends there and then
     */
    CompletableFuture<DatagramStats> drain(Duration timeout);

    /**
     * The end of the endpoint, by a drain or by a failure.
     *
     * @return completes as {@link #drain} does
     */
    CompletableFuture<DatagramStats> termination();

    /** Drains within 10 seconds, and does not wait for the end. */
    @Override
    default void close() {
        drain(Duration.ofSeconds(10));
    }
}
