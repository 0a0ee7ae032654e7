package dev.sluice.program.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.program.bench.Comparison.Metric;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A verdict never goes beyond what was measured. */
class VerdictTest {

    private static String verdict(Measured measured) {
        return String.join("\n", new Verdict(measured.result()).sentences());
    }

    @Test
    void crossoverIsSaidWhereItLies() {
        String verdict = verdict(Measured.of(3, List.of(1, 64, 1024), "reactor", "threads")
                .cost("reactor", 1, 10).cost("reactor", 64, 10).cost("reactor", 1024, 10)
                .cost("threads", 1, 8).cost("threads", 64, 10).cost("threads", 1024, 20));
        assertTrue(verdict.startsWith("threads, against reactor: 0.80 times the CPU for a request ("), verdict);
        assertTrue(verdict.contains("at 1 connection; 2.00 times"), verdict);
        assertTrue(verdict.contains("at 1,024 connections; no difference that could be told from noise at 64 connections."), verdict);
        assertTrue(verdict.contains("reactor becomes the cheaper one between 1 and 1,024 connections."), verdict);
    }

    @Test
    void noiseIsNoDifference() {
        String verdict = verdict(Measured.of(3, List.of(1, 64), "reactor", "virtual")
                .cost("reactor", 1, 10).cost("reactor", 64, 10).cost("virtual", 1, 10.1).cost("virtual", 64, 9.95));
        assertEquals("virtual, against reactor: no difference that could be told from noise at 1 and 64 connections. Either will do.", verdict);
    }

    @Test
    void oneEngineThatIsCheaperEverywhereIsCalledSo() {
        assertTrue(verdict(Measured.of(3, List.of(1, 64), "reactor", "virtual")
                        .cost("reactor", 1, 10).cost("reactor", 64, 10).cost("virtual", 1, 20).cost("virtual", 64, 30))
                .endsWith("reactor is the cheaper one at every number of connections that was tried."));
        assertTrue(verdict(Measured.of(3, List.of(1, 64), "reactor", "netty")
                        .cost("reactor", 1, 10).cost("reactor", 64, 10).cost("netty", 1, 5).cost("netty", 64, 6))
                .endsWith("netty is the cheaper one at every number of connections that was tried."), "losses are shown like wins");
    }

    @Test
    void smokeTestAndSingleRoundSayNothing() {
        Measured measured = Measured.of(1, List.of(1), "reactor", "threads").cost("reactor", 1, 10).cost("threads", 1, 50);
        assertTrue(verdict(measured).startsWith("One round has no interval"));
        assertTrue(verdict(measured.quick()).startsWith("This was a smoke test"));
    }

    @Test
    void roundsWithErrorsCountInNoRatio() {
        BenchResult result = Measured.of(3, List.of(1), "reactor", "threads").cost("reactor", 1, 10).errors("threads", 1, 1).result();
        Comparison.Line threads = new Comparison(result).lines(new Cell(1, 64, 1)).get(1);
        assertEquals(0, threads.cpu().rounds());
        assertTrue(Double.isNaN(threads.rate()));
        assertEquals(List.of("9 errors, left out of ratios"), threads.notes());
        assertEquals("There is nothing to compare reactor with.", String.join("\n", new Verdict(result).sentences()));
    }

    @Test
    void idleConnectionsCostTheSlope() {
        Measured measured = Measured.of(3, List.of(1), "reactor", "threads")
                .cost("reactor", 1, 10).cost("threads", 1, 10).idle("reactor", 800).idle("threads", 9_000);
        assertEquals(800, new Comparison(measured.result()).idle().get(0).heapBytes(), 1e-6);
        assertTrue(verdict(measured).contains("An idle connection costs 800 bytes of heap (1,5"), verdict(measured));
    }

    @Test
    void noiseFloorIsWhatTheFirstEngineDiffersByFromItself() {
        Interval noise = new Comparison(Measured.of(3, List.of(1), "reactor").cost("reactor", 1, 10).result()).noise(Metric.CPU);
        assertEquals(3, noise.rounds());
        assertEquals(0.980, noise.low(), 0.001);
        assertEquals(1.015, noise.high(), 0.001);
    }

    @Test
    void limitIsMissedOnlyForSure() {
        BenchResult result = Measured.of(3, List.of(1), "reactor", "netty").cost("reactor", 1, 10).cost("netty", 1, 10).result();
        assertEquals(List.of(), Limit.missed(result, 1.0));
        assertEquals(1, Limit.missed(result, 1.1).size());
        assertTrue(Limit.missed(result, 1.1).get(0).startsWith("reactor makes 1.00 times the requests/s of netty"));
    }

    @Test
    void resultWithoutAComparisonHasNotKeptALimit() {
        BenchResult result = Measured.of(3, List.of(1), "reactor", "netty").cost("reactor", 1, 10).errors("netty", 1, 10).result();
        assertEquals(1, Limit.missed(result, 0.1).size());
        assertTrue(Limit.missed(result, 0.1).get(0).contains("cannot be compared with netty"), Limit.missed(result, 0.1).toString());
    }

    @Test
    void poolIsNotAskedForMoreThanItsWorkers() {
        BenchPlan plan = Measured.of(1, List.of(1, 12, 13), "reactor", "pool", "pool:40").result().plan();
        assertEquals(List.of(13), plan.beyond("pool"));
        assertEquals(List.of(), plan.beyond("pool:40"));
        assertEquals(4, plan.entries(new Cell(12, 64, 1)).size());
        assertEquals(3, plan.entries(new Cell(13, 64, 1)).size());
        assertEquals(List.of("pool"), plan.without(List.of("reactor", "pool:40")).engines());
    }
}
