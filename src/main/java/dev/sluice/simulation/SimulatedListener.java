package dev.sluice.simulation;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Set;

/** A simulated listening socket, with its backlog. */
final class SimulatedListener extends ServerSocketChannel implements SimulatedSelector.Ready {

    private final SimulatedNetwork network;
    private final ArrayDeque<SimulatedSocket> waiting = new ArrayDeque<>();
    private InetSocketAddress address;
    private int backlog;

    SimulatedListener(SimulatedNetwork network) {
        super(network);
        this.network = network;
    }

    @Override
    public ServerSocketChannel bind(SocketAddress local, int backlog) throws IOException {
        this.address = network.address(network.ports.listen(this, ((InetSocketAddress) local).getPort()));
        this.backlog = backlog == 0 ? 50 : backlog;
        return this;
    }

    /** A client asks to be let in; false if the backlog is full. */
    boolean offer(Peer peer) {
        if (waiting.size() >= backlog) {
            return false;
        }
        waiting.add(peer.meet(address));
        return true;
    }

    @Override
    public SocketChannel accept() throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        if (!waiting.isEmpty() && network.random.nextDouble() < network.conditions.acceptFailure()) {
            throw new IOException("Too many open files (simulated)");
        }
        return waiting.poll();
    }

    @Override
    public int readyOps() {
        return waiting.isEmpty() ? 0 : SelectionKey.OP_ACCEPT;
    }

    /** Resets the backlog, as Linux does. */
    @Override
    protected void implCloseSelectableChannel() throws IOException {
        if (address != null) {
            network.ports.close(address.getPort());
        }
        for (SimulatedSocket socket; (socket = waiting.poll()) != null; ) {
            socket.setOption(StandardSocketOptions.SO_LINGER, 0);
            socket.close();
        }
    }

    @Override
    public SocketAddress getLocalAddress() {
        return address;
    }

    @Override
    public <T> ServerSocketChannel setOption(SocketOption<T> name, T value) {
        return this;
    }

    @Override
    public <T> T getOption(SocketOption<T> name) {
        return null;
    }

    @Override
    public Set<SocketOption<?>> supportedOptions() {
        return Set.of();
    }

    @Override
    public ServerSocket socket() {
        throw new UnsupportedOperationException("not simulated");
    }

    @Override
    protected void implConfigureBlocking(boolean block) {
        if (block) {
            throw new UnsupportedOperationException("nothing blocks in a simulation");
        }
    }
}
