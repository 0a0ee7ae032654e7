package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A server that listens on a Unix-domain socket, and connections to one. {@code -Dsluice.door=unix} has the other contracts run over such a
 * socket, too.
 */
class UnixDoorContractTest extends EngineContract {

    private UnixDomainSocketAddress door;

    @BeforeEach
    void chooseDoor() throws IOException {
        door = Rig.unixDoor();
    }

    @AfterEach
    void remove() throws IOException {
        Files.deleteIfExists(door.getPath());
    }

    private Rig serveAtDoor(ServerOptions.Builder options, Handler handler) throws IOException {
        rig = new Rig(engine, List.of(Listener.at(door).withMode(0600)), options, connection -> handler);
        return rig;
    }

    @Test
    void bothSidesKnowTheDoor() throws Exception {
        List<Connection> opened = new ArrayList<>();
        serveAtDoor(ServerOptions.builder(), new Handler() {
            @Override
            public void onOpen(Connection self) {
                opened.add(self);
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                self.write(in);
            }
        });
        assertEquals(List.of(door), rig.server.addresses());
        assertThrows(IllegalStateException.class, () -> rig.server.address());
        Client client = rig.connect();
        assertEquals("hello", client.send("hello").receive(5));
        Connection self = opened.get(0);
        for (int i = 0; i < 2; i++) { // while it is open, and after the close
            assertEquals(door, self.localAddress());
            assertEquals(UnixDomainSocketAddress.of(""), self.remoteAddress());
            assertTrue(self.toString().startsWith("connection 1 with unix client, "), self::toString);
            client.socket.close();
            client.awaitClose();
        }
    }

    @Test
    void halfCloseIsAnswered() throws Exception {
        serveAtDoor(ServerOptions.builder(), ECHO);
        Client client = rig.connect().send("hello");
        client.socket.shutdownOutput();
        assertEquals("hello", client.receiveAll());
        assertEquals(CloseReason.Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void peerThatTakesNothingIsNotReadAndLosesNothing() throws Exception {
        serveAtDoor(ServerOptions.builder(), ECHO);
        Client client = rig.connect();
        long sent = client.sendUntilStuck();
        assertTrue(sent > 0 && client.connection().pending() <= 1 << 20, "pending " + client.connection().pending());
        byte[] back = client.in.readNBytes((int) sent);
        assertEquals(sent, back.length);
    }

    @Test
    void whatAPeerSentBeforeItClosedIsReadThoughReadingPauses() throws Exception {
        CompletableFuture<Connection> opened = new CompletableFuture<>();
        StringBuffer read = new StringBuffer();
        serveAtDoor(ServerOptions.builder(), new Handler() {
            @Override
            public void onOpen(Connection self) {
                self.pauseReading();
                opened.complete(self);
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                read.append(StandardCharsets.ISO_8859_1.decode(in));
            }
        });
        Client client = rig.connect();
        client.send("hello").socket.close();
        Connection self = opened.get(10, TimeUnit.SECONDS);
        self.execute(self::resumeReading);
        assertEquals(CloseReason.Kind.PEER, client.awaitClose().kind());
        assertEquals("hello", read.toString());
    }

    @Test
    void drainAnswersTheBacklogAndRemovesTheFile() throws Exception {
        serveAtDoor(ServerOptions.builder(), ECHO);
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            clients.add(rig.connectOnly().send("hello"));
        }
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(30)); // the last of them wait in the backlog
        for (Client client : clients) {
            assertEquals("hello", client.receiveAll());
            client.socket.close();
        }
        assertEquals(new DrainReport(100, List.of()), end.get(30, TimeUnit.SECONDS));
        assertFalse(Files.exists(door.getPath()));
    }

