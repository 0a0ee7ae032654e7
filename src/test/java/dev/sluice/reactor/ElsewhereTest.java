package dev.sluice.reactor;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Calls of other threads to a connection, on a server with threads of its own. */
@Timeout(60)
class ElsewhereTest {

    private static final int WRITERS = 8;
    private static final int FRAMES = 20_000;

    private static ReactorServer serve(ServerOptions.Builder options, Handler.Factory factory) throws IOException {
        return serve(ReactorOptions.builder().server(options.build()), factory);
    }

    private static ReactorServer serve(ReactorOptions.Builder options, Handler.Factory factory) throws IOException {
        return ReactorServer.start(List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))), options.build(), factory);
    }

    private static void endsWithBalancedBooks(ReactorServer server) throws Exception {
        server.drain(Duration.ofSeconds(5)).get(10, TimeUnit.SECONDS);
        ServerStats stats = server.stats();
        assertEquals(stats.get(ServerStats.Counter.OPENED), stats.get(ServerStats.Counter.CLOSED));
        assertEquals(0, stats.pending(), stats.toString());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 2})
    void eightThreadsWriteToOneConnectionEachInItsOrder(int subReactors) throws Exception {
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        Semaphore writable = new Semaphore(0);
        ReactorServer server = serve(ReactorOptions.builder().subReactors(subReactors), connection -> new Handler() {
            @Override
            public void onOpen(Connection self) {
                opened.complete(self);
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onWritable(Connection self) {
                writable.release(WRITERS);
            }
        });
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            Connection connection = opened.get();
            List<Thread> writers = new ArrayList<>();
            for (int w = 0; w < WRITERS; w++) {
                int writer = w;
                writers.add(new Thread(() -> {
                    ByteBuffer frame = ByteBuffer.allocate(8);
                    for (int i = 0; i < FRAMES; i++) {
                        frame.clear().putInt(writer).putInt(i).flip();
                        if (!connection.write(frame)) {
                            assertTrue(connection.isOpen());
                            assertTrue(acquire(writable), "a false is followed by onWritable");
                        }
                    }
                }));
            }
            writers.forEach(Thread::start);
            DataInputStream in = new DataInputStream(new java.io.BufferedInputStream(client.getInputStream()));
            int[] next = new int[WRITERS];
            for (int i = 0; i < WRITERS * FRAMES; i++) {
                int writer = in.readInt();
                assertEquals(next[writer]++, in.readInt());
            }
            for (Thread writer : writers) {
                writer.join();
            }
        }
        endsWithBalancedBooks(server);
    }

    private static boolean acquire(Semaphore semaphore) {
        try {
            return semaphore.tryAcquire(20, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void bytesWrittenBeforeACloseOfTheSameThreadLeave() throws Exception {
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        ReactorServer server = serve(ServerOptions.builder(), connection -> {
            opened.complete(connection);
            return (self, in) -> {};
        });
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            Connection connection = opened.get();
            for (int i = 0; i < 100; i++) {
                assertTrue(connection.write(ByteBuffer.wrap(new byte[] {(byte) i})));
            }
            connection.close();
            byte[] all = client.getInputStream().readAllBytes();
            assertEquals(100, all.length);
            assertEquals(99, all[99]);
            client.close();
            org.awaitility.Awaitility.await().until(() -> server.stats().open() == 0);
            assertFalse(connection.write(ByteBuffer.allocate(5)));
            assertFalse(connection.execute(() -> {}));
            assertEquals(5, server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
        }
        endsWithBalancedBooks(server);
    }

    @Test
    void aWriterThatDoesNotListenIsBoundedEvenWhileTheLoopIsBusy() throws Exception {
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        CompletableFuture<CloseReason> closed = new CompletableFuture<>();
        Semaphore busy = new Semaphore(0);
        ReactorServer server = serve(ServerOptions.builder().maxPending(1 << 20), connection -> new Handler() {
            @Override
            public void onOpen(Connection self) throws Exception {
                opened.complete(self);
                busy.tryAcquire(20, TimeUnit.SECONDS); // on purpose: the loop is stuck while the other thread writes
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {}

            @Override
            public void onClose(Connection self, CloseReason reason) {
                closed.complete(reason);
            }
        });
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            Connection connection = opened.get();
            int accepted = 0;
            ByteBuffer data = ByteBuffer.allocate(10_000);
            for (int i = 0; i < 1_000; i++) {
                connection.write(data.clear());
                accepted = (int) Math.max(accepted, connection.pending());
            }
            assertTrue(accepted <= 1 << 20, accepted + " bytes pending");
            busy.release();
            assertEquals(Kind.QUEUE_LIMIT, closed.get(10, TimeUnit.SECONDS).kind());
        }
        endsWithBalancedBooks(server);
    }

    @Test
    void tasksRunOneAtATimeWithTheCallbacksAndInTheirOrder() throws Exception {
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        AtomicInteger inside = new AtomicInteger();
        ReactorServer server = serve(ServerOptions.builder(), connection -> {
            opened.complete(connection);
            return (self, in) -> {
                assertEquals(1, inside.incrementAndGet());
                self.write(in);
                inside.decrementAndGet();
            };
        });
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            Connection connection = opened.get();
            List<Integer> ran = new ArrayList<>();
            Thread other = new Thread(() -> {
                for (int i = 0; i < 10_000; i++) {
                    int n = i;
                    connection.execute(() -> {
                        assertEquals(1, inside.incrementAndGet());
                        ran.add(n);
                        inside.decrementAndGet();
                    });
                }
            });
            other.start();
            for (int i = 0; i < 1_000; i++) {
                client.getOutputStream().write(i);
                assertEquals(i & 0xff, client.getInputStream().read());
            }
            other.join();
            CompletableFuture<Void> last = new CompletableFuture<>();
            connection.execute(() -> last.complete(null));
            last.get(10, TimeUnit.SECONDS);
            assertEquals(10_000, ran.size());
            for (int i = 0; i < 10_000; i++) {
                assertEquals(i, ran.get(i));
            }
        }
        endsWithBalancedBooks(server);
    }

    @Test
    void closeRightAfterTheStartWaitsForTheEnd() throws Exception {
        for (int i = 0; i < 50; i++) {
            ReactorServer server = serve(ReactorOptions.builder().subReactors(1), connection -> (self, in) -> {});
            server.close();
            assertTrue(server.termination().isDone());
            try (ReactorServer again = ReactorServer.start(server.address(), ServerOptions.defaults(), connection -> (self, in) -> {})) {
                assertEquals(server.address(), again.address());
            }
        }
    }

    @Test
    void writersToManyConnectionsAreBoundedTogetherWhileTheLoopIsBusy() throws Exception {
        List<Connection> all = java.util.Collections.synchronizedList(new ArrayList<>());
        Semaphore busy = new Semaphore(0);
        ReactorServer server = serve(ServerOptions.builder().maxMemory(1 << 20), connection -> {
            all.add(connection);
            return (self, in) -> {};
        });
        List<Socket> clients = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            clients.add(new Socket(server.address().getAddress(), server.address().getPort()));
        }
        org.awaitility.Awaitility.await().until(() -> all.size() == 20);
        all.get(0).execute(() -> acquire(busy)); // on purpose: the loop is stuck
        ByteBuffer data = ByteBuffer.allocate(100_000);
        long pending = 0;
        for (Connection connection : all) {
            connection.write(data.clear());
            pending += connection.pending();
        }
        assertEquals(1_000_000, pending, "ten of the twenty");
        busy.release();
        org.awaitility.Awaitility.await().until(() -> server.stats().open() == 10);
        assertEquals(10, server.stats().closedBy(Kind.MEMORY));
        for (Socket client : clients) {
            client.close();
        }
        endsWithBalancedBooks(server);
    }

    /** As many bytes as a buffer can have, which take no memory. */
    private static ByteBuffer largest() throws IOException {
        Path file = Files.createTempFile("sluice", null);
        try (FileChannel sparse = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE)) {
            sparse.write(ByteBuffer.allocate(1), Integer.MAX_VALUE - 1L);
            return sparse.map(FileChannel.MapMode.READ_ONLY, 0, Integer.MAX_VALUE);
        }
    }

    /** Counted for a moment, it would take everybody's room; or, in an int, give everybody 2 GiB more. */
    @ParameterizedTest
    @ValueSource(ints = {1, 1 << 30})
    void writeThatIsRefusedChangesNothingForWritersToOtherConnections(int fewer) throws Exception {
        List<Connection> all = java.util.Collections.synchronizedList(new ArrayList<>());
        Semaphore busy = new Semaphore(0);
        ReactorServer server = serve(ServerOptions.builder().maxMemory(1 << 20).maxPending(64 << 20).highWater(64 << 20), connection -> {
            all.add(connection);
            return (self, in) -> {};
        });
        ByteBuffer tooMuch = largest().position(fewer);
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort());
                Socket other = new Socket(server.address().getAddress(), server.address().getPort())) {
            org.awaitility.Awaitility.await().until(() -> all.size() == 2);
            boolean inOrder = ((InetSocketAddress) all.get(0).remoteAddress()).getPort() == client.getLocalPort();
            Connection innocent = all.get(inOrder ? 0 : 1);
            Connection gone = all.get(inOrder ? 1 : 0);
            gone.abort();
            org.awaitility.Awaitility.await().until(() -> server.stats().open() == 1);
            Semaphore begun = new Semaphore(0);
            CompletableFuture<Void> end = new CompletableFuture<>();
            Thread writer = new Thread(() -> {
                while (!end.isDone()) {
                    gone.write(tooMuch.duplicate());
                    begun.release();
                }
            });
            writer.start();
            assertTrue(acquire(begun));
            for (int i = 0; i < 2_000; i++) {
                assertTrue(innocent.write(ByteBuffer.wrap(new byte[] {(byte) i})));
                assertEquals(i & 0xff, client.getInputStream().read());
            }
            innocent.execute(() -> acquire(busy)); // on purpose: the loop is stuck
            for (int i = 0; i < 100_000; i++) {
                innocent.write(ByteBuffer.allocate(20_000));
            }
            assertTrue(innocent.pending() <= 1 << 20, innocent.pending() + " bytes pending");
            end.complete(null);
            writer.join();
            busy.release();
        }
        endsWithBalancedBooks(server);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void shortWritesAndEmptyOnesAreBoundedByWhatTheyCostWhileTheLoopIsBusy(int length) throws Exception {
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        Semaphore busy = new Semaphore(0);
        ReactorServer server = serve(ServerOptions.builder().maxMemory(1 << 20).maxPending(1 << 20).highWater(1 << 20), connection -> {
            opened.complete(connection);
            return (self, in) -> {};
        });
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            Connection connection = opened.get();
            connection.execute(() -> acquire(busy)); // on purpose: the loop is stuck
            int taken = 0;
            for (int i = 0; i < 100_000; i++) {
                taken += connection.write(ByteBuffer.allocate(length)) ? 1 : 0;
            }
            assertTrue(taken > 10_000 && taken < 40_000, taken + " messages, each with a copy and a place in the queue");
            busy.release();
        }
        endsWithBalancedBooks(server);
    }

    @Test
    void burstWakesASleepingLoopOnce() throws Exception {
        Reactor reactor = Reactor.open();
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        ReactorServer server = ReactorServer.start(
                new Reactor[] {reactor},
                List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))),
                ReactorOptions.builder().stallThreshold(Duration.ZERO).build(), // whose probes would wake it, too
                connection -> {
                    opened.complete(connection);
                    return (self, in) -> {};
                });
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            Connection connection = opened.get();
            org.awaitility.Awaitility.await().until(reactor.sleeping::get);
            long before = reactor.stats().wakeups();
            Semaphore busy = new Semaphore(0);
            connection.execute(() -> acquire(busy)); // on purpose: awake, for longer than the burst takes
            ByteBuffer frame = ByteBuffer.allocate(8);
            for (int i = 0; i < 1_000; i++) {
                connection.write(frame.clear());
            }
            busy.release();
            assertEquals(8_000, client.getInputStream().readNBytes(8_000).length);
            assertEquals(before + 1, reactor.stats().wakeups());
        }
        endsWithBalancedBooks(server);
    }
}
