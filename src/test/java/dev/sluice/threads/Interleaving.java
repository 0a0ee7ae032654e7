package dev.sluice.threads;

import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.threads.stepping.Line;
import dev.sluice.threads.stepping.SteppedNetwork;
import dev.sluice.threads.stepping.Stepper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;

/**
 * One server on threads, its peers, its handlers and the user's threads, all of them as the seed says, for one schedule. First
 * each of them does what it likes. When no thread can go on, all calm down: handlers take everything and owe nothing, peers send the
 * rest, take everything and end. Then everything has to come to its end by itself, without waiting for a deadline.
 */
final class Interleaving implements Stepper.Play {

    /** The time that a server needs to close when all are calm: the linger of some, a drain's looks. */
    private static final long CALM_NS = 20_000_000_000L;

    /**
     * A thread that comes back from a read or a write tells of it only once it has the lock; until then its bytes are in its hand, and
     * no other thread sees them. A drain that finds the socket empty 50 ms later, the idle limit and the write limit then close the connection,
     * if the thread is not given the processor for so long. What follows from that alone is not said to be wrong here. Goes once no
     * thread has bytes in hand without a lock.
     */
    static final boolean BYTES_IN_HAND = true;

    private static final int MOST_STEPS = 2_000;

    /** A byte may be written by itself. */
    private static final int STEPS_A_BYTE = 25;

    private enum Phase { LIVELY, CALM, LAST }

    final Stepper stepper;
    final ServerOptions options;
    final boolean isLong;
    final boolean isScarce;
    private final SplittableRandom random;
    private final Stage stage;
    private final List<Talker> talkers = new ArrayList<>();
    private final Map<SocketAddress, Talker> byAddress = new HashMap<>();
    private final List<Conversation> conversations = new ArrayList<>();
    private final List<StreamTalk> streams = new ArrayList<>();
    private final Map<Talker, Integer> arrivedBeforeDrain = new IdentityHashMap<>();
    private final int poolSize;
    private final int room;
    private final boolean writesWhole;
    private final int meddlers;
    private final boolean drains;
    private final boolean drainsFirst;
    private final boolean isOfStreams;
    private final boolean factoryFails;
    private final boolean lacksThreads;
    private int factoryFailures;
    private int waits;
    private int outbound;
    private Phase phase = Phase.LIVELY;
    private ThreadServer server;
    private CompletableFuture<DrainReport> termination;
    private int drainAsked = Integer.MAX_VALUE;
    private long drainAskedNs;
    private long drainDeadlineNs = Stepper.NEVER;
    private long calmNs;

    /** Draws one. */
    Interleaving(Stage stage, long seed) {
        this(stage, seed, false);
    }

    /** Draws one, in which there may be no memory, if so it is. */
    Interleaving(Stage stage, long seed, boolean isStarved) {
        this.stage = stage;
        this.stepper = stage.stepper;
        this.random = new SplittableRandom(seed);
        this.options = options(random.split());
        this.isLong = random.nextInt(40) == 0;
        this.lacksThreads = random.nextInt(30) == 0;
        this.isScarce = lacksThreads || isStarved;
        this.poolSize = random.nextInt(6) == 0 ? 1 + random.nextInt(2) : 0;
        this.room = random.nextInt(3) == 0 ? 30_000 : 1 + random.nextInt(random.nextBoolean() ? 20 : 300);
        this.writesWhole = random.nextBoolean();
        this.meddlers = random.nextInt(3);
        this.drains = random.nextInt(4) == 0;
        this.drainsFirst = random.nextInt(3) == 0;
        this.factoryFails = random.nextInt(30) == 0;
        this.isOfStreams = random.nextInt(8) == 0;
        this.waits = random.nextInt(5);
    }

