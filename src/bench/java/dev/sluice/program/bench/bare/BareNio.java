package dev.sluice.program.bench.bare;

import dev.sluice.program.bench.Contender;
import dev.sluice.program.bench.EngineSpec;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/**
 * An echo on java.nio without anything else: one loop, one read and one write an event. There are no limits, deadlines or counters, and the
 * only queue is the rest of a short write. The cost of a reactor beyond this is its own.
 */
public final class BareNio implements Contender {

    /** As large as the reactor's. */
    private static final int BUFFER = 64 << 10;

    /** For the service loader. */
    public BareNio() {}

    @Override
    public String name() {
        return "bare";
    }

    @Override
    public String whyNot() {
        return null;
    }

    @Override
    public Running start(EngineSpec spec, InetSocketAddress address) throws IOException {
        Selector selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open().bind(address, 1024);
        InetSocketAddress bound = (InetSocketAddress) listener.getLocalAddress();
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        Thread loop = new Thread(() -> run(selector), "bare-nio");
        loop.start();
        return new Running() {
            @Override
            public InetSocketAddress address() {
                return bound;
            }

            @Override
            public void close() {
                try {
                    listener.close();
                    selector.close();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
    }

    private static void run(Selector selector) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        try {
            while (selector.isOpen()) {
                selector.select(key -> {
                    try {
                        ready(selector, key, buffer);
                    } catch (IOException e) {
                        close(key);
                    }
                });
            }
        } catch (IOException | ClosedSelectorException e) {
            // the end
        }
    }

    private static void ready(Selector selector, SelectionKey key, ByteBuffer buffer) throws IOException {
        if (key.isAcceptable()) {
            for (SocketChannel channel; (channel = ((ServerSocketChannel) key.channel()).accept()) != null; ) {
                channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
                channel.configureBlocking(false);
                channel.register(selector, SelectionKey.OP_READ);
            }
            return;
        }
        SocketChannel channel = (SocketChannel) key.channel();
        ByteBuffer rest = (ByteBuffer) key.attachment();
        if (rest != null) {
            channel.write(rest);
            if (!rest.hasRemaining()) {
                key.attach(null);
                key.interestOps(SelectionKey.OP_READ);
            }
            return;
        }
        if (channel.read(buffer.clear()) < 0) {
            close(key);
            return;
        }
        channel.write(buffer.flip());
        if (buffer.hasRemaining()) {
            key.attach(ByteBuffer.allocateDirect(buffer.remaining()).put(buffer).flip());
            key.interestOps(SelectionKey.OP_WRITE);
        }
    }

    private static void close(SelectionKey key) {
        try {
            key.channel().close();
        } catch (IOException e) {
            // its descriptor is free all the same
        }
    }
}
