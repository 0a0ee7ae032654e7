package dev.sluice.program.service;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ProxyProtocol;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.MayLog;
import dev.sluice.program.service.Served.Client;
import dev.sluice.reactor.ReactorOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A relay on every engine. */
@Timeout(60)
class ProxyTest {

    private static ServerSocket listen() throws IOException {
        return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    }

    /** Closes each socket: one left open would be closed by a garbage collection, in the middle of a test that counts descriptors. */
    private final List<Socket> accepted = new ArrayList<>();

    @AfterEach
    void closeAccepted() throws IOException {
        for (Socket each : accepted) {
            each.close();
        }
    }

    private Socket accept(ServerSocket listener) throws IOException {
        Socket peer = listener.accept();
        accepted.add(peer);
        return peer;
    }

    private static InetSocketAddress addressOf(ServerSocket listener) {
        return (InetSocketAddress) listener.getLocalSocketAddress();
    }

    private static Served relay(Engine engine, ServerSocket target) throws IOException {
        return relay(engine, addressOf(target));
    }

    private static Served relay(Engine engine, InetSocketAddress... targets) throws IOException {
        return new Served(engine, new Proxy(List.of(targets), Duration.ZERO, SendProxy.NONE));
    }

    /** Where nobody listens, nor will: the port is taken by a socket that does not. */
    private InetSocketAddress nobody() throws IOException {
        Socket holder = new Socket();
        holder.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        accepted.add(holder);
        return (InetSocketAddress) holder.getLocalSocketAddress();
    }

