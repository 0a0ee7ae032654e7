package dev.sluice.reactor;

import dev.sluice.Server;
import dev.sluice.ServerObserver;
import dev.sluice.internal.JfrEvents;
import dev.sluice.internal.Observation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the loops of one server from a thread of its own, and names the handler that stalls one. Twice in a threshold it sends a
 * task through each loop that is busy. If the task does not come through in time, a callback waits, or many short tasks are queued;
 * that is logged once. While every loop waits for work, so does the watchdog: an idle server has no thread that ticks.
 */
final class Watchdog {

    private static final int FRAMES = 16;
    private static final Logger LOG = LoggerFactory.getLogger(Server.class);

    private final long thresholdNs;
    private final boolean silent;
    private final Observation observation;
    private final List<Watched> loops = new ArrayList<>();
    private final Thread thread = new Thread(this::run, "sluice-watchdog");

    /** True while the watchdog may be parked without a timeout: a loop that takes up work sets it to false and wakes the watchdog. */
    private volatile boolean asleep;

    private volatile boolean ended;
    private long lookedNs;

    /**
     * Makes a watchdog that looks after nothing yet.
     *
     * @param threshold how long a task may take to come through a loop
     * @param observer  is told of stalls, unless a debugger makes them
     */
    Watchdog(Duration threshold, ServerObserver observer) {
        this(threshold, isDebugged(), observer);
    }

    Watchdog(Duration threshold, boolean silent, ServerObserver observer) {
        this.observation = new Observation(observer);
        this.thresholdNs = threshold.toNanos();
        this.silent = silent;
        this.thread.setDaemon(true);
    }

    /** A task on its way through a loop. */
    private static final class Probe implements Runnable {
        private final long sentNs;
        private final long turns;
        private volatile boolean through;

        Probe(long nowNs, long turns) {
            this.sentNs = nowNs;
            this.turns = turns;
        }

        @Override
        public void run() {
            through = true;
        }
    }

    private static final class Watched {
        private final Reactor reactor;
        private final Supplier<String> running;
        private Probe probe;
        private boolean told;

        Watched(Reactor reactor, Supplier<String> running) {
            this.reactor = reactor;
            this.running = running;
        }
    }

    /** Before it starts. The second names the handler whose callback is running. */
    void watch(Reactor reactor, Supplier<String> running) {
        loops.add(new Watched(reactor, running));
        reactor.whenAwake = this::wake;
    }

    void start() {
        lookedNs = System.nanoTime();
        thread.start();
    }

    /** Any thread. */
    void end() {
        ended = true;
        LockSupport.unpark(thread);
    }

    /** A loop's thread: it has something to do. */
    void wake() {
        if (asleep) {
            asleep = false;
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        while (!ended) {
            try {
                watch();
            } catch (Throwable t) { // no memory: it looks again
                LockSupport.parkNanos(this, thresholdNs / 2);
            }
        }
    }

    private void watch() {
        asleep = true; // then looks at the loops; a loop says that it is awake, then looks here: one sees the other
        if (loops.stream().allMatch(loop -> loop.reactor.sleeping.get() && loop.probe == null)) {
            while (asleep && !ended) {
                LockSupport.park(this);
            }
            lookedNs = System.nanoTime();
        } else {
            asleep = false;
            LockSupport.parkNanos(this, thresholdNs / 2);
        }
        look(System.nanoTime());
    }

    /** Looks at every loop once. */
    void look(long nowNs) {
        // a longer sleep than asked for means that the process was stopped, loops included: by a signal, a debugger, a collection
        boolean wasStopped = nowNs - lookedNs > thresholdNs;
        lookedNs = nowNs;
        for (Watched loop : loops) {
            Probe probe = loop.probe;
            if (loop.told && probe.through) {
                tellEnd(loop, nowNs, Duration.ofNanos(nowNs - probe.sentNs));
            }
            if (probe == null || probe.through || wasStopped) {
                loop.told = false;
                loop.probe = null;
                if (!loop.reactor.sleeping.get()) {
                    Probe sent = new Probe(nowNs, loop.reactor.stats().selects());
                    loop.probe = loop.reactor.execute(sent) ? sent : null; // else it has ended
                }
            } else if (!loop.told && nowNs - probe.sentNs >= thresholdNs) {
                loop.told = true;
                tell(loop, probe, nowNs - probe.sentNs);
            }
        }
    }

    private void tellEnd(Watched loop, long nowNs, Duration lasted) {
        Thread owner = loop.reactor.thread;
        if (!silent && owner != null) {
            observation.tell(nowNs, observer -> observer.stallEnded(owner.getName(), lasted));
        }
    }

    private void tell(Watched loop, Probe probe, long waitedNs) {
        loop.reactor.counters.increment(ReactorStats.Count.STALLS); // which this thread alone writes
        Thread owner = loop.reactor.thread;
        if (silent || owner == null) {
            return;
        }
        boolean many = loop.reactor.stats().selects() - probe.turns > 1;
        String by = many ? "many short tasks" : loop.running.get();
        JfrEvents.stalled(owner.getName(), waitedNs, by);
        Duration waited = Duration.ofNanos(waitedNs);
        observation.tell(probe.sentNs + waitedNs, observer -> observer.stalled(owner.getName(), waited, by));
        Stream<StackTraceElement> stack = many ? Stream.empty() : Stream.of(owner.getStackTrace()).limit(FRAMES);
        String trace = stack.map(frame -> "\n    at " + frame).collect(Collectors.joining());
        LOG.warn("{} has been kept for {} ms by {}{}", owner.getName(), waitedNs / 1_000_000, by, trace);
    }

    /** In a debugger, stalls are no fault. */
    private static boolean isDebugged() {
        String options = System.getenv("JAVA_TOOL_OPTIONS");
        return options != null && options.contains("jdwp")
                || ProcessHandle.current().info().arguments().stream().flatMap(Arrays::stream).anyMatch(
                        argument -> argument.startsWith("-agentlib:jdwp") || argument.startsWith("-Xrunjdwp"));
    }
}
