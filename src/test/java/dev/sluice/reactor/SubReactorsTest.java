package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.TestLog;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ChunkDepot;
import dev.sluice.internal.MemoryBudget;
import dev.sluice.internal.SocketIo;
import dev.sluice.internal.Workers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Loops beside the acceptor's. */
@Timeout(60)
class SubReactorsTest {

    private final Map<String, AtomicInteger> connectionsByThread = new ConcurrentHashMap<>();
    private final Semaphore stuck = new Semaphore(0);
    private final List<Socket> clients = new ArrayList<>();
    private ReactorServer server;

    /** Echoes; the byte 's' is a handler that is stuck, the byte 't' is answered with its thread's number. */
    private final class Handling implements Handler {
        @Override
        public void onOpen(Connection self) {
            connectionsByThread.computeIfAbsent(Thread.currentThread().getName(), n -> new AtomicInteger()).incrementAndGet();
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) throws Exception {
            byte first = in.get(in.position());
            if (first == 's') {
                stuck.tryAcquire(30, TimeUnit.SECONDS);
            }
            if (first == 't') {
                String name = Thread.currentThread().getName();
                in.put(in.position(), (byte) name.charAt(name.length() - 1));
            }
            self.write(in);
        }
    }

    private void serve(int subReactors, int connections) throws Exception {
        server = ReactorServer.start(
                List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))),
                ReactorOptions.builder().subReactors(subReactors).build(),
                connection -> new Handling());
        for (int i = 0; i < connections; i++) {
            Socket client = new Socket(server.address().getAddress(), server.address().getPort());
            client.setSoTimeout(10_000);
            clients.add(client);
        }
        Awaitility.await().until(() -> server.stats().get(ServerStats.Counter.OPENED) == connections);
    }

    private static int ask(Socket client, int value) throws Exception {
        client.getOutputStream().write(value);
        return client.getInputStream().read();
    }

    @AfterEach
    void endsWhole() throws Exception {
        stuck.release(10);
        for (Socket client : clients) {
            client.close();
        }
        if (server == null) {
            return;
        }
        DrainReport report = server.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS);
        assertEquals(0, report.cut());
        ServerStats stats = server.stats();
        assertEquals(stats.get(ServerStats.Counter.OPENED), stats.get(ServerStats.Counter.CLOSED));
        assertEquals(0, stats.pending());
    }

    @Test
    void connectionsAreSpreadEvenlyAndTheAcceptorServesNone() throws Exception {
        serve(3, 300);
        Awaitility.await().until(() -> connectionsByThread.values().stream().mapToInt(AtomicInteger::get).sum() == 300);
        assertEquals(3, connectionsByThread.size(), connectionsByThread.toString());
        connectionsByThread.values().forEach(count -> assertEquals(100, count.get()));
        assertTrue(!connectionsByThread.containsKey("sluice-reactor-0"), connectionsByThread.toString());
        for (Socket client : clients) {
            assertEquals('x', ask(client, 'x'));
        }
    }

    @Test
    void newcomersGoWhereRoomWasMade() throws Exception {
        serve(2, 40);
        List<Socket> onFirst = new ArrayList<>();
        for (Socket client : clients) {
            if (ask(client, 't') == '1') {
                onFirst.add(client);
            }
        }
        assertEquals(20, onFirst.size());
        for (Socket client : onFirst.subList(0, 10)) {
            client.close();
        }
        Awaitility.await().until(() -> server.stats().open() == 30);
        for (int i = 0; i < 10; i++) {
            Socket client = new Socket(server.address().getAddress(), server.address().getPort());
            client.setSoTimeout(10_000);
            clients.add(client);
            assertEquals('1', ask(client, 't'), "the loop with fewer");
        }
    }

    @Test
    void stuckLoopHarmsOnlyItsOwnConnections() throws Exception {
        serve(3, 30);
        Socket sticking = clients.get(0);
        int loop = ask(sticking, 't');
        List<Socket> others = new ArrayList<>();
        for (Socket client : clients) {
            if (ask(client, 't') != loop) {
                others.add(client);
            }
        }
        assertEquals(20, others.size());
        sticking.getOutputStream().write('s');
        for (int round = 0; round < 50; round++) {
            for (Socket client : others) {
                assertEquals(round, ask(client, round));
            }
        }
        stuck.release();
        assertEquals('s', sticking.getInputStream().read());
    }

    @Test
    void drainEndsEveryLoop() throws Exception {
        serve(3, 60);
        for (Socket client : clients) {
            client.getOutputStream().write('x');
        }
        var end = server.drain(Duration.ofSeconds(10));
        for (Socket client : clients) {
            assertEquals('x', client.getInputStream().read());
            assertEquals(-1, client.getInputStream().read());
            client.close();
        }
        assertEquals(new DrainReport(60, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    @Test
    void memoryThatOtherLoopsHaveGivenBackIsNotCounted() throws Exception {
        server = ReactorServer.start(
                List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))),
                ReactorOptions.builder()
                        .server(ServerOptions.builder().sendBuffer(4 << 10).maxPending(1 << 20).maxMemory(1 << 20).highWater(512 << 10).build())
                        .subReactors(3)
                        .build(),
                connection -> (self, in) -> self.write(ByteBuffer.allocate(in.get() * 10_000)));
        for (int i = 0; i < 2; i++) {
            Socket reader = slowClient();
            reader.getOutputStream().write(35);
            assertEquals(350_000, reader.getInputStream().readNBytes(350_000).length);
        }
        Socket late = slowClient();
        late.getOutputStream().write(60); // with what the others had held, more than there may be
        assertEquals(600_000, late.getInputStream().readNBytes(600_000).length);
        assertEquals(0, server.stats().closedBy(CloseReason.Kind.QUEUE_LIMIT));
    }

    /** The kernel holds little for it. */
    private Socket slowClient() throws IOException {
        Socket client = new Socket();
        client.setReceiveBufferSize(4 << 10);
        client.connect(server.address());
        client.setSoTimeout(10_000);
        clients.add(client);
        return client;
    }

    @Test
    void connectionThatCannotBeHandedOverIsNotCountedAsThere() throws Exception {
        ServerOptions options = ServerOptions.defaults();
        try (Reactor main = Reactor.open();
                SocketChannel newcomer = SocketChannel.open()) {
            Reactor sub = Reactor.open();
            ReactorContext group = new ReactorContext(sub, options, SocketIo.PLAIN, new Workers(1, 1), new Admission(options, MemoryBudget.LEAST_ON_A_LOOP), new ChunkDepot());
            ReactorAcceptor acceptor = new ReactorAcceptor(
                    main, options, new ReactorContext[] {group}, new Admission(options, MemoryBudget.LEAST_ON_A_LOOP), connection -> new Handling(),
                    SelectorProvider.provider(), List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))));
            sub.close();
            assertThrows(IOException.class, () -> acceptor.admitted(newcomer, null));
            assertEquals(0, group.load.get(), "a drain would wait for it");
        }
    }

    @ExpectsLog("a loop has failed, and the server ends")
    @Test
    void loopThatFailsEndsTheServerLoudly() throws Exception {
        AtomicBoolean broken = new AtomicBoolean();
        Reactor[] reactors = new Reactor[3];
        for (int i = 0; i < reactors.length; i++) {
            boolean breaks = i == 2;
            reactors[i] = Reactor.open(
                    () -> {
                        if (breaks && broken.get()) {
                            throw new IllegalStateException("the clock has stopped");
                        }
                        return System.nanoTime();
                    },
                    SelectorProvider.provider());
        }
        List<CloseReason> reasons = new CopyOnWriteArrayList<>();
        ReactorServer failing = ReactorServer.start(
                reactors,
                List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))),
                ReactorOptions.builder().subReactors(2).build(),
                connection -> new Handler() {
                    @Override
                    public void onRead(Connection self, ByteBuffer in) {
                        self.write(in);
                    }

                    @Override
                    public void onClose(Connection self, CloseReason reason) {
                        reasons.add(reason);
                    }
                });
        List<Socket> there = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Socket client = new Socket(failing.address().getAddress(), failing.address().getPort());
            client.setSoTimeout(10_000);
            there.add(client);
            assertEquals('x', ask(client, 'x'));
        }
        broken.set(true);
        for (Socket client : there) {
            try {
                client.getOutputStream().write('y');
            } catch (SocketException e) {
                // closed already: one of the others was on the loop that failed
            }
        }
        ExecutionException loud = assertThrows(ExecutionException.class, () -> failing.termination().get(20, TimeUnit.SECONDS));
        assertEquals("the clock has stopped", loud.getCause().getMessage());
        assertEquals(1, TestLog.lines().stream().filter(line -> line.startsWith("ERROR")).count(), TestLog.lines().toString());
        assertEquals(10, reasons.size(), "every handler was told, on every loop");
        assertEquals(0, failing.stats().open());
        for (Socket client : there) {
            assertTrue(isOver(client));
            client.close();
        }
        assertThrows(IOException.class, () -> new Socket(failing.address().getAddress(), failing.address().getPort()).close());
    }

    private static boolean isOver(Socket client) {
        try {
            return client.getInputStream().readAllBytes().length <= 1;
        } catch (IOException e) {
            return true;
        }
    }
}
