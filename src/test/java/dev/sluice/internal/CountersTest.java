package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Counters that are read while their owner counts on. */
class CountersTest {

    private enum Step { EFFECT, CAUSE }

    @Test
    void noEffectIsSeenWithoutItsCause() {
        for (Counters counters : List.of(new Counters(Step.class), Counters.shared(Step.class))) {
            Map<Step, Long> seen = new EnumMap<>(Step.class);
            counters.forEach(Step.class, (step, times) -> {
                seen.put(step, times);
                counters.increment(Step.CAUSE);
                counters.increment(Step.EFFECT);
            });
            assertTrue(seen.get(Step.CAUSE) >= seen.get(Step.EFFECT), seen.toString());
            assertEquals(2, counters.get(Step.EFFECT));
        }
    }
}
