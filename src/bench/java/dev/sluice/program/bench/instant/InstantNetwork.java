package dev.sluice.program.bench.instant;

import java.net.ProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;

/**
 * A network without a kernel: every client has asked again as soon as the selector is. The JVM is told of it by
 * {@code -Djava.nio.channels.spi.SelectorProvider}, so that the server on it is the real one, with nothing left out.
 */
public final class InstantNetwork extends SelectorProvider {

    /** Clients that connect, and the bytes that each of them has sent whenever it is asked. Set before the first is. */
    static int connections;

    /** Of one read. */
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

    /** Only accepted. */
    @Override
    public SocketChannel openSocketChannel() {
        throw new UnsupportedOperationException("clients connect here");
    }

    /** None. */
    @Override
    public DatagramChannel openDatagramChannel() {
        throw new UnsupportedOperationException("streams only");
    }

    /** None. */
    @Override
    public DatagramChannel openDatagramChannel(ProtocolFamily family) {
        return openDatagramChannel();
    }

    /** None. */
    @Override
    public Pipe openPipe() {
        throw new UnsupportedOperationException("sockets only");
    }
}
