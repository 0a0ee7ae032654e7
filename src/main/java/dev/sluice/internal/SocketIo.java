package dev.sluice.internal;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.NotYetConnectedException;
import java.nio.channels.SocketChannel;

/**
 * The narrow seam between a connection and its socket. Tests script it; TLS will stand behind it. It is handed the
 * channel at each call, so that the plain one serves every connection and an idle one pays nothing for it.
 */
public interface SocketIo {

    /** The socket as it is. */
    SocketIo PLAIN = new SocketIo() {};

    /**
     * Reads once.
     *
     * @param channel the connection's socket
     * @param into    has room, since no room would read zero bytes for ever
     * @return bytes read, 0 for none at present, -1 for the peer's end
     * @throws IOException the connection is lost
     */
    default int read(SocketChannel channel, ByteBuffer into) throws IOException {
        return channel.read(into);
    }

    /** What {@link #available} returns where it is not known. */
    int UNKNOWN = -1;

    /**
     * How many bytes the next reads would find. For the end of a connection: a channel keeps what this asks of it.
     *
     * @param channel the connection's socket
     * @return bytes that have arrived and were not read; {@link #UNKNOWN} of a Unix-domain socket before Java 19
     * @throws IOException the connection is lost
     */
    default int available(SocketChannel channel) throws IOException {
        if (channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY)) {
            return channel.socket().getInputStream().available();
        }
        return Runtime.version().feature() < 19 ? UNKNOWN : Channels.newInputStream(channel).available();
    }

    /**
     * Writes once.
     *
     * @param channel the connection's socket
     * @param from    is direct and not empty: of a heap buffer the JDK would copy all that remains at every short write
     * @return bytes taken
     * @throws IOException the connection is lost
     */
    default int write(SocketChannel channel, ByteBuffer from) throws IOException {
        return channel.write(from);
    }

    /**
     * Writes several buffers at once.
     *
     * @param channel the connection's socket
     * @param from    direct buffers, none of them empty
     * @param count   how many, from the first on
     * @return bytes taken
     * @throws IOException the connection is lost
     */
    default long write(SocketChannel channel, ByteBuffer[] from, int count) throws IOException {
        return channel.write(from, 0, count);
    }

    /**
     * Tells the peer that nothing more will come.
     *
     * @param channel the connection's socket
     * @throws IOException the connection is lost
     */
    default void shutdownOutput(SocketChannel channel) throws IOException {
        channel.shutdownOutput();
    }

    /**
     * Has a read that blocks return. A close follows.
     *
     * @param channel the connection's socket
     */
    default void shutdownInput(SocketChannel channel) {
        try {
            channel.shutdownInput();
        } catch (IOException | NotYetConnectedException e) {
            // lost already
        }
    }

    /**
     * Makes the coming close a reset, which tells the peer that what it got is not the whole. Of a Unix-domain socket it stays a plain end.
     *
     * @param channel the connection's socket
     */
    default void resetOnClose(SocketChannel channel) {
        try {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
        } catch (IOException e) {
            // lost already
        }
    }

    /**
     * Closes the socket.
     *
     * @param channel the connection's socket
     */
    default void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // its descriptor is free all the same
        }
    }
}