    private static ServerOptions options(SplittableRandom random) {
        int low = new int[] {0, 0, 10, 50, 1_000}[random.nextInt(5)];
        int high = Math.max(1, low + new int[] {0, 1, 10, 60, 5_000}[random.nextInt(5)]);
        int most = high + new int[] {0, 100, 20_000, 1 << 20, 1 << 20}[random.nextInt(5)];
        boolean isShort = random.nextInt(8) == 0;
        return ServerOptions.builder()
                .maxConnections(random.nextInt(10) == 0 ? 1 : 100)
                .lowWater(low)
                .highWater(high)
                .maxPending(most)
                .maxMemory(isShort ? 64 << 10 : 1 << 30)
                .maxRemainder(64 << 10)
                .idleTimeout(Duration.ofMillis(random.nextInt(10) == 0 ? 500 : 0))
                .writeTimeout(Duration.ofMillis(isShort || random.nextInt(10) == 0 ? 300 : 0)) // a limit for those that wait for memory, too
                .lingerTimeout(Duration.ofMillis(new int[] {0, 10, 2_000}[random.nextInt(3)]))
                .offloadThreads(1 + random.nextInt(2))
                .offloadQueue(1 + random.nextInt(2))
                .build();
    }

    // ---- the beginning ------------------------------------------------------------------------------------------------------

    @Override
    public void begin() throws IOException {
        List<Listener> here = List.of(Listener.at(SteppedNetwork.address(0)));
        server = isOfStreams
                ? ThreadServer.start(here, options, stage.seams(poolSize), new StreamService(this::handle))
                : ThreadServer.start(here, options, stage.seams(poolSize), ThreadService.callbacks(this::handler));
        termination = server.termination();
        stage.network.targets(this::target);
        int clients = random.nextInt(4) == 0 ? 2 : 1;
        for (int i = 0; i < clients; i++) {
            add(new Talker(this, random.split(), null));
        }
        if (lacksThreads) {
            stage.threads.scarceAfter(random.nextInt(8));
        }
        if (drains) {
            SplittableRandom chance = random.split();
            stepper.spawn("drainer", () -> {
                stepper.await("a connection", () -> isCalm() || !conversations.isEmpty() || !streams.isEmpty());
                waitAWhile(chance);
                drain(Duration.ofMillis(chance.nextInt(8) == 0 ? chance.nextInt(2) * 100 : 3_600_000));
            });
        }
        for (int i = 0; i < meddlers; i++) {
            SplittableRandom chance = random.split();
            int writer = i + 1;
            stepper.spawn("user", () -> meddle(chance, writer));
        }
    }

    private void handle(InputStream in, OutputStream out, SocketAddress remote) throws IOException {
        StreamTalk talk = new StreamTalk(this, random.split(), byAddress.get(remote));
        streams.add(talk);
        talk.handle(in, out);
    }

    private Handler handler(Connection connection) {
        return meet(connection, false);
    }

    private Conversation meet(Connection connection, boolean isOutbound) {
        if (factoryFails && !isCalm() && random.nextBoolean()) {
            factoryFailures++;
            throw new IllegalStateException("no handler, on purpose");
        }
        Conversation conversation = new Conversation(this, random.split(), conversations.size(), isOutbound);
        conversation.self = connection;
        conversation.peer = byAddress.get(connection.remoteAddress());
        if (conversation.peer != null) {
            conversation.peer.conversation = conversation;
        }
        conversations.add(conversation);
        return conversation;
    }

    private void add(Talker talker) {
        talkers.add(talker);
        stepper.add(talker);
    }

    /** A peer connects to the server; null if that does not listen any more. */
    Line connect(Talker talker) {
        Line line = stage.network.connect(room, writesWhole);
        if (line != null) {
            byAddress.put(line.peer, talker);
        }
        return line;
    }

    /** A handler connects to a peer that is there, or to an address where none listens. */
    void connectFrom(Connection self) {
        if (outbound++ < 2) {
            Duration timeout = Duration.ofMillis(random.nextInt(3) * 100L);
            self.connect(SteppedNetwork.address(100 + outbound), timeout, other -> meet(other, true));
        }
    }

