package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.contract.Rig.Client;
import dev.sluice.reactor.Recorder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** A connection that a handler makes to another server behaves as an accepted one, and a drain ends it once nobody needs it. */
class OutboundContractTest extends EngineContract {

    /** Relays one connection to an address, as far as a test needs it. */
    private static final class Relay implements Handler {
        private final InetSocketAddress target;
        private final Duration timeout;
        private final List<Recorder> outbound;
        private Connection upstream;
        private Hold hold;

        Relay(InetSocketAddress target, Duration timeout, List<Recorder> outbound) {
            this.target = target;
            this.timeout = timeout;
            this.outbound = outbound;
        }

        @Override
        public void onOpen(Connection self) {
            self.pauseReading();
            hold = self.hold();
            assertTrue(self.connect(target, timeout, connection -> {
                Recorder recorder = new Recorder(connection, new Handler() {
                    @Override
                    public void onOpen(Connection other) {
                        self.execute(() -> {
                            upstream = other;
                            self.resumeReading();
                        });
                    }

                    @Override
                    public void onRead(Connection other, ByteBuffer in) {
                        self.write(in);
                    }

                    @Override
                    public void onClose(Connection other, CloseReason reason) {
                        self.write(text(reason.kind() == Kind.CONNECT_FAILURE ? "cannot connect" : ""));
                        hold.close();
                        self.close();
                    }
                }, false);
                outbound.add(recorder);
                return recorder;
            }));
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            upstream.write(in);
        }

        @Override
        public void onEof(Connection self) {
            upstream.shutdownOutput();
        }
    }

    private final List<Recorder> outbound = new CopyOnWriteArrayList<>();

    private Client relayTo(InetSocketAddress target, Duration timeout, ServerOptions.Builder options) throws IOException {
        return serve(options, connection -> new Relay(target, timeout, outbound)).connect();
    }

    private ServerSocket listener(int backlog) throws IOException {
        return new ServerSocket(0, backlog, InetAddress.getLoopbackAddress());
    }

    private static InetSocketAddress addressOf(ServerSocket listener) {
        return (InetSocketAddress) listener.getLocalSocketAddress();
    }

