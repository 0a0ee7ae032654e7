package dev.sluice.threads;

import dev.sluice.CloseReason.Kind;
import dev.sluice.ServerOptions;
import dev.sluice.internal.Deadlines;
import dev.sluice.internal.Listener;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * How a connection that was not accepted comes to be: its own thread connects, before anything else.
 *
 * @param address where to
 * @param timeout how long to wait for an answer; zero: as long as the system does
 */
record Dial(InetSocketAddress address, Duration timeout) {

    /** Opens a socket; on the loop, so that want of descriptors costs no thread. */
    SocketChannel open(ServerOptions options) throws IOException {
        SocketChannel channel = SocketChannel.open();
        try {
            Listener.prepare(channel, options.sendBuffer());
            if (options.receiveBuffer() > 0) {
                channel.setOption(StandardSocketOptions.SO_RCVBUF, options.receiveBuffer());
            }
            return channel;
        } catch (Throwable t) {
            channel.close();
            throw t;
        }
    }

    /** On the own thread, which it blocks. Returns false if it failed; then the connection has ended. */
    boolean connect(ThreadConnection connection, SocketChannel channel) {
        try {
            if (address.isUnresolved()) {
                throw new IOException("cannot resolve " + address.getHostString());
            }
            Thread.interrupted(); // a connect with the flag set would close the channel
            long millis = (Deadlines.nanos(timeout) + 999_999) / 1_000_000;
            channel.socket().connect(address, (int) Math.min(millis, Integer.MAX_VALUE));
            return connection.life.connected();
        } catch (Throwable t) { // an address of another family is no IOException, want of memory no Exception
            connection.life.end(Kind.CONNECT_FAILURE, t);
            return false;
        }
    }
}