    private Line target(InetSocketAddress address) {
        if (random.nextInt(4) == 0) {
            return null;
        }
        Line line = stage.network.line(room, writesWhole);
        Talker talker = new Talker(this, random.split(), line);
        byAddress.put(address, talker);
        conversations.stream().filter(each -> each.self.remoteAddress().equals(address)).forEach(each -> each.peer = talker);
        add(talker);
        return line;
    }

    // ---- threads of the user's ----------------------------------------------------------------------------------------------

    private void meddle(SplittableRandom chance, int writer) {
        for (int i = chance.nextInt(5); i >= 0 && !isCalm(); i--) {
            if (chance.nextInt(5) == 0) {
                waitAWhile(chance);
            }
            if (chance.nextInt(24) == 0) {
                ServerStats stats = server.stats();
                stepper.check(stats.open() >= 0 && stats.pending() >= 0, "the books of the moment");
            }
            if (chance.nextInt(24) == 0) {
                drain(Duration.ofMillis(new int[] {0, 100, 3_600_000}[chance.nextInt(3)]));
                continue;
            }
            stepper.await("a connection", () -> isCalm() || !conversations.isEmpty());
            if (!isCalm() && !conversations.isEmpty()) {
                conversations.get(chance.nextInt(conversations.size())).meddle(chance, writer);
            }
        }
    }

    private void waitAWhile(SplittableRandom chance) {
        stepper.await("user's time", this::isCalm, stepper.nowNs() + chance.nextInt(200) * 1_000_000L);
    }

    private void drain(Duration timeout) {
        if (drainAsked == Integer.MAX_VALUE) {
            drainAsked = stepper.steps();
            drainAskedNs = stepper.nowNs();
            talkers.forEach(talker -> arrivedBeforeDrain.put(talker, talker.sent()));
        }
        drainDeadlineNs = Math.min(drainDeadlineNs, stepper.nowNs() + timeout.toNanos());
        server.drain(timeout);
    }

    // ---- what is so ---------------------------------------------------------------------------------------------------------

    /** Whether sockets take much at a time. */
    boolean isWide() {
        return room >= 30_000;
    }

    /** The most bytes of a large write. */
    int large() {
        int most = isWide() ? 40_000 : Math.min(30 * room, 300);
        return isOfStreams ? Math.min(most, 10 * options.maxPending()) : most; // they leave in slices of half of that
    }

    boolean isCalm() {
        return phase != Phase.LIVELY;
    }

    boolean isTerminated() {
        return termination.isDone();
    }

    boolean isDraining() {
        return drainAsked != Integer.MAX_VALUE;
    }

    int drainAsked() {
        return drainAsked;
    }

    /** Whether a connection may be lost without its peer's doing. */
    boolean mayLose() {
        return isDraining() || isScarce || options.idleTimeout().toNanos() > 0 || options.writeTimeout().toNanos() > 0 || isUnderPressure();
    }

    boolean isUnderPressure() {
        return options.maxMemory() < 1 << 20;
    }

    boolean isPastDrain() {
        return stepper.nowNs() - drainDeadlineNs >= 0;
    }

    long drainAskedNs() {
        return drainAskedNs;
    }

    int arrivedBeforeDrain(Talker talker) {
        return arrivedBeforeDrain.getOrDefault(talker, 0);
    }

    boolean isOffloading() {
        return conversations.stream().anyMatch(each -> each.offloadsLeft() > 0);
    }

    long sent() {
        return talkers.stream().mapToLong(Talker::sent).sum();
    }

    long written() {
        return conversations.stream().mapToLong(Conversation::written).sum() + streams.stream().mapToLong(StreamTalk::written).sum();
    }

    /** Deadlines of connections judge threads that are given the processor: see {@link #BYTES_IN_HAND}. */
    @Override
    public boolean mayHurry() {
        return !isCalm() && (!BYTES_IN_HAND || options.idleTimeout().isZero() && options.writeTimeout().isZero());
    }

