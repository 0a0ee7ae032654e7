package dev.sluice.program.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A comparison of engines. Every measurement has a server and a load generator in fresh JVMs of their own. Engines take turns within each
 * round, so that all of them meet the machine in the same state. The method is that of wrk2 (planned times), nanobench (interleaving) and
 * JMH (forks).
 */
public final class Bench {

    /** The share of the machine that other processes' user time may take before a measurement is repeated: a tenth. */
    public static final double OTHERS = 0.1;

    /** The flags of a server's JVM: every engine has the same heap and the same collector. */
    public static final List<String> SERVER_FLAGS = List.of("-Xms512m", "-Xmx512m", "-XX:+UseG1GC", "-Djdk.nio.maxCachedBufferSize=262144");

    private static final List<String> LOAD_FLAGS = List.of("-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-Djdk.nio.maxCachedBufferSize=262144");
    private static final Duration START = Duration.ofSeconds(30);
    private static final Duration SLACK = Duration.ofSeconds(60);

    /** Hears of each measurement, on the thread that runs the comparison. */
    public interface Observer {
        /**
         * A measurement is about to be made.
         *
         * @param what engine, cell and round, in words
         */
        void begins(String what);

        /**
         * The measurement has been made.
         *
         * @param tookMs milliseconds
         */
        void done(long tookMs);
    }

    private BenchPlan plan;
    private final JavaHome serverJava;
    private final Observer observer;
    private final Map<String, String> leftOut = new LinkedHashMap<>();
    private final List<Round> rounds = new ArrayList<>();
    private final List<IdlePoint> idle = new ArrayList<>();
    private volatile boolean stopped;

    /** The process that the comparison waits for. */
    private volatile Forked running;

    /**
     * Prepares a comparison.
     *
     * @param plan       engines, cells and rounds
     * @param serverJava the Java that servers run on
     * @param observer   hears of each measurement
     */
    public Bench(BenchPlan plan, JavaHome serverJava, Observer observer) {
        this.plan = plan;
        this.serverJava = serverJava;
        this.observer = observer;
    }

    /** Any thread. Gives up the measurement that runs; the result has those made before. */
    public void stop() {
        stopped = true;
        Forked awaited = running;
        if (awaited != null) {
            awaited.kill();
        }
    }

    /** Notes the process that the comparison waits for next, so that {@link #stop} ends it. */
    private Forked begun(Forked process) {
        running = process;
        if (stopped) { // while it was started: nothing else ends it
            process.kill();
        }
        return process;
    }

    /**
     * Runs the comparison to its end.
     *
     * @param date    the time for the report
     * @param command the command that repeats it
     * @return everything measured
     * @throws InterruptedException if the thread is interrupted
     */
    public BenchResult run(String date, String command) throws InterruptedException {
        Host host = Host.here();
        for (String engine : plan.engines()) {
            if (!stopped) {
                check(engine);
            }
        }
        plan = plan.without(leftOut.keySet());
        for (Cell cell : plan.cells()) {
            for (int round = 0; round < plan.rounds(); round++) {
                measure(cell, round);
            }
        }
        for (String engine : plan.engines()) {
            for (int count : plan.idle(engine)) {
                if (!stopped) {
                    measureIdle(engine, count);
                }
            }
        }
        return new BenchResult(
                date, command, host, serverJava, JavaHome.here(), SERVER_FLAGS, plan, stopped, Map.copyOf(leftOut), List.copyOf(rounds), List.copyOf(idle));
    }

    /** Leaves out an engine that cannot run or gets an echo wrong, and notes the reason. */
    private void check(String engine) throws InterruptedException {
        observer.begins("checking " + engine);
        long start = System.nanoTime();
        String wrong;
        try (Forked server = server(engine)) {
            wrong = Conformance.check(port(server));
            wrong = wrong == null ? null : "fails the conformance check: " + wrong;
        } catch (IOException e) {
            wrong = e.getMessage();
        }
        if (wrong != null && !stopped) { // else we may have ended it ourselves
            leftOut.put(engine, wrong);
        }
        done(start);
    }

