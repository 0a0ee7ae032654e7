package dev.sluice.fault;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.fault.StarvedProcess.Defect;
import dev.sluice.fault.StarvedProcess.Ending;
import dev.sluice.harness.Seed;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A server whose JVM runs out of memory loses no connection: each has its last callback, the books balance, and when there is memory
 * again it serves. Or it says in a line that it cannot go on, and its process ends with status 1. A virtual thread that Java itself has
 * lost is no defect of the server: its connection stays, and the thread dump shows it (seen on Java 25).
 *
 * <p>{@code -Dsluice.starved=200} tries so many seeds on each engine, {@code -Dsluice.starved.java=HOME} another Java. The seed decides what
 * is done; the threads and the collector decide when.
 */
class StarvedServerTest {

    private static final int SEEDS = Integer.getInteger("sluice.starved", 0);

    static {
        if (SEEDS == 0) {
            System.out.println("servers whose memory is full to the last bytes: not run, -Dsluice.starved=N tries N seeds on each engine");
        }
    }

    static List<String> engines() {
        String chosen = System.getProperty("sluice.engine");
        return Stream.of("reactor", "sub-reactors", "callers-reactor", "threads", "pool", "virtual")
                .filter(engine -> chosen == null ? !engine.equals("virtual") || Runtime.version().feature() >= 21 : engine.equals(chosen))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("engines")
    void wantOfMemoryLosesNoConnection(String engine) throws Exception {
        assumeTrue(SEEDS > 0, "no seed is asked for");
        List<String> defects = new ArrayList<>();
        int failed = 0;
        int lost = 0;
        for (int i = 0; i < SEEDS; i++) {
            try {
                failed += StarvedProcess.run(engine, Seed.VALUE + i) == Ending.FAILED ? 1 : 0;
            } catch (Defect e) {
                if (e.isOfJava) {
                    lost++;
                } else {
                    defects.add(e.getMessage());
                }
            }
        }
        if (SEEDS > 0) {
            System.out.println("starved " + engine + ": " + SEEDS + " seeds, " + failed + " ended with status 1, " + lost + " in which Java lost a virtual thread, " + defects.size() + " defects");
        }
        if (!defects.isEmpty()) {
            fail(defects.size() + " of " + SEEDS + " seeds: " + String.join("\n\n", defects));
        }
    }
}
