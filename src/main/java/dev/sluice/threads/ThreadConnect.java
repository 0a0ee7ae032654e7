package dev.sluice.threads;

import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.ListenerSockets;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;

/**
 * An attempt to connect, which the connection's own thread makes before anything else.
 *
 * @param address where to
 * @param timeout how long to wait for an answer; zero: as long as the system does
 * @param factory makes the handler, also of a connection that could not be made
 */
record ThreadConnect(SocketAddress address, Duration timeout, Handler.Factory factory) {

    /** Opens a socket; on the loop, so that a lack of descriptors costs no thread. */
    SocketChannel open(SelectorProvider sockets, ServerOptions options) throws IOException {
        return ListenerSockets.open(sockets, address, options);
    }

    /** On the own thread, which it blocks. */
    void connect(SocketChannel channel) throws IOException {
        Thread.interrupted(); // a connect with the flag set would close the channel
        if (!(address instanceof InetSocketAddress inet)) { // Unix: has an answer at once, or waits for room in a backlog for ever
            channel.configureBlocking(false);
            channel.connect(address);
            channel.configureBlocking(true);
            return;
        } else if (inet.isUnresolved()) {
            throw new IOException("cannot resolve " + inet.getHostString());
        }
        long millis = (Deadlines.nanos(timeout) + 999_999) / 1_000_000;
        channel.socket().connect(address, (int) Math.min(millis, Integer.MAX_VALUE));
    }
}
