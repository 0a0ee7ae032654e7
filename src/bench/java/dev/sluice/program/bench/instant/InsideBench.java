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
 * Nanoseconds of our own code for an event, where every connection is ready in every turn: the processor time of the loop's thread, divided
 * by the keys found ready. A process measures one case, because the compiler would remember the others;
 * {@code src/bench/shell/inside.py} measures all of them.
 */
public final class InsideBench {

    private static final int ROUNDS = 7;

    /** Two selections: the count moves on at the end of one, and a part of one falls outside the round at each end. */
    private static final int LEAST_EVENTS = 2 * InstantSelector.AT_ONCE;

    /** After this long without them the loop is broken, and not short of a processor. */
    private static final long STANDSTILL_NS = TimeUnit.SECONDS.toNanos(30);

    private InsideBench() {}

    /** The code on the instant network, from nothing of ours to all of it. */
    private enum Case {
        /** A loop of java.nio alone: the cost of the channels and their selector. */
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
     * @throws InterruptedException if the thread is interrupted
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        InstantNetwork.connections = Integer.parseInt(args[1]);
        int depth = Integer.parseInt(args[3]);
        InstantNetwork.bytes = Integer.parseInt(args[2]) * depth;
        Case.valueOf(args[0].toUpperCase(Locale.ROOT)).start();
        Thread loop = Thread.getAllStackTraces().keySet().stream()
                .filter(each -> each.getName().equals("sluice-reactor-0"))
                .findFirst()
                .orElseThrow();
        long millis = Long.parseLong(args[4]);
        round(loop, 6 * millis); // for the compiler
        double[] nanos = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            nanos[i] = round(loop, millis);
        }
        Arrays.sort(nanos);
        System.out.printf(Locale.ROOT, "%.1f %.1f %.1f%n", nanos[ROUNDS / 2], nanos[0], nanos[ROUNDS - 1]);
        System.exit(0);
    }

    /**
     * Nanoseconds for an event. A round lasts as long as it was asked to, and goes on until there are events to divide by: on a busy machine
     * the scheduler may give the loop's thread no processor at all within a short one.
     */
    private static double round(Thread loop, long millis) throws InterruptedException {
        var threads = ManagementFactory.getThreadMXBean();
        long start = System.nanoTime();
        long found = InstantSelector.FOUND.get();
        long cpu = threads.getThreadCpuTime(loop.getId());
        TimeUnit.MILLISECONDS.sleep(millis);
        while (InstantSelector.FOUND.get() - found < LEAST_EVENTS) {
            if (System.nanoTime() - start > TimeUnit.MILLISECONDS.toNanos(millis) + STANDSTILL_NS) {
                endStandingStill(loop, threads.getThreadCpuTime(loop.getId()) - cpu);
            }
            TimeUnit.MILLISECONDS.sleep(1);
        }
        long events = InstantSelector.FOUND.get() - found;
        return (double) (threads.getThreadCpuTime(loop.getId()) - cpu) / events;
    }

    /** Ends the process and says what the loop does instead; its processor time tells a loop that waits from one that is kept waiting. */
    private static void endStandingStill(Thread loop, long cpuNs) {
        System.err.printf("the loop stands still: %s after %,d ms of processor time%n", loop.getState(), cpuNs / 1_000_000);
        for (StackTraceElement frame : loop.getStackTrace()) {
            System.err.println("    at " + frame);
        }
        System.exit(1);
    }
}
