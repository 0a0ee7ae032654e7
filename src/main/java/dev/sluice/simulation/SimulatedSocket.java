package dev.sluice.simulation;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The server's end of a simulated connection. It is never in blocking mode. */
final class SimulatedSocket extends SocketChannel implements SimulatedSelector.Ready {

    final Direction toServer;
    final Direction toPeer;
    private final SimulatedNetwork network;
    private final InetSocketAddress local;
    private final InetSocketAddress remote;
    private final Peer peer;
    private final Map<SocketOption<?>, Object> options = new HashMap<>();
    private boolean lost;
    private boolean outputEnded;

    SimulatedSocket(SimulatedNetwork network, InetSocketAddress local, InetSocketAddress remote, Peer peer) {
        super(network);
        this.network = network;
        this.local = local;
        this.remote = remote;
        this.peer = peer;
        this.toServer = new Direction(network, this::arrived, peer::push);
        this.toPeer = new Direction(network, peer::take, () -> {});
    }

    /** Bytes or the end have come, perhaps too late: a socket that has closed answers with a reset. */
    private void arrived() {
        if (!isOpen()) {
            toPeer.travel(peer::refused);
        }
    }

    /** The peer, or the network, has reset the connection: this end learns of it when that has travelled. */
    void lost() {
        toServer.travel(() -> lost = true);
    }

    @Override
    public int readyOps() {
        if (lost) {
            return validOps(); // a broken socket is reported, whatever is awaited
        }
        int ops = toServer.hasBytes() || toServer.isAtItsEnd() ? SelectionKey.OP_READ : 0;
        return toPeer.room() > 0 ? ops | SelectionKey.OP_WRITE : ops;
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        checkOpen();
        if (lost && !toServer.hasBytes() && !toServer.isAtItsEnd()) { // bytes that arrived before the reset can still be read, and so can the end
            throw peer.asReset();
        }
        return toServer.receive(into);
    }

    @Override
    public long read(ByteBuffer[] into, int offset, int length) throws IOException {
        return read(into[offset]);
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
        checkOpen();
        if (lost || outputEnded) {
            throw new IOException("Broken pipe (simulated)");
        }
        if (from.hasRemaining() && network.random.nextDouble() < network.conditions.reset()) {
            peer.reset();
        }
        return toPeer.send(from);
    }

    @Override
    public long write(ByteBuffer[] from, int offset, int length) throws IOException {
        long taken = 0;
        for (int i = offset; i < offset + length; i++) {
            taken += write(from[i]);
            if (from[i].hasRemaining()) {
                break;
            }
        }
        return taken;
    }

    @Override
    public SocketChannel shutdownOutput() throws IOException {
        checkOpen();
        outputEnded = true;
        toPeer.sendEnd();
        return this;
    }

    @Override
    protected void implCloseSelectableChannel() {
        boolean resets = toServer.hasBytes() || Integer.valueOf(0).equals(options.get(StandardSocketOptions.SO_LINGER));
        if (resets) {
            toPeer.travel(peer::refused); // unread bytes are answered with a reset, as Linux does
        } else {
            toPeer.sendEnd();
        }
        peer.freePortIfOver();
    }

    private void checkOpen() throws ClosedChannelException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
    }

    @Override
    public <T> SocketChannel setOption(SocketOption<T> name, T value) throws IOException {
        checkOpen();
        options.put(name, value);
        return this;
    }

    @Override
    public <T> T getOption(SocketOption<T> name) {
        return name.type().cast(options.get(name));
    }

    @Override
    public Set<SocketOption<?>> supportedOptions() {
        return Set.of(StandardSocketOptions.TCP_NODELAY, StandardSocketOptions.SO_SNDBUF, StandardSocketOptions.SO_LINGER);
    }

    @Override
    public SocketAddress getRemoteAddress() throws IOException {
        checkOpen();
        return remote;
    }

    @Override
    public SocketAddress getLocalAddress() throws IOException {
        checkOpen();
        return local;
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
    public boolean connect(SocketAddress remote) {
        throw new UnsupportedOperationException("is connected");
    }

    @Override
    public boolean finishConnect() {
        return true;
    }

    @Override
    public SocketChannel bind(SocketAddress local) {
        throw new UnsupportedOperationException("is connected");
    }

    @Override
    public SocketChannel shutdownInput() {
        throw new UnsupportedOperationException("not simulated");
    }

    /** A {@code java.net.Socket} that tells how many bytes wait. Nothing else of it is simulated. */
    @Override
    public Socket socket() {
        return new Socket() {
            @Override
            public InputStream getInputStream() {
                return new InputStream() {
                    @Override
                    public int available() {
                        return toServer.available();
                    }

                    @Override
                    public int read() {
                        throw new UnsupportedOperationException("not simulated");
                    }
                };
            }
        };
    }

    @Override
    protected void implConfigureBlocking(boolean block) {
        if (block) {
            throw new UnsupportedOperationException("nothing blocks in a simulation");
        }
    }
}
