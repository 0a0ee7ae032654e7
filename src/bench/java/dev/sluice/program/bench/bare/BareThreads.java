package dev.sluice.program.bench.bare;

import dev.sluice.internal.ThreadFactories;
import dev.sluice.program.bench.Contender;
import dev.sluice.program.bench.EngineSpec;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.ThreadFactory;

/** An echo with a thread for each connection, written by hand: read, write, and nothing else. Our thread engines are compared with it. */
abstract class BareThreads implements Contender {

    /** As large as the read buffers of our thread engines. */
    private static final int BUFFER = 8 << 10;

    private final String name;

    BareThreads(String name) {
        this.name = name;
    }

    abstract ThreadFactory threads();

    @Override
    public String name() {
        return name;
    }

    @Override
    public String whyNot() {
        try {
            threads();
            return null;
        } catch (UnsupportedOperationException e) {
            return e.getMessage();
        }
    }

    @Override
    public Running start(EngineSpec spec, InetSocketAddress address) throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open().bind(address, 1024);
        InetSocketAddress bound = (InetSocketAddress) listener.getLocalAddress();
        ThreadFactory threads = threads();
        new Thread(() -> accept(listener, threads), "bare-acceptor").start();
        return new Running() {
            @Override
            public InetSocketAddress address() {
                return bound;
            }

            @Override
            public void close() {
                try {
                    listener.close();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
    }

    private static void accept(ServerSocketChannel listener, ThreadFactory threads) {
        try {
            while (true) {
                SocketChannel channel = listener.accept();
                threads.newThread(() -> echo(channel)).start();
            }
        } catch (IOException e) {
            // the end
        }
    }

    private static void echo(SocketChannel connection) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        try (SocketChannel channel = connection) {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            while (channel.read(buffer.clear()) >= 0) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        } catch (IOException e) {
            // its peer has gone
        }
    }

    /** Platform threads. */
    public static final class Platform extends BareThreads {
        /** For the service loader. */
        public Platform() {
            super("bare-threads");
        }

        @Override
        ThreadFactory threads() {
            return ThreadFactories.platform("bare-");
        }
    }

    /** Virtual threads. */
    public static final class Virtual extends BareThreads {
        /** For the service loader. */
        public Virtual() {
            super("bare-virtual");
        }

        @Override
        ThreadFactory threads() {
            return ThreadFactories.virtual("bare-");
        }
    }
}
