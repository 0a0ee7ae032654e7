package dev.sluice.figures;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** A blocking client that asks and awaits the answer, without garbage. */
final class Peer implements AutoCloseable {

    final SocketChannel channel;
    private final ByteBuffer question = ByteBuffer.allocateDirect(64);
    private final ByteBuffer answer;

    /** A peer whose answer is as long as its question. */
    Peer(InetSocketAddress server) throws IOException {
        this(server, 64);
    }

    Peer(InetSocketAddress server, int answerLength) throws IOException {
        answer = ByteBuffer.allocateDirect(answerLength);
        channel = SocketChannel.open(server);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
    }

    void ask() throws IOException {
        channel.write(question.clear());
        answer.clear();
        while (answer.hasRemaining()) {
            if (channel.read(answer) < 0) {
                throw new IOException("the server has closed");
            }
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
