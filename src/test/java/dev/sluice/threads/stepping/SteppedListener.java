package dev.sluice.threads.stepping;

import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.Set;

/** A listening socket of a {@link SteppedNetwork}. */
final class SteppedListener extends ServerSocketChannel implements SteppedSelector.Ready {

    private final SteppedNetwork network;
    private final ArrayDeque<SteppedSocket> backlog = new ArrayDeque<>();

    SteppedListener(SteppedNetwork network) {
        super(network);
        this.network = network;
    }

    void offer(SteppedSocket socket) {
        backlog.add(socket);
    }

    @Override
    public SocketChannel accept() throws ClosedChannelException {
        network.stepper.step("accept");
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        SteppedSocket socket = backlog.poll();
        if (socket != null) {
            socket.accepted();
        }
        return socket;
    }

    @Override
    public int readyOps() {
        return backlog.isEmpty() ? 0 : SelectionKey.OP_ACCEPT;
    }

    @Override
    public ServerSocketChannel bind(SocketAddress local, int length) {
        return this;
    }

    @Override
    public InetSocketAddress getLocalAddress() {
        return SteppedNetwork.address(7);
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
        throw new UnsupportedOperationException("not stepped");
    }

    @Override
    protected void implCloseSelectableChannel() {
        for (SteppedSocket socket; (socket = backlog.poll()) != null; ) {
            socket.refuse();
        }
    }

    @Override
    protected void implConfigureBlocking(boolean block) {}
}
