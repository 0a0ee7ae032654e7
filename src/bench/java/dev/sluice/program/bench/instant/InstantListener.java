package dev.sluice.program.bench.instant;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Set;

/** A listening socket to which all clients have connected already. */
final class InstantListener extends ServerSocketChannel {

    private int accepted;

    InstantListener(InstantNetwork network) {
        super(network);
    }

    boolean isDone() {
        return accepted == InstantNetwork.connections;
    }

    @Override
    public SocketChannel accept() {
        return isDone() ? null : new InstantSocket((InstantNetwork) provider(), ++accepted);
    }

    @Override
    public ServerSocketChannel bind(SocketAddress local, int backlog) {
        return this;
    }

    @Override
    public SocketAddress getLocalAddress() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), 7);
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

    /** Not supported. */
    @Override
    public ServerSocket socket() {
        throw new UnsupportedOperationException("no socket");
    }

    @Override
    protected void implCloseSelectableChannel() {}

    @Override
    protected void implConfigureBlocking(boolean block) {}
}
