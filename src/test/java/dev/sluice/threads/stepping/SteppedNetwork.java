package dev.sluice.threads.stepping;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Sockets that block as those of the JDK do, one step a call. What the other end does is the play's: it holds a {@link Line} for each
 * connection, with what is on its way in both directions.
 */
public final class SteppedNetwork extends SelectorProvider {

    private static final InetAddress HERE = here();

    final Stepper stepper;
    private final List<Line> lines = new ArrayList<>();
    private Function<InetSocketAddress, Line> targets = address -> null;
    private SteppedListener listener;
    private int ports = 40_000;

    /** Makes one without a socket. */
    public SteppedNetwork(Stepper stepper) {
        this.stepper = stepper;
    }

    private static InetAddress here() {
        try {
            return InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        } catch (UnknownHostException e) {
            throw new AssertionError("four bytes are an address", e);
        }
    }

    /** An address here. */
    public static InetSocketAddress address(int port) {
        return new InetSocketAddress(HERE, port);
    }

    /** Sets the answer to each connect: the line to the address, or null where none listens. */
    public void targets(Function<InetSocketAddress, Line> at) {
        targets = at;
    }

    /** Connects to the listener; null if there is none any more. */
    public Line connect(int room, boolean writesWhole) {
        if (listener == null || !listener.isOpen()) {
            return null;
        }
        Line line = line(room, writesWhole);
        listener.offer(new SteppedSocket(this, line, listener.getLocalAddress()));
        return line;
    }

    /** A line that has no other end yet: for a target. */
    public Line line(int room, boolean writesWhole) {
        Line line = new Line(address(ports++), room, writesWhole);
        lines.add(line);
        return line;
    }

    Line dial(InetSocketAddress address) throws IOException {
        Line line = targets.apply(address);
        if (line == null) {
            throw new ConnectException("Connection refused (stepped)");
        }
        return line;
    }

    /** Sockets that are not closed. */
    public long open() {
        return lines.stream().filter(line -> line.accepted && !line.closed).count();
    }

    @Override
    public AbstractSelector openSelector() {
        return new SteppedSelector(this);
    }

    @Override
    public ServerSocketChannel openServerSocketChannel() {
        listener = new SteppedListener(this);
        return listener;
    }

    @Override
    public SocketChannel openSocketChannel() {
        return new SteppedSocket(this, null, null);
    }

    @Override
    public DatagramChannel openDatagramChannel() {
        throw new UnsupportedOperationException("no datagrams here");
    }

    @Override
    public DatagramChannel openDatagramChannel(ProtocolFamily family) {
        return openDatagramChannel();
    }

    @Override
    public Pipe openPipe() {
        throw new UnsupportedOperationException("no pipes here");
    }
}
