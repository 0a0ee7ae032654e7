package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.fault.StarvedSeams;
import dev.sluice.fault.StarvedSeams.Seam;
import dev.sluice.harness.MayLog;
import dev.sluice.internal.SocketIo;
import dev.sluice.simulation.Conditions;
import dev.sluice.simulation.Peer;
import dev.sluice.simulation.SimulatedNetwork;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * Any call across a seam of the reactor may find no memory: the n-th call of each kind, n = 1, 2, 3 until a conversation that uses them
 * all has no n-th. It costs a connection at most. None loses its last callback, all room is free again, and the server drains.
 */
@Timeout(60)
@MayLog({"handler failed on", "observer failed", "cannot accept", "the end of a connection", "a task", "a timer", "a flush", "callback of a channel", "select"})
class StarvedSeamsTest {

    private static final int MOST_CONNECTIONS = 5;

    private StarvedSeams seams;
    private SimulatedNetwork network;
    private Reactor reactor;
    private ReactorServer server;
    private List<Recorder> recorders;

    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = {"CHUNK", "THREAD"})
    void wantOfMemoryCostsAConnectionAtMost(Seam seam) throws IOException {
        for (int times : new int[] {1, 3}) {
            int n = 1;
            while (converse(seam, n, times)) {
                n++;
            }
            assertTrue(n > 1, "the conversation has no " + seam);
        }
    }

    /** Returns whether a call has failed. */
    private boolean converse(Seam seam, int n, int times) throws IOException {
        seams = new StarvedSeams(seam, n, times);
        try {
            begin();
            firstHalf();
            drain(secondHalf());
            return seams.haveFailed();
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError(seams + ": " + e.getMessage(), e);
        } finally {
            reactor.close();
        }
    }

    // ---- the conversation ---------------------------------------------------------------------------------------------

    private void begin() throws IOException {
        network = new SimulatedNetwork(1, new Conditions(64 << 10, 50_000, 50_000, 8 << 10, 0, 0));
        reactor = Reactor.open(network.clock(), network);
        recorders = new ArrayList<>();
        ServerOptions options = seams.options(MOST_CONNECTIONS);
        server = ReactorServer.open(reactor, network, List.of(Listener.at(network.address(0))), options, seams.wire(SocketIo.PLAIN), connection -> {
            seams.use(Seam.CREATE);
            Recorder recorder = new Recorder(connection, seams.talker());
            recorders.add(recorder);
            return recorder;
        });
    }

    /** Everything that connections do while a server is up; in the end, all have gone. */
    private void firstHalf() throws IOException {
        Peer echo = connect("abc");
        Peer large = connect("L");
        large.pause();
        Peer line = connect("unfinished");
        Peer work = connect("OTH");
        Peer lost = connect("abc");
        Peer oneTooMany = connect("abc");
        pass(Duration.ofMillis(10));
        lost.reset();
        echo.send("def".getBytes());
        large.resume();
        line.send(" line\n".getBytes());
        pass(Duration.ofMillis(100));
        echo.end();
        large.end();
        line.send("u".getBytes());
        line.end();
        work.end();
        oneTooMany.end(); // unless another had gone before it came, it was refused
        pass(Duration.ofSeconds(10));
    }

    /** Newcomers find all places free, unless it is they whom the fault hits; then they owe, or are owed, something. */
    private List<Peer> secondHalf() throws IOException {
        boolean faultWasBefore = seams.areOver();
        List<Peer> newcomers = new ArrayList<>();
        for (int i = 0; i < MOST_CONNECTIONS; i++) {
            newcomers.add(connect("abc"));
        }
        pass(Duration.ofSeconds(2));
        if (faultWasBefore) {
            for (Peer newcomer : newcomers) {
                assertArrayEquals("abc".getBytes(), newcomer.received(), "a newcomer finds its place");
            }
        }
        newcomers.get(0).pause();
        newcomers.get(0).send("L".getBytes());
        newcomers.get(1).send("unfinished".getBytes());
        newcomers.get(2).send("P".getBytes());
        newcomers.get(3).send("OH".getBytes());
        pass(Duration.ofMillis(5));
        newcomers.get(2).send("never read".getBytes());
        pass(Duration.ofMillis(5));
        return newcomers;
    }

    private void drain(List<Peer> peers) throws IOException {
        server.drain(Duration.ofSeconds(3));
        pass(Duration.ofMillis(200));
        peers.forEach(Peer::end);
        until(() -> server.termination().isDone(), "the drain ends");
        assertTrue(!server.termination().isCompletedExceptionally(), "the drain fails");
        assertEquals(List.of(), recorders.stream().flatMap(recorder -> recorder.check().stream()).toList());
        ServerStats stats = server.stats();
        assertEquals(stats.get(Counter.OPENED), stats.get(Counter.CLOSED), "opened = closed");
        assertEquals(0, stats.pending(), "enqueued = written + discarded: " + stats);
        assertEquals(0, server.heldMemory(), "memory held");
        assertEquals(0, reactor.deadlines.size(), "timers");
    }

    private Peer connect(String text) {
        Peer peer = network.connect(server.address());
        peer.send(text.getBytes());
        return peer;
    }

    /** Lets time pass; workers have their own. */
    private void pass(Duration time) throws IOException {
        long end = network.clock().getAsLong() + time.toNanos();
        until(() -> network.clock().getAsLong() - end >= 0 && stats(Counter.TASKS_DONE) == stats(Counter.TASKS_TAKEN), "time passes");
    }

    private long stats(Counter counter) {
        return server.stats().get(counter);
    }

    private void until(BooleanSupplier condition, String what) throws IOException {
        long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            reactor.runOnce(Duration.ofMillis(1));
            assertTrue(System.nanoTime() - start < 10_000_000_000L, "in vain: " + what);
        }
        while (reactor.runOnce(Duration.ZERO) > 0) {
            continue;
        }
    }
}
