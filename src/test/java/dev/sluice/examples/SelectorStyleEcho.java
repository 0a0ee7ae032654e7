package dev.sluice.examples;

import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.Registration;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.*;

public final class SelectorStyleEcho implements Reactor.Callback {
    private final ByteBuffer queue = ByteBuffer.allocateDirect(8192).limit(0); // one for each client

    public void ready(Registration client, int readyOps) throws IOException {
        SocketChannel channel = (SocketChannel) client.channel();
        if (!queue.hasRemaining() && channel.read(queue.clear()) < 0) {
            channel.close();
        } else {
            channel.write(client.interest() == SelectionKey.OP_READ ? queue.flip() : queue);
            client.interest(queue.hasRemaining() ? SelectionKey.OP_WRITE : SelectionKey.OP_READ);
        }
    }

    public static void main(String[] args) throws IOException {
        Reactor reactor = Reactor.open();
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
        ServerSocketChannel listener = ServerSocketChannel.open().bind(address, 1024);
        reactor.register(listener, SelectionKey.OP_ACCEPT, (self, readyOps) -> {
            SocketChannel client = listener.accept();
            if (client != null)
                reactor.register(client, SelectionKey.OP_READ, new SelectorStyleEcho());
        });
        reactor.run();
    }
}
