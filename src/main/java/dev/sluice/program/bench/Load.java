package dev.sluice.program.bench;

import dev.sluice.ServerOptions;
import dev.sluice.reactor.Connector;
import dev.sluice.reactor.Reactor;
import java.io.IOException;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * A load on a server: connections on one reactor, which the calling thread runs.
 *
 * <pre>
 *   CONNECTING ── all tried ──▶ WARMING ──▶ MEASURING ──▶ FINISHING ── last answer, or 5 s ──▶ OVER
 * </pre>
 *
 * <p>Under a rate the loop does not sleep while a request is due within a millisecond, because a select sleeps whole ones: latency is
 * counted from the planned time, and the generator's own lateness would be in it.
 */
public final class Load {

    private enum Phase { CONNECTING, WARMING, MEASURING, FINISHING, OVER }

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    /** Attempts at once: far below any backlog. */
    private static final int CONNECTING_AT_ONCE = 64;

    private static final Duration LAST_ANSWERS = Duration.ofSeconds(5);
    private static final Duration TURN = Duration.ofSeconds(1);
    private static final long MILLI_NS = 1_000_000;

    private final LoadPlan plan;
    private final Tally tally = new Tally();
    private final Reactor reactor;
    private final Connector connector;
    private final Requester[] requesters;
    private final SocketAddress server;
    private Phase phase = Phase.CONNECTING;
    private int attempted;
    private int tried;
    private int open;
    private long startNs;
    private long released;
    private Usage before;
    private Usage after;
    private int threads = -1;

    private Load(LoadPlan plan) throws IOException {
        this.plan = plan;
        this.server = plan.server();
        Content content = new Content(plan.size(), plan.expect());
        this.requesters = new Requester[plan.connections()];
        for (int i = 0; i < requesters.length; i++) {
            requesters[i] = new Requester(this, plan, content, tally, i);
        }
        this.reactor = Reactor.open(); // after the allocations that may fail: nothing would close it
        int mostPending = (int) Math.max(1 << 20, 2L * plan.size() * plan.pipeline());
        this.connector = Connector.open(reactor, ServerOptions.builder()
                .maxConnections(plan.connections())
                .idleTimeout(Duration.ZERO)
                .writeTimeout(Duration.ZERO)
                .lingerTimeout(Duration.ZERO)
                .highWater(mostPending) // answers are read however much waits to be sent, or both sides could wait for each other
                .maxPending(mostPending)
                .maxMemory(Math.max(64 << 20, 2L * plan.connections() * plan.size() * plan.pipeline()))
                .build());
    }

    /**
     * Runs a load to its end.
     *
     * @param plan connections, size, time
     * @param stop receives a task that ends the load early; any thread may run it
     * @return the measurements
     * @throws IOException if there is no descriptor for a selector
     */
    public static LoadResult run(LoadPlan plan, Consumer<Runnable> stop) throws IOException {
        Load load = new Load(plan);
        try {
            stop.accept(load::stop);
            return load.run();
        } finally {
            load.phase = Phase.OVER;
            load.reactor.close();
        }
    }

    private LoadResult run() throws IOException {
        for (int i = 0; i < CONNECTING_AT_ONCE; i++) {
            connectNext();
        }
        while (phase != Phase.OVER) {
            reactor.runOnce(release());
            if (phase == Phase.FINISHING && tally.outstanding() == 0) {
                phase = Phase.OVER;
            }
        }
        for (Requester requester : requesters) {
            requester.loseAll();
        }
        return new LoadResult(
                plan,
                open,
                tally.answered(),
                tally.seconds(),
                tally.errors(),
                tally.firstCause(),
                tally.fromPlan(),
                plan.isOpenLoop() ? tally.fromSending() : null,
                before == null || after == null ? Usage.NONE : after.since(before),
                threads);
    }

    // ---- connecting ---------------------------------------------------------------------------------------------------

    private void connectNext() {
        if (attempted < requesters.length) {
            Requester next = requesters[attempted++];
            connector.connect(server, CONNECT_TIMEOUT, connection -> next);
        }
    }

    /** An attempt has ended, one way or the other. */
    void tried(boolean connected) {
        open += connected ? 1 : 0;
        tried++;
        if (tried == requesters.length) {
            begin();
        } else {
            connectNext();
        }
    }

    /** An open connection is lost. */
    void lost() {
        if (--open == 0) {
            phase = Phase.OVER;
        }
    }

    // ---- the measured time --------------------------------------------------------------------------------------------

    private void begin() {
        if (open == 0) {
            phase = Phase.OVER;
            return;
        }
        phase = Phase.WARMING;
        startNs = System.nanoTime();
        Duration warmUp = Duration.ofMillis(plan.warmUpMs());
        Duration end = warmUp.plusMillis(plan.durationMs());
        tally.measure(startNs + warmUp.toNanos(), startNs + end.toNanos());
        reactor.schedule(warmUp, this::measure);
        reactor.schedule(end, this::finish);
        for (Requester requester : requesters) {
            requester.send(startNs);
        }
    }

    private void measure() {
        phase = Phase.MEASURING;
        before = Usage.now(plan.serverPid());
    }

    private void finish() {
        if (phase == Phase.MEASURING) {
            releaseUpTo(tally.endNs()); // the loop may have come late to those
            after = Usage.now(plan.serverPid());
            threads = (int) Host.ofProcess(plan.serverPid(), "Threads");
            phase = Phase.FINISHING;
            reactor.schedule(LAST_ANSWERS, () -> phase = Phase.OVER);
        }
    }

    /** Any thread. The measured time ends now. */
    private void stop() {
        reactor.execute(() -> {
            tally.endAt(System.nanoTime());
            if (phase == Phase.MEASURING) {
                finish();
            } else {
                phase = Phase.OVER;
            }
        });
    }

    /** Whether requests are still to be sent. */
    boolean isOn() {
        return phase == Phase.WARMING || phase == Phase.MEASURING;
    }

    /** Whether connections may end without that being an error. */
    boolean isOver() {
        return phase == Phase.OVER;
    }

    // ---- the open loop ------------------------------------------------------------------------------------------------

    /** When a request of an open loop is to be sent. */
    long plannedNs(long request) {
        return startNs + (long) (request * 1e9 / plan.rate());
    }

    /** Sends the requests that are planned before a time; those without room wait. */
    private void releaseUpTo(long timeNs) {
        for (; plan.isOpenLoop() && plannedNs(released) - timeNs < 0; released++) {
            requesters[(int) (released % requesters.length)].release(System.nanoTime());
        }
    }

    /** Sends the requests that are due; returns how long the loop may sleep. */
    private Duration release() {
        if (!plan.isOpenLoop() || !isOn()) {
            return TURN;
        }
        long nowNs = System.nanoTime();
        releaseUpTo(nowNs);
        long waitNs = plannedNs(released) - nowNs;
        return waitNs < MILLI_NS ? Duration.ZERO : Duration.ofNanos(Math.min(TURN.toNanos(), waitNs - waitNs % MILLI_NS));
    }
}
