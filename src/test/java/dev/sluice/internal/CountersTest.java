package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/** Counters that are read while their owner counts on. */
class CountersTest {

    private enum Step { CAUSE, EFFECT }

    /** A sum during which something is counted, between each counter and the next. */
    private static final class Interrupted extends EnumMap<Step, Long> {
        private static final long serialVersionUID = 1;
        private final transient Runnable meanwhile;

        Interrupted(Runnable meanwhile) {
            super(Step.class);
            this.meanwhile = meanwhile;
        }

        @Override
        public Long merge(Step key, Long value, BiFunction<? super Long, ? super Long, ? extends Long> function) {
            Long sum = super.merge(key, value, function);
            meanwhile.run();
            return sum;
        }
    }

    @Test
    void noEffectIsSeenWithoutItsCause() {
        for (Counters counters : List.of(new Counters(Step.class), Counters.shared(Step.class))) {
            Map<Step, Long> sum = new Interrupted(() -> {
                counters.increment(Step.CAUSE);
                counters.increment(Step.EFFECT);
            });
            counters.addTo(sum, Step.class);
            assertTrue(sum.get(Step.CAUSE) >= sum.get(Step.EFFECT), sum.toString());
            assertEquals(2, counters.get(Step.EFFECT));
        }
    }
}
