package dev.sluice.threads;

import static org.junit.jupiter.api.Assertions.fail;

import dev.sluice.harness.MayLog;
import dev.sluice.harness.Seed;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Servers on threads in random orders of their steps, as in {@link InterleavingsTest}, each of them again and again: every allocation of
 * the engine fails once. Each connection has its last callback all the same, the books balance, and the server ends.
 * {@code -Dsluice.seed=N} repeats a finding, {@code -Dsluice.starvations=N} tries another number of schedules.
 */
@MayLog({"handler failed on", "a connection was refused", "cannot accept a connection", "a task", "a timer", "callback of a channel", "select"})
@Timeout(600)
class StarvationTest {

    private static final int SCHEDULES = Integer.getInteger("sluice.starvations", 25);

    private static final Set<String> STARVING = Set.of(
            "ThreadConnection", "CallbackLock", "ThreadContext", "HelperTask", "ConnectionThreads", "LoopStep", "StreamService",
            "PendingWork", "BlockingWrite", "Workers", "OutboundQueue", "TaskQueue", "UnreadInput", "ThreadAcceptor", "ThreadConnect", "ThreadService",
            "ThreadServer", "Admission", "MemoryBudget", "Drain", "ListenerSockets", "Reactor", "Deadlines", "ServerEnd", "Registration");

    private static boolean isStarving(String name) {
        String simple = name.substring(name.lastIndexOf('.') + 1);
        int nested = simple.indexOf('$');
        return STARVING.contains(nested < 0 ? simple : simple.substring(0, nested));
    }

    @Test
    void everyAllocationMayFail() throws Exception {
        Class<?> type = new StarvingLoader(StarvationTest::isStarving).loadClass(Starving.class.getName());
        Object starving = type.getConstructor().newInstance();
        for (int i = 0; i < SCHEDULES; i++) {
            for (int fails = 1; fails < 4; fails += 2) {
                Object finding = type.getMethod("run", long.class, int.class, int.class).invoke(starving, Seed.VALUE + i, 0, fails);
                if (finding != null) {
                    fail((String) finding);
                }
            }
        }
        System.out.println("StarvationTest: " + type.getMethod("runs").invoke(starving) + " shortages in " + SCHEDULES + " schedules");
    }
}