    /** They come while the handler is in a callback, so that nobody has read them when the drain begins. */
    @Test
    void bytesThatHaveArrivedAreHandledInADrain() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch first = new CountDownLatch(1);
        serveAtDoor(ServerOptions.builder(), (self, in) -> {
            first.countDown();
            goOn.await();
            self.write(in);
        });
        Client client = rig.connect().send("a");
        first.await();
        client.send("b");
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        goOn.countDown();
        assertEquals("ab", client.receiveAll());
        client.socket.close();
        assertEquals(new DrainReport(1, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    @Test
    void idleConnectionLeavesADrainAtOnce() throws Exception {
        serveAtDoor(ServerOptions.builder(), ECHO);
        Client client = rig.connect();
        assertEquals("a", client.send("a").receive(1));
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofSeconds(20));
        assertEquals("", client.receiveAll());
        client.socket.close();
        assertEquals(new DrainReport(1, List.of()), end.get(10, TimeUnit.SECONDS));
    }

    @Test
    void limitCountsThemWithTheOthers() throws Exception {
        Listener port = Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        rig = new Rig(engine, List.of(Listener.at(door), port), ServerOptions.builder().maxConnections(1), connection -> ECHO);
        Client unix = rig.connectOnly(door, 0).send("a");
        assertEquals("a", unix.receive(1));
        assertEquals("", rig.connectOnly(rig.server.address(), 0).receiveAll());
        unix.socket.close();
        rig.await(() -> rig.server.stats().open() == 0, "its place is free");
        assertEquals("b", rig.connectOnly(rig.server.address(), 0).send("b").receive(1));
        assertEquals(1, rig.server.stats().get(Counter.REFUSED));
    }

    @Test
    void doorThatIsInUseIsNamedAndLeftAlone() throws Exception {
        serveAtDoor(ServerOptions.builder(), ECHO);
        BindException e = assertThrows(
                BindException.class, () -> engine.start(List.of(Listener.at(door)), ServerOptions.builder(), connection -> ECHO));
        assertEquals("unix:" + door + ": a server listens there", e.getMessage());
        assertEquals("a", rig.connect().send("a").receive(1));
    }

    @Test
    void serverThatCannotHaveAllItsDoorsLeavesNoFile() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Listener> listeners = List.of(Listener.at(door), Listener.at(taken.getLocalSocketAddress()));
            assertThrows(BindException.class, () -> engine.start(listeners, ServerOptions.builder(), connection -> ECHO));
        }
        assertFalse(Files.exists(door.getPath()));
    }

    // ---- outbound -----------------------------------------------------------------------------------------------------

    /** Connects each of its connections to the door, and tells it what comes of that. */
    private Client relay() throws Exception {
        serve(new Handler() {
            @Override
            public void onOpen(Connection self) {
                Hold hold = self.hold();
                self.connect(door, Duration.ofSeconds(10), other -> new Handler() {
                    @Override
                    public void onOpen(Connection me) {
                        me.write(ByteBuffer.wrap("hello".getBytes(StandardCharsets.ISO_8859_1)));
                        me.shutdownOutput();
                    }

                    @Override
                    public void onRead(Connection me, ByteBuffer in) {
                        self.write(in);
                    }

                    @Override
                    public void onClose(Connection me, CloseReason reason) {
                        String end = reason.kind() + " " + (me.remoteAddress().equals(door) ? "at the door" : me.remoteAddress());
                        self.write(ByteBuffer.wrap(end.getBytes(StandardCharsets.ISO_8859_1)));
                        hold.close();
                        self.close();
                    }
                });
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
            }
        });
        return rig.connect();
    }

    @Test
    void outboundConnectionReachesADoor() throws Exception {
        try (ServerSocketChannel target = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            target.bind(door);
            Client client = relay();
            try (SocketChannel accepted = target.accept()) {
                ByteBuffer in = ByteBuffer.allocate(100);
                while (accepted.read(in) >= 0) {
                    // until its end
                }
                accepted.write(in.flip());
            }
            assertEquals("helloPEER at the door", client.receiveAll());
        }
    }

    @Test
    void outboundConnectionToNobodyFails() throws Exception {
        assertEquals("CONNECT_FAILURE at the door", relay().receiveAll());
    }

    /** A connect that waited would hold a thread, or come to nothing: the kernel does not tell when there is room. */
    @Test
    void outboundConnectionToAFullBacklogFailsAtOnce() throws Exception {
        List<SocketChannel> waiting = new ArrayList<>();
        try (ServerSocketChannel target = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            target.bind(door, 1);
            AtomicReference<IOException> full = new AtomicReference<>();
            while (full.get() == null) {
                SocketChannel each = SocketChannel.open(StandardProtocolFamily.UNIX);
                waiting.add(each);
                each.configureBlocking(false);
                try {
                    each.connect(door);
                } catch (IOException e) {
                    full.set(e);
                }
            }
            assertEquals("CONNECT_FAILURE at the door", relay().receiveAll());
        } finally {
            for (SocketChannel each : waiting) {
                each.close();
            }
        }
    }
}
