package dev.sluice.figures;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** A blocking client that asks and awaits the answer, without garbage. */
final class Peer implements AutoCloseable {

    final SocketChannel channel;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(64);

    Peer(InetSocketAddress server) throws IOException {
        channel = SocketChannel.open(server);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    }

    void ask() throws IOException {
        buffer.clear();
        channel.write(buffer);
        buffer.clear();
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new IOException("the server has closed");
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
