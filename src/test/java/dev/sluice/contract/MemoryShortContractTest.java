package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.contract.Rig.Client;
import dev.sluice.reactor.ReactorStats;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The memory that all connections of a server share, while it is short: from three quarters of the budget. Clients hold it by lines that
 * have no end yet.
 */
class MemoryShortContractTest extends EngineContract {

    /** A pool has 12 threads: some are left for newcomers. */
    private static final int CLIENTS = 10;

    private int budget;

    /** The most that was seen to be held. */
    private long most;

    /** What each handler has left unread. */
    private final Map<Connection, Integer> unread = new ConcurrentHashMap<>();

    @AfterEach
    void neverMoreThanTheBudget() {
        assertTrue(most <= budget, most + " bytes were held");
    }

    private void serve(int budget, ServerOptions.Builder options) throws IOException {
        this.budget = budget;
        serve(options.maxMemory(budget), connection -> this::answerLines);
    }

    /** Answers each line with its length, and leaves an unfinished one unread. */
    private void answerLines(Connection self, ByteBuffer in) {
        for (int i = in.position(); i < in.limit(); i++) {
            if (in.get(i) == '\n') {
                self.write(text(i - in.position() + "\n"));
                in.position(i + 1);
            }
        }
        unread.put(self, in.remaining());
    }

    private void await(BooleanSupplier condition, String what) {
        rig.await(() -> {
            most = Math.max(most, rig.held());
            return condition.getAsBoolean();
        }, what);
    }

    private int unread(Client client) {
        return unread.getOrDefault(client.connection(), 0);
    }

