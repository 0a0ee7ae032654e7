package dev.sluice.program.bench.instant;

import java.net.ProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;

/**
 * A network without a kernel: every client has sent its next request by the time of the next select. The JVM finds it by
 * {@code -Djava.nio.channels.spi.SelectorProvider}, so that the server on it is the real one, with nothing left out.
 */
public final class InstantNetwork extends SelectorProvider {

    /** Clients that connect. Set before the server starts. */
    static int connections;

    /** Bytes that each read finds. Set before the server starts. */
    static int bytes;

    /** For the JDK. */
    public InstantNetwork() {}

    @Override
    public AbstractSelector openSelector() {
        return new InstantSelector(this);
    }

    @Override
    public ServerSocketChannel openServerSocketChannel() {
        return new InstantListener(this);
    }

    /** Not supported: sockets are accepted. */
    @Override
    public SocketChannel openSocketChannel() {
        throw new UnsupportedOperationException("clients connect here");
    }

    /** Not supported. */
    @Override
    public DatagramChannel openDatagramChannel() {
        throw new UnsupportedOperationException("streams only");
    }

    /** Not supported. */
    @Override
    public DatagramChannel openDatagramChannel(ProtocolFamily family) {
        return openDatagramChannel();
    }

    /** Not supported. */
    @Override
    public Pipe openPipe() {
        throw new UnsupportedOperationException("sockets only");
    }
}
