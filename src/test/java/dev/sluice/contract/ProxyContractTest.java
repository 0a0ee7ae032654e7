package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Listener;
import dev.sluice.ProxyHeader;
import dev.sluice.ProxyHeader.Fault;
import dev.sluice.ProxyProtocol;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.MayLog;
import dev.sluice.internal.Headers;
import dev.sluice.internal.Headers.Sample;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A connection from a proxy begins behind its PROXY header, and is then its client's; one whose header fails never begins. */
@MayLog({"PROXY header", "no proxy"})
class ProxyContractTest extends EngineContract {

    /** Peers that send nothing. */
    private static final int SILENT = Integer.getInteger("sluice.silent", 200);

    private static final ProxyProtocol LOOPBACK = ProxyProtocol.from("127.0.0.0/8", "::1").withTimeout(Duration.ofMinutes(1));

    private final List<String> observed = new CopyOnWriteArrayList<>();

    private Rig serve(ProxyProtocol setting, ServerOptions.Builder options) throws IOException {
        Listener listener = Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)).withProxy(setting);
        options.observer(new ServerObserver() {
            @Override
            public void headerRejected(SocketAddress remote, Fault why) {
                observed.add(why + " " + ((InetSocketAddress) remote).getAddress().isLoopbackAddress());
            }
        });
        rig = new Rig(engine, List.of(listener), options, connection -> ECHO);
        return rig;
    }

    private Client send(byte[]... parts) throws IOException {
        Client client = rig.connectOnly();
        client.out.write(Headers.join(parts));
        return client;
    }

    /** The connection of a client whose first answer has come. */
    private Connection newest() {
        return rig.recorders.get(rig.recorders.size() - 1).connection;
    }

    private static boolean isClosed(Client client) {
        try {
            return client.in.read() < 0;
        } catch (IOException e) {
            return true; // reset: it had sent more
        }
    }

    private long rejected(Fault fault) {
        return rig.server.stats().rejectedFor(fault);
    }

    @Test
    void connectionIsTheClients() throws Exception {
        serve(LOOPBACK, ServerOptions.builder());
        for (Sample sample : Headers.good()) {
            Client client = send(sample.bytes(), Headers.text("hello"));
            assertEquals("hello", client.receive(5), sample.name());
            Connection connection = newest();
            ProxyHeader header = connection.proxyHeader().orElseThrow();
            SocketAddress proxy = client.socket.getLocalSocketAddress();
            SocketAddress server = client.socket.getRemoteSocketAddress();
            assertEquals(proxy, header.proxy());
            assertEquals(sample.says().isLocal(), header.isLocal());
            assertEquals(sample.says().source(), header.source());
            assertEquals(sample.says().source().orElse(proxy), connection.remoteAddress(), sample.name());
            assertEquals(sample.says().destination().orElse(server), connection.localAddress(), sample.name());
            client.socket.close();
            rig.await(() -> rig.recorders.get(rig.recorders.size() - 1).isClosed(), "onClose");
            assertEquals(header, connection.proxyHeader().orElseThrow(), "after the close");
            assertEquals(sample.says().source().orElse(proxy), connection.remoteAddress(), "after the close");
            assertEquals(sample.says().destination().orElse(server), connection.localAddress(), "after the close");
        }
        assertEquals(0, rig.server.stats().get(Counter.HEADERS_REJECTED));
    }

    @Test
    void headerMayComeByteByByte() throws Exception {
        serve(LOOPBACK, ServerOptions.builder());
        for (Sample sample : Headers.good().subList(0, 14)) {
            Client client = rig.connectOnly();
            int before = rig.recorders.size();
            for (byte each : sample.bytes()) {
                assertEquals(before, rig.recorders.size(), "nothing is heard of it before its header is whole");
                client.out.write(each);
            }
            rig.await(() -> rig.recorders.size() > before, "the connection is open");
            assertEquals("hello", client.send("hello").receive(5), sample.name());
            client.socket.close(); // a pool has few workers
        }
    }

    @Test
    void brokenHeaderClosesTheSocketAndIsCounted() throws Exception {
        serve(LOOPBACK, ServerOptions.builder());
        int count = 0;
        for (Sample sample : Headers.bad()) {
            long before = rejected(sample.fault());
            assertTrue(isClosed(send(sample.bytes())), sample.name());
            rig.await(() -> rejected(sample.fault()) == before + 1, sample + " is counted as " + sample.fault());
            count++;
        }
        assertEquals(count, rig.server.stats().get(Counter.HEADERS_REJECTED));
        assertEquals(0, rig.server.stats().get(Counter.OPENED));
        rig.await(() -> observed.size() == Headers.bad().size(), "the observer is told");
        assertEquals(Headers.bad().stream().map(sample -> sample.fault() + " true").toList(), observed);
        assertEquals("ok", send(Headers.good().get(0).bytes(), Headers.text("ok")).receive(2), "the next is served");
    }

    @Test
    void headerThatDoesNotComeInTimeIsLate() throws Exception {
        serve(LOOPBACK.withTimeout(Duration.ofMillis(100)), ServerOptions.builder());
        Client silent = rig.connectOnly();
        Client half = send(Headers.text("PROXY TCP4 1.1.1.1 "));
        assertTrue(isClosed(silent) && isClosed(half));
        rig.await(() -> rejected(Fault.LATE) == 2, "both are counted");
        assertEquals(List.of(), rig.recorders);
    }

    @Test
    void timeOutEndsWithTheHeader() throws Exception {
        serve(LOOPBACK.withTimeout(Duration.ofMillis(300)), ServerOptions.builder());
        Client first = send(Headers.text("PROXY UNKN"));
        first.send("OWN\r\n");
        assertEquals("a", first.send("a").receive(1));
        assertTrue(isClosed(rig.connectOnly()), "one that came later was late");
        assertEquals("b", first.send("b").receive(1));
    }

    @Test
    void peerThatEndsBeforeItsHeaderIsWholeIsCounted() throws Exception {
        serve(LOOPBACK, ServerOptions.builder());
        Client half = send(Headers.text("PROXY"));
        half.socket.shutdownOutput();
        Client reset = send(Headers.text("PROXY"));
        reset.socket.setSoLinger(true, 0);
        reset.socket.close();
        rig.connectOnly().socket.close();
        assertTrue(isClosed(half));
        rig.await(() -> rejected(Fault.ENDED) == 3, "all are counted");
    }

    @Test
    void sourceDecidesNotTheContent() throws Exception {
        serve(ProxyProtocol.from("192.0.2.0/24"), ServerOptions.builder());
        assertTrue(isClosed(send(Headers.good().get(0).bytes())));
        rig.await(() -> rejected(Fault.UNTRUSTED) == 1, "it is counted");
        assertEquals(List.of(), rig.recorders);
    }

    @Test
    void otherSourcesMayBeServedAsTheyAre() throws Exception {
        serve(ProxyProtocol.from("192.0.2.0/24").withOthers(ProxyProtocol.Others.SERVE), ServerOptions.builder());
        Client client = send(Headers.text("PROXY TCP4 1.1.1.1 2.2.2.2 3 4\r\n"));
        assertEquals("PROXY TCP4", client.receive(10), "its bytes are the handler's");
        assertEquals(client.socket.getLocalSocketAddress(), newest().remoteAddress(), "a forged address is not believed");
        assertTrue(newest().proxyHeader().isEmpty());
    }

    @Test
    void thoseWhoWaitForTheirHeaderCountAgainstTheLimit() throws Exception {
        serve(LOOPBACK, ServerOptions.builder().maxConnections(2));
        Client waiting = send(Headers.text("PROXY"));
        assertEquals("a", send(Headers.good().get(0).bytes(), Headers.text("a")).receive(1));
        assertTrue(isClosed(rig.connectOnly()));
        rig.await(() -> rig.server.stats().get(Counter.REFUSED) == 1, "it is refused");
        waiting.socket.close();
        rig.await(() -> rejected(Fault.ENDED) == 1, "its place is free again");
        assertEquals("b", send(Headers.good().get(0).bytes(), Headers.text("b")).receive(1));
    }

    @Test
    void drainDoesNotWaitForHeaders() throws Exception {
        serve(LOOPBACK, ServerOptions.builder());
        List<Client> waiting = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            waiting.add(send(Headers.text("PROXY")));
        }
        Client served = send(Headers.good().get(0).bytes(), Headers.text("a"));
        assertEquals("a", served.receive(1));
        CompletableFuture<DrainReport> end = rig.server.drain(Duration.ofMillis(100), Duration.ofSeconds(20));
        for (Client each : waiting) {
            assertTrue(isClosed(each));
        }
        assertEquals("", served.receiveAll());
        served.socket.close();
        assertEquals(new DrainReport(1, List.of()), end.get(20, TimeUnit.SECONDS));
        assertEquals(5, rejected(Fault.STOPPED));
    }

    @Test
    void silentPeersDoNotHurtTheOthers() throws Exception {
        serve(LOOPBACK.withTimeout(Duration.ofSeconds(2)), ServerOptions.builder().maxConnections(SILENT + 50));
        for (int i = 0; i < SILENT; i++) {
            rig.connectOnly();
        }
        for (int round = 0; round < 5; round++) {
            Client client = send(Headers.good().get(round).bytes(), Headers.text("hello"));
            assertEquals("hello", client.receive(5), "none of them holds a thread");
            client.socket.close();
        }
        rig.await(() -> rejected(Fault.LATE) == SILENT, "all are gone");
        assertEquals(5, rig.server.stats().get(Counter.OPENED));
    }
}