    private void measure(Cell cell, int round) throws InterruptedException {
        List<BenchPlan.Entry> order = Order.of(plan.entries(cell), round, plan.seed());
        for (int place = 0; place < order.size() && !stopped; place++) {
            BenchPlan.Entry entry = order.get(place);
            observer.begins(entry.engine() + ", " + cell + ", round " + (round + 1));
            long start = System.nanoTime();
            Round measured = measure(cell, entry, round, place, 0);
            for (int attempt = 1; attempt <= plan.repetitions() && measured.disturbed() && !stopped; attempt++) {
                measured = measure(cell, entry, round, place, attempt);
            }
            if (!stopped) {
                rounds.add(measured);
                done(start);
            }
        }
    }

    private Round measure(Cell cell, BenchPlan.Entry entry, int round, int place, int attempt) throws InterruptedException {
        try (Forked server = server(entry.engine())) {
            LoadPlan load = new LoadPlan(
                    "127.0.0.1", port(server), cell.connections(), cell.size(), cell.pipeline(), plan.warmUpMs(), plan.durationMs(), plan.rate(),
                    Expect.ECHO, server.pid());
            LoadResult result;
            try (Forked generator = begun(Forked.start(JavaHome.here().java(), LOAD_FLAGS, LoadProcess.class, "load"))) {
                generator.tell(Json.line(load));
                Duration patience = SLACK.plusMillis(plan.warmUpMs() + plan.durationMs());
                result = Json.read(generator.await("RESULT", patience), LoadResult.class);
            }
            double others = others(result);
            return new Round(
                    cell, entry.engine(), entry.control(), round, place, attempt, others > OTHERS, others, result,
                    Host.ofProcess(server.pid(), "VmHWM"), null);
        } catch (IOException e) {
            return new Round(cell, entry.engine(), entry.control(), round, place, attempt, false, -1, null, -1, e.getMessage());
        }
    }

    private static double others(LoadResult result) {
        long ns = result.usage().othersNs();
        return ns < 0 ? -1 : ns / 1e9 / result.seconds() / Runtime.getRuntime().availableProcessors();
    }

    private void measureIdle(String engine, int count) throws InterruptedException {
        observer.begins(engine + ", " + count + " idle connections");
        long start = System.nanoTime();
        IdlePoint measured = hold(engine, count);
        if (!stopped) {
            idle.add(measured);
            done(start);
        }
    }

    private IdlePoint hold(String engine, int count) throws InterruptedException {
        try (Forked server = server(engine)) {
            int port = port(server);
            if (count == 0) {
                return memory(server, engine, 0);
            }
            try (Forked holder = begun(Forked.start(JavaHome.here().java(), LOAD_FLAGS, LoadProcess.class, "hold"))) {
                holder.tell(Json.line(new LoadPlan("127.0.0.1", port, count, 64, 1, 0, 1, 0, Expect.ECHO, 0)));
                int open = Integer.parseInt(holder.await("OPEN", SLACK));
                if (open < count) {
                    return new IdlePoint(engine, count, -1, -1, -1, "it held " + open + " of them");
                }
                return memory(server, engine, count);
            }
        } catch (IOException e) {
            return new IdlePoint(engine, count, -1, -1, -1, e.getMessage());
        }
    }

    private static IdlePoint memory(Forked server, String engine, int count) throws IOException, InterruptedException {
        server.tell("memory");
        long heap = Long.parseLong(server.await("HEAP", SLACK));
        return new IdlePoint(engine, count, heap, Host.ofProcess(server.pid(), "VmRSS"),
                (int) Host.ofProcess(server.pid(), "Threads"), null);
    }

    private Forked server(String engine) throws IOException {
        return begun(Forked.start(serverJava.java(), SERVER_FLAGS, ServerProcess.class, engine));
    }

    private static int port(Forked server) throws IOException, InterruptedException {
        return Integer.parseInt(server.await("READY", START));
    }

    private void done(long startNs) {
        observer.done((System.nanoTime() - startNs) / 1_000_000);
    }
}
