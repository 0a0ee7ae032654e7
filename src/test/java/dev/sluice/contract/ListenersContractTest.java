package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.DrainReport;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A server with several listeners is one server. */
class ListenersContractTest extends EngineContract {

    private static Listener at(int port) {
        return Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    }

    private Rig serveTwice(ServerOptions.Builder options) throws IOException {
        rig = new Rig(engine, List.of(at(0), at(0)), options, connection -> ECHO);
        return rig;
    }

    private Client connect(int listener) throws IOException {
        return rig.connectOnly(rig.server.addresses().get(listener), 0);
    }

    @Test
    void everyListenerServes() throws Exception {
        serveTwice(ServerOptions.builder());
        assertEquals(2, rig.server.addresses().stream().distinct().count());
        for (int i = 0; i < 6; i++) {
            assertEquals("hello", connect(i % 2).send("hello").receive(5));
        }
        assertEquals(6, rig.server.stats().get(Counter.OPENED), "they have one set of counters");
    }

    @Test
    void addressesAreInTheOrderOfTheListeners() throws Exception {
        Listener everywhere = Listener.at(new InetSocketAddress("0.0.0.0", 0));
        rig = new Rig(engine, List.of(at(0), everywhere), ServerOptions.builder(), connection -> ECHO);
        List<InetSocketAddress> addresses = rig.server.addresses().stream().map(InetSocketAddress.class::cast).toList();
        assertEquals(List.of(false, true), addresses.stream().map(address -> address.getAddress().isAnyLocalAddress()).toList());
        assertTrue(addresses.stream().allMatch(address -> address.getPort() > 0), addresses.toString());
        assertEquals(rig.server.addresses().get(0), rig.server.address());
    }

    @Test
    void listenerThatCannotBeBoundFreesTheOthers() throws Exception {
        int free = freePort();
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Listener> listeners = List.of(at(free), at(taken.getLocalPort()));
            BindException e = assertThrows(
                    BindException.class, () -> engine.start(listeners, ServerOptions.builder(), connection -> ECHO));
            String where = taken.getInetAddress().getHostAddress() + ":" + taken.getLocalPort();
            assertEquals(where + ": " + e.getCause().getMessage(), e.getMessage());
        }
        try (ServerSocket again = new ServerSocket(free, 1, InetAddress.getLoopbackAddress())) {
            assertEquals(free, again.getLocalPort());
        }
    }

    /** A port outside the range from which the system chooses one for port zero. */
    private static int freePort() throws IOException {
        while (true) {
            int port = ThreadLocalRandom.current().nextInt(15_000, 30_000);
            try (ServerSocket free = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return free.getLocalPort();
            } catch (BindException e) {
                // the next, then
            }
        }
    }

    @Test
    void serverWithoutAListenerIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> engine.start(List.of(), ServerOptions.builder(), connection -> ECHO));
    }

    @Test
    void listenersShareTheLimitOfConnections() throws Exception {
        serveTwice(ServerOptions.builder().maxConnections(2));
        Client first = connect(0);
        Client second = connect(1);
        assertEquals("a", first.send("a").receive(1));
        assertEquals("b", second.send("b").receive(1));
        assertTrue(isRefused(connect(0)) && isRefused(connect(1)));
        assertEquals(2, rig.server.stats().get(Counter.REFUSED));
        first.socket.close();
        rig.await(() -> rig.server.stats().open() == 1, "one has left");
        assertEquals("c", connect(1).send("c").receive(1), "the place of a connection of the other listener");
    }

    private static boolean isRefused(Client client) {
        try {
            return client.in.read() < 0;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void drainAnswersTheBacklogOfEveryListenerAndClosesAll() throws Exception {
        serveTwice(ServerOptions.builder());
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            clients.add(connect(i / 100)); // the last of them wait in the backlog of the second
        }
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofMillis(200), Duration.ofSeconds(30));
        for (Client client : clients) {
            client.send("hello");
        }
        for (Client client : clients) { // those of a pool are served in the order in which they came
            assertEquals("hello", client.receiveAll());
            client.socket.close();
        }
        assertEquals(new DrainReport(200, List.of()), end.get(30, TimeUnit.SECONDS));
        assertThrows(ConnectException.class, () -> connect(0));
        assertThrows(ConnectException.class, () -> connect(1));
    }
}
