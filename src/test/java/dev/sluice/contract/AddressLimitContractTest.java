package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.ExpectsLog;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An address has no more connections than it may have, and other addresses do not notice how many it asks for. */
class AddressLimitContractTest extends EngineContract {

    /** Where the crowd comes from. */
    private static final String CROWD = "127.0.0.1";

    @BeforeEach
    void countsAddresses() {
        assumeFalse(Rig.ON_UNIX, "these clients have none");
    }

    /** Whether the server has turned a client away. */
    private static boolean isRefused(Client client) {
        try {
            return client.in.read() < 0;
        } catch (IOException e) {
            return true;
        }
    }

    private static boolean isServed(Client client) {
        try {
            return client.send("?").receive(1).equals("?");
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void crowdOfOneAddressIsTurnedAwayAndOthersNoticeNothing() throws Exception {
        boolean isPool = engine == Engine.POOL; // where a connection has to have one of twelve threads to be served
        int limit = isPool ? 4 : 100;
        int others = isPool ? 6 : 50;
        AtomicLong told = new AtomicLong();
        ConcurrentHashMap<String, Boolean> toldOf = new ConcurrentHashMap<>();
        ServerObserver observer = new ServerObserver() {
            @Override
            public void refused(SocketAddress remote, Refusal why) {
                told.incrementAndGet();
                toldOf.put(why + " " + ((InetSocketAddress) remote).getAddress().getHostAddress(), true);
            }
        };
        serve(ServerOptions.builder().maxConnectionsPerAddress(limit).observer(observer), connection -> ECHO);
        List<Client> quiet = new ArrayList<>();
        for (int i = 0; i < others; i++) {
            quiet.add(rig.connectFrom("127.0.0." + (2 + i)));
        }
        AtomicBoolean over = new AtomicBoolean();
        CompletableFuture<Long> answers = Rig.inBackground(() -> {
            long count = 0;
            while (!over.get() || count < 2 * others) {
                for (Client client : quiet) {
                    assertEquals("0123456789", client.send("0123456789").receive(10));
                    count++;
                }
            }
            return count;
        });
        List<Client> inside = new ArrayList<>();
        int away = 0;
        for (int i = 0; i < 20 * limit; i++) {
            Client client = rig.connectFrom(CROWD);
            if (i < limit) {
                assertTrue(isServed(client), "number " + i);
                inside.add(client);
            } else {
                away += isRefused(client) ? 1 : 0;
                client.socket.close();
            }
        }
        assertEquals(19 * limit, away);
        over.set(true);
        assertTrue(answers.get() >= 2 * others);
        assertTrue(inside.stream().allMatch(AddressLimitContractTest::isServed), "those of the crowd that were let in stay");
        var stats = rig.server.stats();
        assertEquals(19 * limit, stats.get(Counter.REFUSED_OF_ADDRESS));
        assertEquals(19 * limit, stats.get(Counter.REFUSED));
        rig.await(() -> told.get() == 19 * limit, "the observer");
        assertEquals(List.of("ADDRESS_LIMIT " + CROWD), List.copyOf(toldOf.keySet()));
    }

    /** Says how its connection is to end by its first byte. */
    private static final Handler ENDS = new Handler() {
        @Override
        public void onRead(Connection self, ByteBuffer in) throws Exception {
            switch (in.get()) {
                case 'a' -> self.abort();
                case 'c' -> self.close();
                case 'p' -> throw new java.net.ProtocolException("by the test");
                case 't' -> throw new IllegalStateException("by the test");
                default -> {
                    in.position(in.position() - 1);
                    self.write(in);
                }
            }
        }
    };

    @Test
    @ExpectsLog("handler failed on READ")
    void placeIsGivenBackOnceWhateverTheEnd() throws Exception {
        serve(ServerOptions.builder().maxConnectionsPerAddress(1).idleTimeout(Duration.ofSeconds(2)), connection -> ENDS);
        for (String end : "a c p t peer reset idle a c p t peer reset".split(" ")) {
            Client client = rig.connect();
            assertTrue(isServed(client), "the place is free for " + end);
            Client second = rig.connectFrom(CROWD);
            assertTrue(isRefused(second), "there is one place, before " + end);
            switch (end) {
                case "peer" -> client.socket.close();
                case "reset" -> {
                    client.socket.setSoLinger(true, 0);
                    client.socket.close();
                }
                case "idle" -> assertEquals(Kind.IDLE, client.awaitClose().kind());
                default -> client.send(end);
            }
            if (end.equals("c")) {
                client.socket.shutdownOutput(); // else it lingers
            }
            client.awaitClose();
        }
        assertEquals(13, rig.server.stats().get(Counter.REFUSED_OF_ADDRESS));
    }

    @Test
    void connectionOutwardTakesNoPlace() throws Exception {
        serve(ServerOptions.builder().maxConnectionsPerAddress(1), connection -> ECHO);
        Client first = rig.connect();
        first.connection().execute(() -> first.connection().connect(rig.server.address(), Duration.ofSeconds(5),
                outward -> (Ending) (self, reason) -> {}));
        rig.await(() -> rig.server.stats().get(Counter.REFUSED_OF_ADDRESS) == 1, "its other end was refused");
        rig.await(() -> rig.server.stats().open() == 1, "and it has ended");
        assertTrue(isServed(first));
        first.socket.close();
        first.awaitClose();
        assertTrue(isServed(rig.connect()), "its end gave no place back that was another's");
        assertTrue(isRefused(rig.connectFrom(CROWD)));
    }
}
