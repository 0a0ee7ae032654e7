package dev.sluice.examples;

import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.Registration;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Queue;

/** Python's select example, its inputs, outputs and message_queues: the queue decides what a client waits for. */
public final class SelectStyleUpper {
    private static final int LIMIT = 64; // messages, above which a client is not read

    private final SocketChannel client;
    private final Queue<ByteBuffer> messages = new ArrayDeque<>();

    private SelectStyleUpper(SocketChannel client) {
        this.client = client;
    }

    private void ready(Registration self, int readyOps) throws IOException {
        if ((readyOps & SelectionKey.OP_READ) != 0) {
            ByteBuffer message = ByteBuffer.allocate(1024);
            if (client.read(message) < 0) {
                client.close();
                return;
            }
            String text = StandardCharsets.ISO_8859_1.decode(message.flip()).toString();
            messages.add(StandardCharsets.ISO_8859_1.encode(text.toUpperCase()));
        }
        while (!messages.isEmpty() && client.write(messages.peek()) > 0 && !messages.peek().hasRemaining()) {
            messages.remove();
        }
        int reads = messages.size() < LIMIT ? SelectionKey.OP_READ : 0;
        int writes = messages.isEmpty() ? 0 : SelectionKey.OP_WRITE;
        self.interest(reads | writes);
    }

    public static void main(String[] args) throws IOException {
        Reactor reactor = Reactor.open();
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
        ServerSocketChannel listener = ServerSocketChannel.open().bind(address, 1024);
        reactor.register(listener, SelectionKey.OP_ACCEPT, (self, readyOps) -> {
            SocketChannel client = listener.accept();
            if (client != null) {
                reactor.register(client, SelectionKey.OP_READ, new SelectStyleUpper(client)::ready);
            }
        });
        reactor.run();
    }
}
