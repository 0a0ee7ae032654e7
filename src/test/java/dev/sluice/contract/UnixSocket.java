package dev.sluice.contract;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;

/** A client of a Unix-domain socket that looks like one of TCP, so that the same tests use both. It has no time-outs. */
final class UnixSocket extends Socket {

    private final SocketChannel channel;

    UnixSocket(SocketAddress address) throws IOException {
        channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(address);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    @Override
    public InputStream getInputStream() {
        return new InputStream() {
            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
            }

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                if (length == 0) {
                    return 0;
                }
                try {
                    return channel.read(ByteBuffer.wrap(into, offset, length));
                } catch (ClosedChannelException e) {
                    throw (SocketException) new SocketException("Socket closed").initCause(e);
                }
            }
        };
    }

    @Override
    public OutputStream getOutputStream() {
        return new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                write(new byte[] {(byte) one}, 0, 1);
            }

            @Override
            public void write(byte[] from, int offset, int length) throws IOException {
                ByteBuffer left = ByteBuffer.wrap(from, offset, length);
                while (left.hasRemaining()) {
                    channel.write(left);
                }
            }
        };
    }

    @Override
    public void shutdownOutput() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void setSoLinger(boolean on, int seconds) throws SocketException {
        try {
            channel.setOption(StandardSocketOptions.SO_LINGER, on ? seconds : -1);
        } catch (IOException e) {
            throw (SocketException) new SocketException(e.getMessage()).initCause(e);
        }
    }

    @Override
    public void setSoTimeout(int millis) {}

    @Override
    public SocketAddress getRemoteSocketAddress() {
        return address(true);
    }

    @Override
    public SocketAddress getLocalSocketAddress() {
        return address(false);
    }

    private SocketAddress address(boolean isRemote) {
        try {
            return isRemote ? channel.getRemoteAddress() : channel.getLocalAddress();
        } catch (IOException e) {
            return null; // closed
        }
    }

    @Override
    public boolean isClosed() {
        return !channel.isOpen();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
