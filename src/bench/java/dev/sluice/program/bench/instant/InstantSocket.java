package dev.sluice.program.bench.instant;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.Set;

/** A socket that fills every read and takes every write, at once and without touching a byte. */
final class InstantSocket extends SocketChannel {

    private final SocketAddress remote;

    InstantSocket(InstantNetwork network, int number) {
        super(network);
        this.remote = new InetSocketAddress(InetAddress.getLoopbackAddress(), number);
    }

    @Override
    public int read(ByteBuffer into) {
        int given = Math.min(InstantNetwork.bytes, into.remaining());
        into.position(into.position() + given);
        return given;
    }

    @Override
    public int write(ByteBuffer from) {
        int taken = from.remaining();
        from.position(from.limit());
        return taken;
    }

    @Override
    public long read(ByteBuffer[] into, int offset, int length) {
        return read(into[offset]);
    }

    @Override
    public long write(ByteBuffer[] from, int offset, int length) {
        long taken = 0;
        for (int i = offset; i < offset + length; i++) {
            taken += write(from[i]);
        }
        return taken;
    }

    @Override
    public SocketAddress getRemoteAddress() {
        return remote;
    }

    @Override
    public SocketAddress getLocalAddress() {
        return remote;
    }

    @Override
    public boolean isConnected() {
        return true;
    }

    @Override
    public boolean isConnectionPending() {
        return false;
    }

    @Override
    public boolean connect(SocketAddress address) {
        return true;
    }

    @Override
    public boolean finishConnect() {
        return true;
    }

    @Override
    public SocketChannel bind(SocketAddress local) {
        return this;
    }

    @Override
    public SocketChannel shutdownInput() {
        return this;
    }

    @Override
    public SocketChannel shutdownOutput() {
        return this;
    }

    @Override
    public <T> SocketChannel setOption(SocketOption<T> name, T value) {
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
    public Socket socket() {
        throw new UnsupportedOperationException("no socket");
    }

    @Override
    protected void implCloseSelectableChannel() {}

    @Override
    protected void implConfigureBlocking(boolean block) {}
}