    @Test
    void connectionGoesOutAndItsBytesComeBack() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = relayTo(addressOf(listener), Duration.ofSeconds(10), ServerOptions.builder());
            Socket target = listener.accept();
            client.send("ping");
            assertEquals("ping", new String(target.getInputStream().readNBytes(4), StandardCharsets.ISO_8859_1));
            target.getOutputStream().write("pong".getBytes(StandardCharsets.ISO_8859_1));
            assertEquals("pong", client.receive(4));
            client.socket.shutdownOutput();
            assertEquals(-1, target.getInputStream().read());
            target.close();
            assertEquals("", client.receiveAll());
            client.awaitClose();
            rig.await(() -> outbound.get(0).isClosed(), "the other side");
            assertEquals(List.of(), outbound.get(0).check());
            assertEquals(2, rig.server.stats().get(ServerStats.Counter.OPENED));
        }
    }

    @Test
    void connectThatIsRefusedIsToldByOnCloseAlone() throws Exception {
        try (Socket holder = new Socket()) { // of a port on which nobody listens
            holder.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            InetSocketAddress nobody = (InetSocketAddress) holder.getLocalSocketAddress();
            Client client = relayTo(nobody, Duration.ofSeconds(10), ServerOptions.builder());
            assertEquals("cannot connect", client.receiveAll());
            assertEquals("c", outbound.get(0).callbacks());
            assertEquals(nobody, outbound.get(0).connection.remoteAddress());
            assertEquals(1, rig.server.stats().closedBy(Kind.CONNECT_FAILURE));
        }
    }

    @Test
    void addressThatWasNotResolvedIsAFailureToConnect() throws Exception {
        Client client = relayTo(InetSocketAddress.createUnresolved("nowhere.invalid", 1), Duration.ZERO, ServerOptions.builder());
        assertEquals("cannot connect", client.receiveAll());
    }

    /** Fills a listener, so that a further connect has no answer. */
    private static List<Socket> fill(ServerSocket listener) throws IOException {
        List<Socket> fillers = new ArrayList<>();
        for (int i = 0; i < 2; i++) { // the kernel takes one more than the backlog
            fillers.add(new Socket(listener.getInetAddress(), listener.getLocalPort()));
        }
        return fillers;
    }

    @Test
    void connectWithoutAnAnswerTimesOut() throws Exception {
        try (ServerSocket listener = listener(1)) {
            List<Socket> fillers = fill(listener);
            Client client = relayTo(addressOf(listener), Duration.ofMillis(300), ServerOptions.builder());
            assertEquals("cannot connect", client.receiveAll());
            rig.await(outbound.get(0)::isClosed, "the end of its last callback");
            assertTrue(outbound.get(0).reason.cause() instanceof java.net.SocketTimeoutException, outbound.get(0).reason.toString());
            for (Socket filler : fillers) {
                filler.close();
            }
        }
    }

    @Test
    void connectAtTheLimitIsRefused() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = relayTo(addressOf(listener), Duration.ofSeconds(10), ServerOptions.builder().maxConnections(1));
            assertEquals("cannot connect", client.receiveAll());
            assertEquals("c", outbound.get(0).callbacks());
            assertEquals(1, rig.server.stats().get(ServerStats.Counter.REFUSED));
            assertEquals(1, rig.server.stats().get(ServerStats.Counter.OPENED));
        }
    }

    @Test
    void connectionThatWasRefusedMayBeEndedInItsLastCallback() throws Exception {
        AtomicReference<CloseReason> told = new AtomicReference<>();
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        try (ServerSocket listener = listener(50)) {
            Handler refused = new Handler() {
                @Override
                public void onRead(Connection other, ByteBuffer in) {}

                @Override
                public void onClose(Connection other, CloseReason reason) {
                    told.set(reason);
                    try {
                        assertFalse(other.write(text("x")));
                        other.shutdownOutput();
                        other.close();
                        other.abort();
                    } catch (Throwable t) {
                        thrown.set(t);
                        throw t;
                    }
                }
            };
            serve(ServerOptions.builder().maxConnections(1), connection -> new Handler() {
                @Override
                public void onOpen(Connection self) {
                    connectFrom(self, addressOf(listener), refused);
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {
                    self.write(in);
                }
            });
            Client client = rig.connect();
            rig.await(() -> !outbound.isEmpty() && outbound.get(0).isClosed(), "it is told");
            assertEquals(Kind.CONNECT_FAILURE, told.get().kind());
            assertNull(thrown.get());
            assertEquals("x", client.send("x").receive(1));
            assertEquals(0, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
            assertEquals(List.of(), outbound.get(0).check());
        }
    }

    @Test
    void drainLetsTheAnswerThroughThatIsStillToCome() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = relayTo(addressOf(listener), Duration.ofSeconds(10), ServerOptions.builder());
            Socket target = listener.accept();
            client.send("question");
            assertEquals("question", new String(target.getInputStream().readNBytes(8), StandardCharsets.ISO_8859_1));
            CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofSeconds(20));
            assertEquals(-1, target.getInputStream().read()); // no question comes any more
            target.getOutputStream().write("answer".getBytes(StandardCharsets.ISO_8859_1));
            target.close();
            assertEquals("answer", client.receiveAll());
            client.socket.close();
            DrainReport report = drained.get(20, TimeUnit.SECONDS);
            assertEquals(0, report.cut());
            assertEquals(2, report.connections());
        }
    }

    @Test
    void drainEndsConnectionsThatNobodyHasToDoWith() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Client client = serve(new Handler() {
                @Override
                public void onOpen(Connection self) {
                    self.connect(addressOf(listener), Duration.ofSeconds(10), connection -> {
                        Recorder recorder = new Recorder(connection, (other, in) -> in.position(in.limit()), false);
                        outbound.add(recorder);
                        return recorder;
                    });
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {}
            }).connect();
            Socket target = listener.accept();
            rig.await(() -> !outbound.isEmpty() && outbound.get(0).callbacks().equals("o"), "it is connected");
            client.socket.close();
            client.awaitClose();
            CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofSeconds(20));
            assertEquals(-1, target.getInputStream().read());
            target.close();
            assertEquals(1, drained.get(20, TimeUnit.SECONDS).connections());
            rig.await(outbound.get(0)::isClosed, "its last callback");
            assertNull(outbound.get(0).reason.cause());
            assertEquals("oc", outbound.get(0).callbacks());
        }
    }

    /** The drain has asked a connection that went out to leave; it still owes something, for which it makes another. */
    @Test
    void drainDoesNotWaitForAConnectionThatBeginsWhenOnlyThoseThatWentOutAreLeft() throws Exception {
        try (ServerSocket listener = listener(50)) {
            Hold[] hold = new Hold[1];
            Handler late = new Handler() {
                @Override
                public void onOpen(Connection other) {
                    hold[0].close();
                }

                @Override
                public void onRead(Connection other, ByteBuffer in) {}

                @Override
                public void onClose(Connection other, CloseReason reason) {
                    hold[0].close(); // again, or as it was not connected
                }
            };
            Handler early = new Handler() {
                @Override
                public void onOpen(Connection other) {
                    hold[0] = other.hold();
                }

                @Override
                public void onRead(Connection other, ByteBuffer in) {}

                @Override
                public void onEof(Connection other) {
                    connectFrom(other, addressOf(listener), late);
                    other.close();
                }
            };
            Client client = serve(new Handler() {
                @Override
                public void onOpen(Connection self) {
                    connectFrom(self, addressOf(listener), early);
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {}
            }).connect();
            Socket first = listener.accept();
            rig.await(() -> !outbound.isEmpty() && outbound.get(0).callbacks().equals("o"), "it is connected");
            client.socket.close();
            client.awaitClose();
            Rig.inBackground(() -> {
                try (Socket second = listener.accept()) { // if it comes to that
                    return second.getInputStream().read();
                }
            });
            CompletableFuture<DrainReport> drained = rig.server.drain(Duration.ofMinutes(10));
            assertEquals(-1, first.getInputStream().read());
            first.close();
            assertEquals(0, drained.get(10, TimeUnit.SECONDS).cut());
            rig.await(() -> outbound.size() == 2 && outbound.stream().allMatch(Recorder::isClosed), "their last callbacks");
            assertEquals("oec", outbound.get(0).callbacks());
            assertEquals(List.of(), outbound.get(1).check());
        }
    }

    @Test
    void drainGivesUpAConnectWithoutAnAnswerOnceThoseWhoWantedItAreGone() throws Exception {
        try (ServerSocket listener = listener(1)) {
            List<Socket> fillers = fill(listener);
            Client gone = serve(new Handler() {
                @Override
                public void onOpen(Connection self) {
                    connectFrom(self, addressOf(listener), (other, in) -> {});
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {
                    in.position(in.limit());
                }
            }).connect();
            gone.socket.close();
            gone.awaitClose();
            rig.await(() -> rig.server.stats().get(ServerStats.Counter.CLOSED) == 1, "its end");
            long start = System.nanoTime();
            DrainReport report = rig.server.drain(Duration.ofMinutes(5)).get(20, TimeUnit.SECONDS);
            long tookMs = (System.nanoTime() - start) / 1_000_000;
            assertTrue(tookMs < 5_000, tookMs + " ms, as long as the connect may take");
            assertEquals(new DrainReport(1, List.of()), report);
            rig.await(() -> outbound.size() == 1 && outbound.get(0).isClosed(), "it is told");
            assertEquals("c", outbound.get(0).callbacks());
            assertEquals(Kind.CONNECT_FAILURE, outbound.get(0).reason.kind());
            assertEquals("given up before it was connected", outbound.get(0).reason.cause().getMessage());
            for (Socket filler : fillers) {
                filler.close();
            }
        }
    }

    private void connectFrom(Connection self, InetSocketAddress target, Handler handler) {
        assertTrue(self.connect(target, Duration.ofSeconds(10), other -> {
            Recorder recorder = new Recorder(other, handler, false);
            outbound.add(recorder);
            return recorder;
        }));
    }
}
