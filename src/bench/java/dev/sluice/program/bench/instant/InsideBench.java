package dev.sluice.program.bench.instant;

import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Nanoseconds of our own code for an event, every connection being ready in every turn: the processor time of the loop's thread, divided
 * by the keys found ready. A process measures one case, because what the compiler learnt from another would stay with it;
 * {@code src/bench/shell/inside.py} measures all.
 */
public final class InsideBench {

    private static final int ROUNDS = 7;

    private InsideBench() {}

    /** What is on the instant network, from nothing of ours to all of it. */
    private enum Case {
        /** A loop of java.nio alone: what the channels and their selector cost. */
        CHANNELS {
            @Override
            void start() throws IOException {
                Selector selector = Selector.open();
                ServerSocketChannel listener = ServerSocketChannel.open();
                ByteBuffer buffer = ByteBuffer.allocateDirect(64 << 10);
                for (SocketChannel channel; (channel = listener.accept()) != null; ) {
                    channel.configureBlocking(false);
                    channel.register(selector, SelectionKey.OP_READ);
                }
                loop(() -> {
                    while (true) {
                        selector.select(key -> echo((SocketChannel) key.channel(), buffer));
                    }
                });
            }
        },

        /** The reactor with the same as a callback. */
        LOOP {
            @Override
            void start() throws IOException {
                Reactor reactor = Reactor.open();
                ServerSocketChannel listener = ServerSocketChannel.open();
                ByteBuffer buffer = ByteBuffer.allocateDirect(64 << 10);
                for (SocketChannel channel; (channel = listener.accept()) != null; ) {
                    SocketChannel accepted = channel;
                    reactor.register(channel, SelectionKey.OP_READ, (self, readyOps) -> echo(accepted, buffer));
                }
                loop(reactor::run);
            }
        },

        /** The server with a handler that sends nothing. */
        DISCARD {
            @Override
            void start() throws IOException {
                serve((self, in) -> in.position(in.limit()));
            }
        },

        /** The server with an echo. */
        ECHO {
            @Override
            void start() throws IOException {
                serve((self, in) -> self.write(in));
            }
        };

        abstract void start() throws IOException;

        private static void serve(Handler handler) throws IOException {
            ReactorServer.start(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    ServerOptions.builder().maxConnections(InstantNetwork.connections).build(),
                    connection -> handler);
        }

        private static void loop(Loop loop) {
            Thread thread = new Thread(() -> {
                try {
                    loop.run();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }, "sluice-reactor-0");
            thread.start();
        }

        private static void echo(SocketChannel channel, ByteBuffer buffer) {
            try {
                channel.read(buffer.clear());
                channel.write(buffer.flip());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private interface Loop {
        void run() throws IOException;
    }

    /**
     * Prints the median of several rounds, and their range.
     *
     * @param args the case, connections, bytes of a request, requests that arrive together, milliseconds of a round
     * @throws IOException          never, on this network
     * @throws InterruptedException if somebody wants it to end
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        InstantNetwork.connections = Integer.parseInt(args[1]);
        int depth = Integer.parseInt(args[3]);
        InstantNetwork.bytes = Integer.parseInt(args[2]) * depth;
        Case.valueOf(args[0].toUpperCase(Locale.ROOT)).start();
        long thread = Thread.getAllStackTraces().keySet().stream()
                .filter(each -> each.getName().equals("sluice-reactor-0"))
                .mapToLong(Thread::getId)
                .findFirst()
                .orElseThrow();
        long millis = Long.parseLong(args[4]);
        round(thread, 6 * millis); // the compiler's
        double[] nanos = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            nanos[i] = round(thread, millis);
        }
        Arrays.sort(nanos);
        System.out.printf(Locale.ROOT, "%.1f %.1f %.1f%n", nanos[ROUNDS / 2], nanos[0], nanos[ROUNDS - 1]);
        System.exit(0);
    }

    private static double round(long thread, long millis) throws InterruptedException {
        var threads = ManagementFactory.getThreadMXBean();
        long found = InstantSelector.FOUND.get();
        long cpu = threads.getThreadCpuTime(thread);
        TimeUnit.MILLISECONDS.sleep(millis);
        long events = InstantSelector.FOUND.get() - found;
        if (events == 0) {
            System.err.println("the loop stands still");
            System.exit(1);
        }
        return (double) (threads.getThreadCpuTime(thread) - cpu) / events;
    }
}