    @Override
    public int mostSteps() {
        return MOST_STEPS + STEPS_A_BYTE * (int) (written() + sent());
    }

    // ---- when no thread can go on ----------------------------------------------------------------------------------------------

    @Override
    public Stepper.Next quiet(boolean mayWait) {
        for (Conversation each : conversations) {
            String amiss = each.whatIsAmiss();
            stepper.check(amiss == null, amiss);
        }
        for (StreamTalk each : streams) {
            String amiss = each.whatIsAmiss();
            stepper.check(amiss == null, amiss);
        }
        if (phase == Phase.LIVELY) {
            if (mayWait && waits-- > 0) {
                return Stepper.Next.WAIT;
            }
            phase = Phase.CALM;
            calmNs = stepper.nowNs();
            stepper.tell("all calm down");
            stepper.spawn("calm", this::calmDown);
            return Stepper.Next.GO_ON;
        }
        boolean isWaiting = stepper.nowNs() - calmNs < CALM_NS;
        if (phase == Phase.CALM && conversations.stream().allMatch(Conversation::isClosed) && streams.stream().allMatch(StreamTalk::hasEnded)) {
            phase = Phase.LAST;
            stepper.spawn("last", () -> drain(Duration.ofHours(1)));
            return Stepper.Next.GO_ON;
        }
        return mayWait && isWaiting ? Stepper.Next.WAIT : Stepper.Next.END;
    }

    private void calmDown() {
        if (drainsFirst) {
            drain(Duration.ofHours(1));
        }
        for (int i = 0; i < conversations.size(); i++) {
            conversations.get(i).calmDown();
        }
    }

    @Override
    public void check() {
        for (Conversation each : conversations) {
            stepper.check(each.isClosed(), "onClose has not come");
            stepper.check(each.offloadsLeft() == 0, "an offloaded task was not run");
            String lost = each.whatIsLost();
            stepper.check(lost == null, lost);
        }
        for (StreamTalk each : streams) {
            stepper.check(each.hasEnded(), "a stream's handler has not returned");
            String lost = each.whatIsLost();
            stepper.check(lost == null, lost);
        }
        stepper.check(termination.isDone() && !termination.isCompletedExceptionally(), "the server has not ended");
        DrainReport report = termination.join();
        stepper.check(report.flushed() + report.cut() == report.connections() && report.flushed() >= 0, "the drain's report");
        ServerStats stats = server.stats();
        stepper.check(stats.open() == 0, "opened is not closed");
        stepper.check(stats.pending() == 0, "enqueued is not written and discarded");
        stepper.check(isScarce || server.loop().failures() == 0, "a failure has reached the loop");
        stepper.check(stats.get(ServerStats.Counter.WAITING) == 0, "a connection waits");
        long dropped = conversations.stream().mapToLong(Conversation::dropped).sum();
        long untold = conversations.stream().mapToLong(Conversation::untold).sum();
        long told = stats.get(ServerStats.Counter.DROPPED_TASKS);
        stepper.check(told >= dropped && told <= dropped + untold, "dropped tasks are miscounted");
        long failures = conversations.stream().mapToLong(Conversation::failures).sum() + factoryFailures
                + streams.stream().filter(StreamTalk::hasThrown).count();
        stepper.check(stats.get(ServerStats.Counter.HANDLER_FAILURES) >= failures, "failures are miscounted");
        stepper.check(isScarce || stats.get(ServerStats.Counter.HANDLER_FAILURES) == failures, "something failed that should not");
        stage.checkThatNothingIsLeft();
    }

    @Override
    public String toString() {
        StringBuilder state = new StringBuilder("phase " + phase + ", pool " + poolSize + ", room " + room + (writesWhole ? ", whole" : "") + "\n" + options);
        conversations.forEach(each -> state.append("\n  ").append(each.state()));
        return state.toString();
    }
}
