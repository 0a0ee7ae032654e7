package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.contract.Rig.Client;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The number and the addresses of a connection. */
class IdentityContractTest extends EngineContract {

    /** Makes outbound connections, and knows them all. */
    private static final class Outbound implements Handler {
        final Set<Connection> all = ConcurrentHashMap.newKeySet();
        final Map<Connection, String> closed = new ConcurrentHashMap<>();

        Handler create(Connection connection) {
            all.add(connection);
            return this;
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            in.position(in.limit());
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            closed.put(self, told(self));
        }
    }

    private static String told(Connection self) {
        return self.id() + " " + self.localAddress() + " " + self.remoteAddress();
    }

    @Test
    void everyConnectionOfAServerHasANumberOfItsOwn() throws Exception {
        Outbound outbound = new Outbound();
        try (ServerSocket target = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                Socket nobody = new Socket()) {
            nobody.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)); // and does not listen
            InetSocketAddress[] to = {
                (InetSocketAddress) target.getLocalSocketAddress(), (InetSocketAddress) nobody.getLocalSocketAddress()
            };
            serve((self, in) -> {
                in.position(in.limit());
                self.connect(to[0], Duration.ofSeconds(10), outbound::create);
                self.connect(to[1], Duration.ofSeconds(10), outbound::create);
            });
            for (int i = 0; i < 8; i++) {
                rig.connect().send("x");
            }
            rig.await(() -> outbound.all.size() == 16, "the outbound connections");
            long[] ids = LongStream.concat(
                            rig.recorders.stream().mapToLong(recorder -> recorder.connection.id()),
                            outbound.all.stream().mapToLong(Connection::id))
                    .sorted()
                    .toArray();
            assertEquals(24, LongStream.of(ids).distinct().count());
            assertTrue(ids[0] >= 1, "the first is " + ids[0]);
            for (Connection each : outbound.all) {
                assertTrue(each.toString().startsWith("connection " + each.id() + " with " + each.remoteAddress() + ","), each::toString);
            }
        }
    }

    @Test
    void addressesAreKnownOnAnyThreadAndAfterTheClose() throws Exception {
        Outbound known = new Outbound();
        Client client = serve(ServerOptions.builder(), known::create).connect();
        Connection self = client.connection();
        assertEquals(client.socket.getRemoteSocketAddress(), self.localAddress());
        assertEquals(client.socket.getLocalSocketAddress(), self.remoteAddress());
        String before = told(self);
        client.socket.close();
        client.awaitClose();
        rig.await(() -> known.closed.containsKey(self), "onClose");
        assertEquals(before, known.closed.get(self), "within onClose");
        assertEquals(before, told(self), "after it");
    }

    @Test
    void outboundConnectionKnowsItsPort() throws Exception {
        Outbound outbound = new Outbound();
        try (ServerSocket target = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            serve((self, in) -> {
                in.position(in.limit());
                self.connect((InetSocketAddress) target.getLocalSocketAddress(), Duration.ofSeconds(10), outbound::create);
            }).connect().send("x");
            try (Socket accepted = target.accept()) {
                rig.await(() -> outbound.all.size() == 1, "the outbound connection");
                Connection self = outbound.all.iterator().next();
                assertEquals(accepted.getRemoteSocketAddress(), self.localAddress());
                assertEquals(accepted.getLocalSocketAddress(), self.remoteAddress());
            }
        }
    }

    @Test
    void connectionThatCouldNotBeMadeHasNoAddressOfItsOwn() throws Exception {
        Outbound outbound = new Outbound();
        try (Socket nobody = new Socket()) {
            nobody.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)); // and does not listen
            serve((self, in) -> {
                in.position(in.limit());
                self.connect((InetSocketAddress) nobody.getLocalSocketAddress(), Duration.ofSeconds(10), outbound::create);
            }).connect().send("x");
            rig.await(() -> outbound.closed.size() == 1, "the failure");
            Connection self = outbound.all.iterator().next();
            assertNull(self.localAddress());
            assertNotNull(self.remoteAddress());
        }
    }
}
