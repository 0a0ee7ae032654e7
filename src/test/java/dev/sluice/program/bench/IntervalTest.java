package dev.sluice.program.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Ratios of rounds, their interval, and the order in which rounds are measured. */
class IntervalTest {

    @Test
    void isStudentsOverLogarithms() {
        Interval interval = Interval.of(1, 2, 4);
        assertEquals(2, interval.median(), 1e-12);
        double half = 4.303 * Math.log(2) / Math.sqrt(3);
        assertEquals(Math.exp(Math.log(2) - half), interval.low(), 1e-9);
        assertEquals(Math.exp(Math.log(2) + half), interval.high(), 1e-9);
        assertEquals(3, interval.rounds());
    }

    @Test
    void orderAndDirectionDoNotMatter() {
        Interval there = Interval.of(1.1, 0.9, 1.3, 1.2);
        Interval back = Interval.of(1 / 1.2, 1 / 1.3, 1 / 0.9, 1 / 1.1);
        assertEquals(there.low(), 1 / back.high(), 1e-12);
        assertEquals(there.median(), 1 / back.median(), 1e-12);
    }

    @Test
    void holdsTheTruthInNineteenOfTwentyCases() {
        Random random = new Random(7);
        for (int rounds : new int[] {2, 3, 6, 40}) {
            int held = 0;
            for (int i = 0; i < 4_000; i++) {
                double[] ratios = random.doubles(rounds).map(ignored -> 1.5 * Math.exp(0.1 * random.nextGaussian())).toArray();
                Interval interval = Interval.of(ratios);
                held += interval.low() <= 1.5 && 1.5 <= interval.high() ? 1 : 0;
            }
            assertEquals(0.95, held / 4_000.0, 0.02, rounds + " rounds");
        }
    }

    @Test
    void withoutTwoRoundsThereIsNone() {
        assertFalse(Interval.of(1.5).isKnown());
        assertEquals(new Interval(1.5, 1.5, 1.5, 1), Interval.of(1.5, Double.NaN));
        assertTrue(Double.isNaN(Interval.of().median()));
        assertEquals(0, Interval.of(Double.NaN).rounds());
    }

    @Test
    void overlapIsMutual() {
        Interval one = new Interval(1.1, 1, 1.2, 3);
        assertTrue(one.overlaps(new Interval(1.3, 1.2, 1.4, 3)));
        assertTrue(new Interval(1.3, 1.2, 1.4, 3).overlaps(one));
        assertFalse(one.overlaps(new Interval(1.3, 1.21, 1.4, 3)));
        assertTrue(one.overlaps(new Interval(1.1, 1.1, 1.1, 0)));
    }

    @Test
    void everyEngineStandsOnceAtEachPlace() {
        List<String> engines = List.of("a", "b", "c", "d", "e");
        for (long seed = 0; seed < 50; seed++) {
            Set<String> seen = new HashSet<>();
            for (int round = 0; round < engines.size(); round++) {
                List<String> row = Order.of(engines, round, seed);
                assertEquals(Set.copyOf(engines), Set.copyOf(row));
                for (int place = 0; place < row.size(); place++) {
                    assertTrue(seen.add(row.get(place) + place));
                }
                assertEquals(row, Order.of(engines, round, seed), "a seed repeats it");
            }
        }
        assertTrue(Order.of(List.of(), 3, 1).isEmpty());
    }
}
