package dev.sluice.datagram;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketAddress;
import java.net.SocketOption;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.MembershipKey;
import java.util.Set;
import java.util.concurrent.CountDownLatch;

/** A UDP socket whose line takes nothing: it receives as any other, and a send blocks until it is closed. */
final class StuckChannel extends DatagramChannel {

    private final DatagramChannel socket;
    private final CountDownLatch closed = new CountDownLatch(1);

    /** Counted down by the first send. */
    final CountDownLatch sending = new CountDownLatch(1);

    StuckChannel() throws IOException {
        this(DatagramChannel.open());
    }

    private StuckChannel(DatagramChannel socket) {
        super(socket.provider());
        this.socket = socket;
    }

    @Override
    public int send(ByteBuffer data, SocketAddress to) throws IOException {
        begin(); // throws, in the end, what a socket that is closed meanwhile throws
        try {
            sending.countDown();
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // and that it closes the socket is what begin sees to
        } finally {
            end(false);
        }
        return 0;
    }

    @Override
    protected void implCloseSelectableChannel() throws IOException {
        socket.close();
        closed.countDown();
    }

    // ---- as the socket ------------------------------------------------------------------------------------------------

    @Override
    public SocketAddress receive(ByteBuffer data) throws IOException {
        return socket.receive(data);
    }

    @Override
    public DatagramChannel bind(SocketAddress local) throws IOException {
        socket.bind(local);
        return this;
    }

    @Override
    public SocketAddress getLocalAddress() throws IOException {
        return socket.getLocalAddress();
    }

    @Override
    public <T> DatagramChannel setOption(SocketOption<T> name, T value) throws IOException {
        socket.setOption(name, value);
        return this;
    }

    @Override
    public <T> T getOption(SocketOption<T> name) throws IOException {
        return socket.getOption(name);
    }

    @Override
    public Set<SocketOption<?>> supportedOptions() {
        return socket.supportedOptions();
    }

    // ---- what no endpoint calls -----------------------------------------------------------------------------------------

    @Override
    protected void implConfigureBlocking(boolean block) {
        throw new UnsupportedOperationException();
    }

    @Override
    public DatagramSocket socket() {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean isConnected() {
        return false;
    }

    @Override
    public DatagramChannel connect(SocketAddress remote) {
        throw new UnsupportedOperationException();
    }

    @Override
    public DatagramChannel disconnect() {
        throw new UnsupportedOperationException();
    }

    @Override
    public SocketAddress getRemoteAddress() {
        return null;
    }

    @Override
    public int read(ByteBuffer data) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] data, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int write(ByteBuffer data) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] data, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public MembershipKey join(InetAddress group, NetworkInterface of) {
        throw new UnsupportedOperationException();
    }

    @Override
    public MembershipKey join(InetAddress group, NetworkInterface of, InetAddress source) {
        throw new UnsupportedOperationException();
    }
}