    private List<Client> connect(int clients) throws IOException {
        List<Client> all = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            all.add(rig.connect());
        }
        return all;
    }

    /**
     * Makes a client's line longer; there has to be room for that. The last reads are short ones, so that on threads the connection has
     * given its large read buffer back.
     */
    private void lengthen(Client client, int bytes) throws IOException {
        int before = unread(client);
        int sent = 0;
        for (int rest : new int[] {1_000, 500, 0}) {
            client.send("x".repeat(bytes - sent - rest));
            sent = bytes - rest;
            int expected = before + sent;
            await(() -> unread(client) == expected, expected + " bytes");
        }
    }

    /** Whether it is not read. */
    private static boolean waits(Client client) {
        CompletableFuture<Boolean> waits = new CompletableFuture<>();
        return client.connection().execute(() -> waits.complete(!client.connection().isReading())) && waits.join();
    }

    /** Whether it is not read any more; or it has closed. */
    private static boolean waitsOrIsClosed(Client client) {
        return client.recorder.isClosed() || waits(client);
    }

    private static void assertAnswer(int length, Client client) throws IOException {
        String answer = length + "\n";
        assertEquals(answer, client.receive(answer.length()));
    }

    // ---- what is read -------------------------------------------------------------------------------------------------

    @Test
    void newcomersAreAnsweredThoughUnfinishedLinesFillMemory() throws Exception {
        serve(1 << 20, ServerOptions.builder().writeTimeout(Duration.ZERO));
        List<Client> clients = connect(CLIENTS);
        int length = 120_000; // kept in 128 KiB
        for (Client client : clients) {
            Rig.inBackground(() -> client.send("x".repeat(length)));
        }
        for (int i = 0; i < 20; i++) {
            Client newcomer = rig.connect().send("short\n");
            assertAnswer(5, newcomer);
            most = Math.max(most, rig.held());
            newcomer.socket.close();
            newcomer.awaitClose();
        }
        await(() -> rig.held() >= budget / 4 * 3 && clients.stream().allMatch(each -> unread(each) == length || waits(each)), "memory is short");
        assertAnswer(5, rig.connect().send("short\n"));
        assertTrue(clients.stream().anyMatch(MemoryShortContractTest::waits), "some are not read");
        assertNothingSpins();
        assertEquals(0, rig.server.stats().closedBy(Kind.MEMORY), "none is closed, but for its time");
    }

    /** While connections wait, their loops look ten times a second, by a timer each. A look may have all of them try to read again. */
    private void assertNothingSpins() {
        long startNs = System.nanoTime();
        long timers = timers();
        long steps = steps();
        await(() -> timers() >= timers + 6, "some looks");
        assertTrue(System.nanoTime() - startNs >= 90_000_000, "the loops look too often");
        assertTrue(steps() - steps < 1_000, steps() - steps + " steps");
    }

    private long timers() {
        return rig.loops().stream().mapToLong(ReactorStats::timers).sum();
    }

    private long steps() {
        ServerStats stats = rig.server.stats();
        return stats.get(Counter.READS) + stats.get(Counter.READ_PAUSES) + rig.loops().stream().mapToLong(ReactorStats::selects).sum();
    }

    /** Clients that hold the same, nearly an equal share of the budget, and wait for more: none has room for the end of its line. */
    private List<Client> alike(Duration writeTimeout, String ends) throws IOException {
        serve(832 << 10, ServerOptions.builder().writeTimeout(writeTimeout));
        List<Client> clients = connect(CLIENTS);
        for (int half = 0; half < 2; half++) {
            for (Client client : clients) {
                lengthen(client, 20_000); // the second half: 40,000 are kept in 64 KiB
            }
        }
        for (Client client : clients) {
            client.send("x".repeat(30_000) + ends);
        }
        return clients;
    }

    private List<Client> waitingAlike() throws IOException {
        List<Client> clients = alike(Duration.ZERO, "");
        await(() -> clients.stream().allMatch(MemoryShortContractTest::waits), "none is read");
        assertTrue(rig.held() >= budget / 4 * 3, rig.held() + " bytes are held");
        return clients;
    }

    @Test
    void connectionsReadOnWhenOthersHaveEnded() throws Exception {
        List<Client> clients = waitingAlike();
        for (Client client : clients.subList(0, 7)) {
            client.connection().abort();
            client.awaitClose();
        }
        for (Client client : clients.subList(7, CLIENTS)) {
            await(() -> unread(client) == 70_000, "it is read on");
            client.send("\n");
            assertAnswer(70_000, client);
        }
    }

    @Test
    void connectionsOfWhichNoneMayBeClosedTakeTurnsToGrow() throws Exception {
        List<Client> clients = alike(Duration.ofSeconds(1), "\n");
        for (Client client : clients) {
            assertAnswer(70_000, client);
        }
        assertEquals(0, rig.server.stats().closedBy(Kind.MEMORY));
    }

    @Test
    void connectionThatHoldsMuchOutputIsReadOnWhenThatHasLeft() throws Exception {
        serve(1 << 20, ServerOptions.builder().sendBuffer(4 << 10).maxPending(1 << 20).highWater(1 << 20));
        Client client = rig.connect();
        StringBuilder expected = new StringBuilder();
        rig.fill(client, 900_000, () -> {
            String piece = (expected.length() + ".").repeat(1_000);
            expected.append(piece);
            return text(piece);
        });
        client.send("a\n");
        client.send("x");
        await(() -> waits(client), "it is not read");
        client.send("\nccc\n");
        assertAnswer(5, rig.connect().send("short\n"));
        most = Math.max(most, rig.held());
        expected.append("1\n").append("1\n").append("3\n");
        assertEquals(expected.toString(), client.receive(expected.length()));
        assertAnswer(4, client.send("next\n"));
    }

    // ---- what is closed -----------------------------------------------------------------------------------------------

    /**
     * Clients that hold all sizes of unfinished lines, more than three quarters of the budget. The last, of those that hold something, takes what
     * makes memory short. Sub-reactors deal connections out in turn, and those of which tests speak are on the same loop.
     */
    private final class Sizes {
        final List<Client> all = connect(CLIENTS);
        final Client largest = all.get(0);
        final Client large = all.get(3);
        final Client last = all.get(6);
        final Client belowShare = all.get(9);
        final List<Client> alsoBelow = List.of(all.get(1), all.get(2), all.get(4));
        final List<Client> small = List.of(all.get(5), all.get(7), all.get(8));

        Sizes() throws IOException {
            lengthen(largest, 80_000); // kept in 128 KiB
            lengthen(large, 40_000); // in 64
            lengthen(belowShare, 20_000); // in 32, as those that follow
            for (Client client : alsoBelow) {
                lengthen(client, 20_000);
            }
            for (Client client : small) {
                client.send("1234");
            }
            lengthen(last, 40_000);
            await(() -> rig.held() >= budget / 4 * 3, "memory is short");
        }

        /** All others go on, and are answered. */
        void assertThatOnlyTheLargestIsClosed(int ofLarge, int ofBelowShare) throws IOException {
            assertEquals(new CloseReason(Kind.MEMORY, null, 0), largest.awaitClose());
            assertEquals("c", largest.recorder.callbacks().replaceAll("[or]", ""));
            for (Client client : all.subList(1, CLIENTS)) {
                client.send("\n");
            }
            assertAnswer(ofLarge, large);
            assertAnswer(ofBelowShare, belowShare);
            assertAnswer(40_000, last);
            for (Client client : alsoBelow) {
                assertAnswer(20_000, client);
            }
            for (Client client : small) {
                assertAnswer(4, client);
            }
            assertEquals(1, rig.server.stats().closedBy(Kind.MEMORY));
            for (Client client : all.subList(1, CLIENTS)) {
                assertNull(client.recorder.reason);
            }
        }
    }

    @Test
    void connectionsThatWaitTooLongAreClosedTheLargestFirst() throws Exception {
        serve(512 << 10, ServerOptions.builder().writeTimeout(Duration.ofMillis(720))); // both are overdue at the eighth look
        Sizes sizes = new Sizes();
        sizes.largest.send("x".repeat(80_000));
        await(() -> waitsOrIsClosed(sizes.largest), "it is not read");
        sizes.large.send("x".repeat(40_000));
        sizes.assertThatOnlyTheLargestIsClosed(80_000, 20_000);
    }

    @Test
    void largestThatIsSilentIsClosedWhenOneBelowItsShareHasWaitedTooLong() throws Exception {
        serve(512 << 10, ServerOptions.builder().writeTimeout(Duration.ofMillis(300)));
        Sizes sizes = new Sizes();
        sizes.belowShare.send("x".repeat(20_000));
        sizes.assertThatOnlyTheLargestIsClosed(40_000, 40_000);
    }

    // ---- the drain ----------------------------------------------------------------------------------------------------

    @Test
    void drainEndsThoughConnectionsWaitForMemory() throws Exception {
        List<Client> clients = waitingAlike();
        long startNs = System.nanoTime();
        DrainReport report = rig.server.drain(Duration.ofSeconds(1)).get(20, TimeUnit.SECONDS);
        assertTrue(System.nanoTime() - startNs < 10_000_000_000L, "within its timeout, and some time for a loaded machine");
        assertEquals(CLIENTS, report.connections());
        for (Client client : clients) {
            assertEquals("c", client.recorder.callbacks().replaceAll("[or]", ""));
        }
    }
}
