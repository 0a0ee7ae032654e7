package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.Proc;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/**
 * A reactor, a server on it and its clients, all on the test's own thread: the test runs the turns and moves the clock.
 * Nothing sleeps; what the kernel has to carry from one end of loopback to the other is awaited by running turns, for at
 * most thirty seconds, as a busy machine takes its time. {@link #close} is the check after every test: nothing is left, and the books balance.
 */
final class Loop implements AutoCloseable {

    private static final Duration LONGEST = Duration.ofSeconds(30);

    static {
        // what the JDK opens once and keeps: the socket pair it closes others with, for one
        try (ServerSocketChannel listener = ServerSocketChannel.open().bind(null);
                SocketChannel client = SocketChannel.open(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), listener.socket().getLocalPort()));
                SocketChannel accepted = listener.accept()) {
            accepted.setOption(StandardSocketOptions.SO_LINGER, 0);
            client.setOption(StandardSocketOptions.SO_LINGER, 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private final long descriptorsBefore = descriptors();
    private final Thread thread = Thread.currentThread();
    private final int threadsBefore = threads();
    final Reactor reactor;
    final List<Recorder> recorders = new ArrayList<>();
    private final List<Client> clients = new ArrayList<>();
    ReactorServer server;

    /** Bytes that the books may be off by: a stack may end between two of their entries. */
    long mostMiscounted;

    /** Failures that the test has seen to. */
    long failuresOnPurpose;
    long nowNs = 1_000_000_000;
    boolean reactorEnded;

    Loop() {
        try {
            reactor = Reactor.open(this::clock, SelectorProvider.provider());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Something that happens between a select and the reading of the clock, once. */
    interface Moment {
        void comes() throws IOException;
    }

    Moment afterTheSelect;
    private int readings;

    private long clock() {
        // runOnce reads it before the turn, then the turn reads it after the select
        if (afterTheSelect != null && ++readings == 2) {
            Moment moment = afterTheSelect;
            afterTheSelect = null;
            try {
                moment.comes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return nowNs;
    }

    // ---- server and clients -------------------------------------------------------------------------------------------

    /** Where {@link #serve} listens. */
    Listener listener = Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));

    Loop serve(ServerOptions.Builder options, SocketIo wire, Function<Connection, Handler> handlers) throws IOException {
        server = ReactorServer.open(
                reactor,
                SelectorProvider.provider(),
                List.of(listener),
                options.build(),
                wire,
                connection -> {
                    Recorder recorder = new Recorder(connection, handlers.apply(connection));
                    recorders.add(recorder);
                    return recorder;
                });
        return this;
    }

    Loop serve(ServerOptions.Builder options, Handler handler) throws IOException {
        return serve(options, SocketIo.PLAIN, connection -> handler);
    }

    Loop serve(Handler handler) throws IOException {
        return serve(ServerOptions.builder(), handler);
    }

    /** Connects a client and waits until the server has opened its connection. */
    Client connect() throws IOException {
        int before = recorders.size();
        Client client = connectOnly();
        until(() -> recorders.size() > before, "the connection is open");
        client.recorder = recorders.get(before);
        return client;
    }

    Client connectOnly() throws IOException {
        SocketChannel channel = SocketChannel.open(server.address());
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        channel.configureBlocking(false);
        Client client = new Client(channel);
        clients.add(client);
        return client;
    }

    // ---- turns --------------------------------------------------------------------------------------------------------

    int turn() {
        try {
            return reactor.runOnce(Duration.ZERO);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs turns until nothing is left to do. */
    void settle() {
        while (turn() > 0) {
            continue;
        }
    }

    void until(BooleanSupplier condition, String what) {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (turn() == 0) {
                Thread.onSpinWait();
            }
            if (System.nanoTime() - start > LONGEST.toNanos()) {
                fail("waited in vain for: " + what + "; " + server.stats() + "; " + recorders.stream()
                        .map(r -> r.callbacks() + " " + r.connection + " " + r.reason)
                        .toList());
            }
        }
    }

    void advance(Duration by) {
        nowNs += by.toNanos();
        settle();
    }

    /** A client whose end the test holds. */
    final class Client {
        final SocketChannel channel;
        Recorder recorder;
        boolean ended;
        boolean reset;

        Client(SocketChannel channel) {
            this.channel = channel;
        }

        Client send(String text) throws IOException {
            return send(ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)));
        }

        /** Sends all, the server running meanwhile. */
        Client send(ByteBuffer bytes) throws IOException {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
                turn();
            }
            return this;
        }

        /** The bytes that have come, once there are so many, or the end. */
        byte[] receive(int bytes) {
            ByteBuffer in = ByteBuffer.allocate(bytes);
            until(() -> {
                receive(in);
                return !in.hasRemaining() || ended || reset;
            }, bytes + " bytes, of which there are " + in.position());
            byte[] received = new byte[in.position()];
            in.flip().get(received);
            return received;
        }

        String receiveText(int bytes) {
            return new String(receive(bytes), StandardCharsets.ISO_8859_1);
        }

        private void receive(ByteBuffer in) {
            try {
                if (in.hasRemaining() && channel.read(in) < 0) {
                    ended = true;
                }
            } catch (IOException e) {
                reset = true;
            }
        }

        void awaitEnd() {
            assertEquals(0, receive(1).length, "nothing but the end");
            assertTrue(ended, "the end, not a reset");
        }

        void awaitReset() {
            ByteBuffer ignored = ByteBuffer.allocate(64 << 10);
            until(() -> {
                receive(ignored.clear());
                return ended || reset;
            }, "the end");
            assertTrue(reset, "a reset, not an orderly end");
        }

        void resetNow() throws IOException {
            channel.setOption(StandardSocketOptions.SO_LINGER, 0);
            channel.close();
        }

        CloseReason awaitClose() {
            until(recorder::isClosed, "onClose");
            return recorder.reason;
        }
    }

    // ---- after every test -----------------------------------------------------------------------------------------------

    @Override
    public void close() throws IOException {
        if (server != null && !reactorEnded) {
            server.drain(Duration.ZERO);
            until(() -> {
                nowNs += 1_000_000;
                return server.termination().isDone();
            }, "the end of the drain");
        }
        for (Client client : clients) {
            client.channel.close();
        }
        if (!reactorEnded) {
            settle();
            int[] keys = new int[1];
            reactor.forEachHandler(handler -> keys[0]++);
            assertEquals(0, keys[0], "keys left");
            assertEquals(0, reactor.deadlines.size(), "timers left");
            assertEquals(failuresOnPurpose, reactor.stats().failures(), "failures that reached the loop");
            assertEquals(0, server == null ? 0 : server.heldMemory(), "memory left");
            reactor.close();
        }
        List<String> violations = recorders.stream().flatMap(r -> r.check().stream()).toList();
        assertEquals(List.of(), violations);
        if (server != null) {
            ServerStats stats = server.stats();
            assertEquals(stats.get(ServerStats.Counter.OPENED), stats.get(ServerStats.Counter.CLOSED), "opened = closed");
            assertTrue(Math.abs(stats.pending()) <= mostMiscounted, "enqueued = written + discarded: " + stats);
        }
        assertEquals(descriptorsBefore, descriptors(), "descriptors");
        Awaitility.await("threads, those of workers included").until(() -> threads() <= threadsBefore);
        assertEquals(thread, Thread.currentThread());
    }

    private static int threads() {
        return (int) Thread.getAllStackTraces().keySet().stream()
                .filter(t -> t.getName().startsWith("sluice"))
                .count();
    }

    /** The sockets and selectors that are open; none where there is no {@code /proc}, before and after. */
    static long descriptors() {
        if (!Proc.isThere()) {
            return 0;
        }
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.filter(Loop::isSocketOrSelector).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isSocketOrSelector(Path descriptor) {
        try {
            String target = Files.readSymbolicLink(descriptor).toString();
            return target.startsWith("socket:") || target.startsWith("anon_inode:");
        } catch (IOException e) {
            return false; // closed meanwhile
        }
    }
}
