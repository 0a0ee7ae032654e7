package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.contract.Rig.Client;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/** The memory that all connections of a server share. */
class MemoryContractTest extends EngineContract {

    @Test
    void newcomerForWhichThereIsNoMemoryIsRefused() throws Exception {
        List<ServerObserver.Refusal> refusals = new CopyOnWriteArrayList<>();
        serve(ServerOptions.builder().maxMemory(64 << 10).maxConnections(1_000).observer(new ServerObserver() {
            @Override
            public void refused(SocketAddress remote, Refusal why) {
                refusals.add(why);
            }
        }), connection -> ECHO);
        int most = 64 << 10 >> (engine.keepsToOneThread ? 10 : 11);
        for (int i = 0; i < most; i++) {
            rig.connectOnly();
        }
        rig.await(() -> rig.server.stats().open() == most, "all that there is room for");
        assertEquals(-1, rig.connectOnly().in.read());
        rig.await(() -> !refusals.isEmpty(), "the observer");
        assertEquals(List.of(ServerObserver.Refusal.MEMORY), refusals);
        assertEquals(most, rig.server.stats().open());
    }

    @Test
    void largeRequestsAreEchoedThoughMemoryForLargeReadsIsTaken() throws Exception {
        serve(ServerOptions.builder().maxMemory(64 << 10), connection -> ECHO); // one large buffer
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Client client = rig.connect();
            clients.add(client);
            assertEquals("x".repeat(4_000), client.send("x".repeat(4_000)).receive(4_000));
        }
        for (Client client : clients) {
            assertEquals("y".repeat(2_000), client.send("y".repeat(2_000)).receive(2_000));
        }
    }
}
