package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.ServerObserver.Refusal;
import dev.sluice.ServerOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The memory that all connections of a server share. */
class MemoryBudgetTest {

    private long held;

    private MemoryBudget budget(int highWater, long limit) {
        MemoryBudget budget = new MemoryBudget(limit, highWater, 100);
        budget.add(() -> held);
        return budget;
    }

    @ParameterizedTest
    @CsvSource({"0, 1000", "59999, 1000", "60000, 1000", "67500, 500", "74990, 0", "75000, 0", "80000, 0", "90000, 0"})
    void readMarkFallsFromThreeQuartersToTheLastSixteenth(long held, long mark) {
        this.held = held;
        assertEquals(mark, budget(1_000, 80_000).readMark());
    }

    /** The longest marks and limits there are: half of the room that the mark falls over is left. */
    @ParameterizedTest
    @CsvSource({"1073741824, 1125899906842624", "1073741824, 137438953472", "65536, 1125899906842624"})
    void readMarkOfLargeLimits(int highWater, long limit) {
        held = limit / 32 * 27;
        assertEquals(highWater / 2, budget(highWater, limit).readMark());
    }

    /** A high water mark that is larger than what is left would let one connection take more than there is. */
    @Test
    void readMarkIsNoMoreThanTheRoom() {
        held = 70_000;
        assertEquals(5_000, budget(1 << 30, 80_000).readMark());
    }

    @ParameterizedTest
    @CsvSource({"59999, false, false", "60000, true, false", "80000, true, false", "80001, true, true"})
    void memoryIsShortFromThreeQuartersAndOverAboveTheLimit(long held, boolean isShort, boolean isOver) {
        this.held = held;
        MemoryBudget budget = budget(1_000, 80_000);
        assertEquals(isShort, budget.isShort());
        assertEquals(isShort, budget.excess() > 0, "as long as it is short, some is to be given back");
        assertEquals(isOver, budget.isOver());
    }

    @Test
    void accountsOfAllLoopsAndWhatConnectionsNeedAtLeastAddUp() {
        MemoryBudget budget = budget(1_000, 80_000);
        budget.add(() -> 5);
        held = 7;
        budget.enter();
        budget.enter();
        budget.enter();
        budget.leave();
        assertEquals(5 + 7 + 200, budget.held());
        assertFalse(budget.isAboveShare(39_900));
        assertTrue(budget.isAboveShare(39_901));
    }

    @Test
    void connectionIsLetInWhileThereIsRoomForWhatItNeedsAtLeast() {
        Admission admission = new Admission(ServerOptions.builder().maxMemory(64 << 10).maxConnections(1_000).build(), 1 << 10);
        for (int i = 0; i < 64; i++) {
            assertNull(admission.enter());
        }
        assertEquals(Refusal.MEMORY, admission.enter());
        assertEquals("the 64 open connections hold the 65536 bytes that they may", admission.text(Refusal.MEMORY));
        admission.leave(null);
        admission.budget().add(() -> held);
        assertNull(admission.enter());
        admission.leave(null);
        held = 1;
        assertNull(admission.enter(), "one of the others is to make room");
        assertTrue(admission.budget().isOver());
        assertEquals(64, admission.open());
    }

    /** 3/4 of 64 MiB / 4, for 1 KiB each. */
    @Test
    void idleConnectionsLeaveAQuarterForTheirRequests() {
        assertEquals(12_288, Admission.limit(ServerOptions.builder().maxMemory(16 << 20).build(), 1 << 10));
        assertEquals(6_144, Admission.limit(ServerOptions.builder().maxMemory(16 << 20).build(), 2 << 10));
        assertEquals(20_000, Admission.limit(ServerOptions.builder().maxMemory(16 << 20).maxConnections(20_000).build(), 2 << 10));
    }
}