    /** Two relays in a row: the last target is told of the client that the first one has. */
    @ParameterizedTest
    @EnumSource
    void targetsAreToldOfTheClientAheadOfItsBytes(Engine engine) throws Exception {
        Listener listener = Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)).withProxy(ProxyProtocol.from("127.0.0.1"));
        Handler teller = (self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.wrap((self.remoteAddress() + " " + self.localAddress() + "\n").getBytes(StandardCharsets.US_ASCII)));
        };
        ReactorOptions options = ReactorOptions.builder().build();
        try (Server target = Engine.REACTOR.start(List.of(listener), options, 1, connection -> teller);
                Proxy binary = new Proxy(List.of(target.address()), Duration.ZERO, SendProxy.V2);
                Server second = Engine.REACTOR.start(List.of(listener), options, 1, binary.factory());
                Served served = new Served(engine, new Proxy(List.of(second.address()), Duration.ZERO, SendProxy.V1))) {
            Client client = served.connect();
            String expected = client.socket.getLocalSocketAddress() + " " + client.socket.getRemoteSocketAddress();
            assertEquals(expected.replace("localhost", ""), client.say("x").in.readLine());
            client.socket.close();
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void bothEndsAreCarriedAcross(Engine engine) throws Exception {
        try (ServerSocket target = listen(); Served served = relay(engine, target)) {
            Client client = served.connect();
            Socket peer = accept(target);
            client.say("question").socket.shutdownOutput();
            assertEquals("question\n", new String(peer.getInputStream().readAllBytes()));
            peer.getOutputStream().write("answer\n".getBytes());
            assertEquals("answer", client.hear());
            peer.getOutputStream().write("more\n".getBytes());
            peer.close();
            assertEquals("more", client.hear());
            assertEquals(null, client.hear());
            Served.await(() -> served.server.stats().closedBy(Kind.PEER) == 2, "both have closed well");
        }
    }

    /** Its answers have to be read while what is for it waits, or neither side would move again. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void targetWithLittleRoomThatAnswersBeforeItReadsOn(Engine engine) throws Exception {
        byte[] question = new byte[5 << 20];
        new Random(3).nextBytes(question);
        try (ServerSocket target = listen(); Served served = relay(engine, target)) {
            target.setReceiveBufferSize(8 << 10);
            Client client = served.connect();
            Socket peer = accept(target);
            peer.setSendBufferSize(8 << 10);
            CompletableFuture<Void> echoing = CompletableFuture.runAsync(() -> {
                byte[] block = new byte[4 << 10];
                try {
                    for (int length; (length = peer.getInputStream().read(block)) > 0; ) {
                        peer.getOutputStream().write(block, 0, length);
                    }
                    peer.shutdownOutput();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            CompletableFuture<?> sent = send(client.socket, question);
            assertArrayEquals(question, all(client.socket));
            sent.get(10, TimeUnit.SECONDS);
            echoing.get(10, TimeUnit.SECONDS);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void fiveMegabytesBothWaysAtOnceThroughASlowReader(Engine engine) throws Exception {
        byte[] up = new byte[5 << 20];
        byte[] down = new byte[5 << 20];
        new Random(1).nextBytes(up);
        new Random(2).nextBytes(down);
        ServerOptions.Builder options = ServerOptions.builder().sendBuffer(32 << 10).receiveBuffer(32 << 10).maxPending(1 << 20);
        try (ServerSocket target = listen(); Served served = new Served(engine, new Proxy(List.of(addressOf(target)), Duration.ZERO, SendProxy.NONE), options)) {
            Client client = served.connect(16 << 10);
            Socket peer = accept(target);
            CompletableFuture<?> sentUp = send(client.socket, up);
            CompletableFuture<?> sentDown = send(peer, down);
            Served.await(() -> served.server.stats().get(ServerStats.Counter.READ_PAUSES) > 0 || served.server.stats().pending() > 64 << 10, "it pauses");
            long held = served.server.stats().pending();
            assertTrue(held < 1 << 20, held + " bytes held");
            CompletableFuture<byte[]> received = CompletableFuture.supplyAsync(() -> all(peer));
            assertArrayEquals(down, all(client.socket));
            assertArrayEquals(up, received.get(20, TimeUnit.SECONDS));
            sentUp.get(20, TimeUnit.SECONDS);
            sentDown.get(20, TimeUnit.SECONDS);
            Served.await(() -> served.server.stats().closedBy(Kind.PEER) == 2, "both have closed well");
            assertEquals(0, served.server.stats().get(ServerStats.Counter.BYTES_DISCARDED));
        }
    }

    private static CompletableFuture<?> send(Socket socket, byte[] bytes) {
        return CompletableFuture.runAsync(() -> {
            try {
                OutputStream out = socket.getOutputStream();
                out.write(bytes);
                socket.shutdownOutput();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }, task -> new Thread(task).start());
    }

    private static byte[] all(Socket socket) {
        try {
            return socket.getInputStream().readAllBytes();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @ExpectsLog("cannot connect to")
    @ParameterizedTest
    @EnumSource(Engine.class)
    void targetsTakeTurnsAndOneThatDoesNotAcceptIsPassedOver(Engine engine) throws Exception {
        try (ServerSocket first = listen();
                ServerSocket second = listen();
                Served served = relay(engine, addressOf(first), nobody(), addressOf(second))) {
            for (int i = 0; i < 6; i++) {
                served.connect().say("x");
            }
            int atFirst = 0;
            int atSecond = 0;
            first.setSoTimeout(20_000);
            second.setSoTimeout(20_000);
            while (atFirst < 2) {
                first.accept().close();
                atFirst++;
            }
            while (atSecond < 4) { // its own turns, and those of the one that is gone
                second.accept().close();
                atSecond++;
            }
            assertEquals(2, served.server.stats().closedBy(Kind.CONNECT_FAILURE));
        }
    }

    @ExpectsLog("cannot connect to")
    @ParameterizedTest
    @EnumSource(Engine.class)
    void clientIsResetWhenNoTargetAccepts(Engine engine) throws Exception {
        try (Served served = relay(engine, nobody())) {
            Client client = served.connect();
            assertThrows(SocketException.class, client::hear);
        }
    }

    @MayLog("cannot connect to")
    @ParameterizedTest
    @EnumSource(Engine.class)
    void resetOfOneSideResetsTheOther(Engine engine) throws Exception {
        try (ServerSocket target = listen(); Served served = relay(engine, target)) {
            Client first = served.connect();
            Socket peer = accept(target);
            first.socket.setSoLinger(true, 0);
            first.socket.close();
            assertThrows(SocketException.class, () -> peer.getInputStream().read());
            Client second = served.connect();
            Socket other = accept(target);
            other.setSoLinger(true, 0);
            other.close();
            assertThrows(SocketException.class, second::hear);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void drainLetsAnAnswerThrough(Engine engine) throws Exception {
        try (ServerSocket target = listen(); Served served = relay(engine, target)) {
            Client client = served.connect();
            Socket peer = accept(target);
            client.say("question");
            peer.getInputStream().readNBytes(9);
            CompletableFuture<DrainReport> drained = served.server.drain(Duration.ofSeconds(20));
            assertEquals(-1, peer.getInputStream().read());
            peer.getOutputStream().write("answer\n".getBytes());
            peer.close();
            assertEquals("answer", client.hear());
            assertEquals(null, client.hear());
            client.socket.close();
            assertEquals(0, drained.get(20, TimeUnit.SECONDS).cut());
        }
    }

    /** Where a name leads, as the test says; it may have no answer for a while. */
    private static final class Names implements Resolver.Lookup {
        private final AtomicInteger asked = new AtomicInteger();
        private volatile InetAddress[] answer = {};

        void answer(String... addresses) throws IOException {
            InetAddress[] made = new InetAddress[addresses.length];
            for (int i = 0; i < addresses.length; i++) {
                made[i] = InetAddress.getByName(addresses[i]);
            }
            answer = made;
        }

        @Override
        public InetAddress[] lookUp(String host) throws UnknownHostException {
            InetAddress[] now = answer;
            asked.incrementAndGet();
            if (!host.equals("target.example") || now.length == 0) {
                throw new UnknownHostException(host);
            }
            return now;
        }

        /** Waits until an answer that is given now has been used. */
        void awaitTwoRounds() {
            int before = asked.get();
            Served.await(() -> asked.get() >= before + 3, "it is asked again");
        }
    }

    /** Says which target it is, as often as it is asked. */
    private CompletableFuture<Void> says(ServerSocket listener, String which) {
        return CompletableFuture.runAsync(() -> {
            try {
                while (true) {
                    try (Socket peer = listener.accept()) {
                        peer.getOutputStream().write((which + "\n").getBytes());
                    }
                }
            } catch (IOException e) {
                // the test is over
            }
        }, task -> new Thread(task, "target").start());
    }

    private static String target(Served served) throws IOException {
        Client client = served.connect();
        String which = client.hear();
        client.socket.close();
        return which;
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    @ExpectsLog("cannot resolve a target again")
    void targetThatMovesIsFoundAndOneWithoutAnAnswerIsKept(Engine engine) throws Exception {
        try (ServerSocket first = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.2"));
                ServerSocket second = new ServerSocket(first.getLocalPort(), 50, InetAddress.getByName("127.0.0.3"))) {
            CompletableFuture<Void> one = says(first, "first");
            CompletableFuture<Void> two = says(second, "second");
            Names names = new Names();
            InetAddress named = InetAddress.getByAddress("target.example", new byte[] {127, 0, 0, 2});
            Proxy proxy = new Proxy(List.of(new InetSocketAddress(named, first.getLocalPort())), Duration.ofMillis(5), SendProxy.NONE, names);
            try (Served served = new Served(engine, proxy)) {
                names.awaitTwoRounds();
                assertEquals("first", target(served), "without an answer it stays");
                names.answer("127.0.0.3");
                names.awaitTwoRounds();
                assertEquals("second", target(served), "it has moved");
                names.answer("127.0.0.2", "127.0.0.3");
                names.awaitTwoRounds();
                assertEquals("second", target(served), "its name still has this address");
                names.answer();
                names.awaitTwoRounds();
                assertEquals("second", target(served));
            }
            int after = names.asked.get() + 1; // one may be under way
            first.close();
            second.close();
            CompletableFuture.allOf(one, two).join();
            assertTrue(names.asked.get() <= after, "nobody is asked after the end");
        }
    }

    @Test
    void nobodyIsAskedForAnAddressWithoutAName() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        Resolver.Lookup names = host -> {
            asked.incrementAndGet();
            throw new UnknownHostException(host);
        };
        try (Proxy literal = new Proxy(List.of(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 1)), Duration.ofMillis(1), SendProxy.NONE, names);
                Proxy never = new Proxy(List.of(new InetSocketAddress(InetAddress.getByAddress("x", new byte[] {127, 0, 0, 1}), 1)), Duration.ZERO, SendProxy.NONE, names)) {
            assertTrue(Thread.getAllStackTraces().keySet().stream().noneMatch(thread -> thread.getName().equals("sluice-resolver")));
            assertEquals(0, asked.get());
        }
    }

    @Test
    void needsATarget() {
        assertThrows(IllegalArgumentException.class, () -> new Proxy(List.of(), Duration.ZERO, SendProxy.NONE));
    }
}
