package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The memory that the queues of all connections share. */
class MemoryBudgetTest {

    private final MemoryBudget pressure = new MemoryBudget(1_000, 80_000);

    @ParameterizedTest
    @CsvSource({"0, 1000", "60000, 1000", "70000, 500", "79990, 0", "80000, 0", "90000, 0"})
    void readMarkFallsOverTheLastQuarter(long held, long mark) {
        assertEquals(mark, pressure.readMark(held));
    }

    /** The longest marks and limits there are: half of the last quarter is left. */
    @ParameterizedTest
    @CsvSource({"1073741824, 1125899906842624", "1073741824, 137438953472", "65536, 1125899906842624"})
    void readMarkOfLargeLimits(int highWater, long limit) {
        assertEquals(highWater / 2, new MemoryBudget(highWater, limit).readMark(limit - limit / 8));
    }

    @ParameterizedTest
    @CsvSource({"80000, false", "80001, true"})
    void limitIsTheLastThatIsAllowed(long held, boolean over) {
        assertEquals(over, pressure.isOver(held));
        assertFalse(pressure.isOver(0));
        assertTrue(pressure.isOver(Long.MAX_VALUE));
    }
}
