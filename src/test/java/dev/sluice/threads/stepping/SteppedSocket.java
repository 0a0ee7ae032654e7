package dev.sluice.threads.stepping;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketImpl;
import java.net.SocketOption;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NotYetConnectedException;
import java.nio.channels.SocketChannel;
import java.util.Set;

/** The server's end of a {@link Line}: its reads, writes and connects wait as those of a blocking channel do. */
final class SteppedSocket extends SocketChannel {

    private final SteppedNetwork network;
    private final Stepper stepper;
    private Line line;
    private InetSocketAddress local;
    private boolean outputEnded;
    private Socket adaptor;

    /** One that is connected to a line, or to nothing yet. */
    SteppedSocket(SteppedNetwork network, Line line, InetSocketAddress local) {
        super(network);
        this.network = network;
        this.stepper = network.stepper;
        this.line = line;
        this.local = local;
    }

    void accepted() {
        line.accept(stepper.nowNs());
    }

    /** Was in the backlog when that was closed. */
    void refuse() {
        line.giveUp();
    }

    private void check() throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        if (line == null) {
            throw new NotYetConnectedException();
        }
    }

    /** Before a call that may block, as channels do. */
    private void checkInterrupted() throws IOException {
        if (Thread.currentThread().isInterrupted()) {
            close();
            throw new ClosedByInterruptException();
        }
    }

    @Override
    public int read(ByteBuffer into) throws IOException {
        stepper.step("read");
        check();
        checkInterrupted();
        stepper.check(into.hasRemaining(), "a read without room");
        stepper.check(line.readers++ == 0, "two threads read one socket");
        stepper.await("bytes", () -> !isOpen() || line.isReadable() || line.peerEnded); // the end can be read again
        line.readers--;
        if (!isOpen()) {
            throw new AsynchronousCloseException();
        }
        if (line.forServer() > 0) { // also before a reset
            return line.read(into, stepper.nowNs());
        }
        if (line.reset) {
            throw new IOException("Connection reset (stepped)");
        }
        line.endWasRead = true;
        return -1;
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
        return (int) write(new ByteBuffer[] {from}, 0, 1);
    }

    @Override
    public long write(ByteBuffer[] from, int offset, int length) throws IOException {
        stepper.step("write");
        check();
        checkInterrupted();
        stepper.check(line.writers++ == 0, "two threads write to one socket");
        try {
            long taken = 0;
            for (int i = offset; i < offset + length; i++) {
                while (from[i].hasRemaining()) {
                    int left = from[i].remaining();
                    stepper.await("room", () -> !isOpen() || line.reset || line.room() > 0);
                    stepper.check(from[i].remaining() == left, "a buffer changes while it is written");
                    if (!isOpen() || line.reset || outputEnded) {
                        return partOf(taken);
                    }
                    taken += line.write(from[i], stepper.nowNs());
                    if (!line.writesWhole) {
                        return taken;
                    }
                }
            }
            return taken;
        } finally {
            line.writers--;
        }
    }

    private long partOf(long taken) throws IOException {
        if (taken > 0) {
            return taken;
        }
        if (!isOpen()) {
            throw new AsynchronousCloseException();
        }
        if (outputEnded) {
            throw new ClosedChannelException();
        }
        throw new IOException("Broken pipe (stepped)");
    }

    @Override
    public SocketChannel shutdownOutput() throws IOException {
        stepper.step("shutdown output");
        check();
        outputEnded = true;
        line.end(stepper.nowNs());
        return this;
    }

    @Override
    protected void implCloseSelectableChannel() {
        if (line != null) {
            line.close(stepper.nowNs());
        }
    }

    /** Waits as long as the line to the target takes to be answered. */
    private void connect(InetSocketAddress address, int timeoutMs) throws IOException {
        stepper.step("connect");
        if (!isOpen()) {
            throw new SocketException("Socket closed");
        }
        checkInterrupted();
        Line dialled = network.dial(address);
        long atNs = timeoutMs == 0 ? Stepper.NEVER : stepper.nowNs() + timeoutMs * 1_000_000L;
        boolean answered = stepper.await("answer", () -> !isOpen() || dialled.accepted || dialled.reset, atNs);
        if (!isOpen()) {
            dialled.giveUp();
            throw new AsynchronousCloseException();
        }
        if (!answered || dialled.reset) {
            dialled.giveUp();
            close();
            throw answered ? new ConnectException("Connection refused (stepped)") : new SocketTimeoutException("Connect timed out");
        }
        line = dialled;
        local = SteppedNetwork.address(1);
    }

    @Override
    public Socket socket() {
        if (adaptor == null) {
            try {
                adaptor = new Adaptor();
            } catch (SocketException e) {
                throw new AssertionError("a socket without a system's", e);
            }
        }
        return adaptor;
    }

    /** The part of a socket that the engine uses of a channel. */
    private final class Adaptor extends Socket {
        Adaptor() throws SocketException {
            super((SocketImpl) null);
        }

        @Override
        public void connect(SocketAddress address, int timeoutMs) throws IOException {
            SteppedSocket.this.connect((InetSocketAddress) address, timeoutMs);
        }

        @Override
        public InputStream getInputStream() {
            return new InputStream() {
                @Override
                public int available() throws IOException {
                    stepper.step("available");
                    check();
                    return line.forServer();
                }

                @Override
                public int read() {
                    throw new UnsupportedOperationException("not stepped");
                }
            };
        }
    }

    @Override
    public <T> SocketChannel setOption(SocketOption<T> name, T value) throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        if (name == StandardSocketOptions.SO_LINGER && line != null) {
            line.resetsOnClose = value.equals(0);
        }
        return this;
    }

    @Override
    public <T> T getOption(SocketOption<T> name) {
        return null;
    }

    @Override
    public Set<SocketOption<?>> supportedOptions() {
        return Set.of(StandardSocketOptions.TCP_NODELAY);
    }

    @Override
    public SocketAddress getRemoteAddress() throws IOException {
        if (!isOpen()) {
            throw new ClosedChannelException();
        }
        return line.peer;
    }

    @Override
    public SocketAddress getLocalAddress() {
        return local;
    }

    @Override
    public boolean isConnected() {
        return line != null;
    }

    @Override
    public boolean isConnectionPending() {
        return false;
    }

    @Override
    public boolean connect(SocketAddress remote) {
        throw new UnsupportedOperationException("not stepped");
    }

    @Override
    public boolean finishConnect() {
        return true;
    }

    @Override
    public long read(ByteBuffer[] into, int offset, int length) {
        throw new UnsupportedOperationException("not stepped");
    }

    @Override
    public SocketChannel bind(SocketAddress address) {
        throw new UnsupportedOperationException("not stepped");
    }

    @Override
    public SocketChannel shutdownInput() {
        return this; // the close that follows brings the reader back
    }

    @Override
    protected void implConfigureBlocking(boolean block) {}
}
