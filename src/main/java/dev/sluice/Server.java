package dev.sluice;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** A running server, on any engine. Every method may be called from any thread. */
public interface Server extends AutoCloseable {

    /**
     * Where the server listens.
     *
     * @return the bound addresses in the order of its listeners, with the port that was taken where zero was asked for
     */
    List<SocketAddress> addresses();

    /**
     * Where the first of the server's TCP listeners listens.
     *
     * @return the first of {@link #addresses} that has a port
     * @throws IllegalStateException if none has
     */
    default InetSocketAddress address() {
        for (SocketAddress address : addresses()) {
            if (address instanceof InetSocketAddress) {
                return (InetSocketAddress) address;
            }
        }
        throw new IllegalStateException("no listener has a port: " + addresses());
    }

    /**
     * The counters.
     *
     * @return one snapshot; counters of a busy server may be a few operations apart, an effect behind its cause
     */
    ServerStats stats();

    /**
     * Ends the server well. It accepts the connections that wait in its backlogs, then closes the listeners, and their ports are free. Of
     * every connection, the bytes that have arrived are handled, the output leaves, and both sides end it. The drain waits for a handler
     * that has paused reading, and for one that is in a callback or task. A connection that has not come to its end at the deadline is cut:
     * its peer sees a reset, and the report counts what was lost. Called again, this may only bring the deadline forward.
     *
     * <p>A connection is asked to leave once no byte has been read or written on it for a while. A new connection counts as active, so a
     * client that has just connected gets its answer. Connections that are never quiet are asked one after another in the second half of
     * the time.
     *
     * @param quiet   how long a connection is to be quiet before it is asked to leave; zero asks all of them at once
     * @param timeout how long all that may take; zero cuts at once
     * @return completes as {@link #termination} does
     */
    CompletableFuture<DrainReport> drain(Duration quiet, Duration timeout);

    /**
     * Ends the server well, and asks every connection to leave at once.
     *
     * @param timeout how long that may take; zero cuts at once
     * @return completes as {@link #termination} does
     */
    default CompletableFuture<DrainReport> drain(Duration timeout) {
        return drain(Duration.ZERO, timeout);
    }

    /**
     * The end of the server, by a drain or by a failure.
     *
     * @return completes once every connection has closed, its last callback has returned, and the server's threads are about to end;
     *     exceptionally when a loop failed. Tasks that were {@linkplain Connection#offload offloaded} may still run
     */
    CompletableFuture<DrainReport> termination();

    /**
     * Drains within {@link ServerOptions#drainTimeout} and waits for the end, except on a thread of the server's own,
     * where it only begins.
     */
    @Override
    void close();
}
