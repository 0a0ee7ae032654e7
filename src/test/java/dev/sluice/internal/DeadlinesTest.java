package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.sluice.harness.Seed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Deadlines come due in order, also when they are moved and cancelled. */
class DeadlinesTest {

    private static final class Entry extends Deadlines.Entry {
        @Override
        public void expired(long nowNs) {}
    }

    private final Deadlines deadlines = new Deadlines();

    @Test
    void shouldGiveTheEarliestFirstWhateverIsSetMovedOrRemoved() {
        Random random = new Random(Seed.VALUE);
        List<Entry> entries = new ArrayList<>();
        TreeMap<Long, Entry> model = new TreeMap<>();
        long origin = Long.MAX_VALUE - 1_000; // the times wrap around
        for (int i = 0; i < 50_000; i++) {
            Entry entry;
            if (entries.isEmpty() || random.nextInt(3) == 0) {
                entry = new Entry();
                entries.add(entry);
            } else {
                entry = entries.get(random.nextInt(entries.size()));
            }
            model.values().remove(entry);
            if (random.nextInt(4) == 0) {
                deadlines.remove(entry);
                assertFalse(entry.isSet());
            } else {
                long offset;
                do {
                    offset = random.nextInt(1_000_000);
                } while (model.containsKey(offset));
                model.put(offset, entry);
                deadlines.set(entry, origin + offset);
            }
            if (entries.size() > 200) {
                entries.clear();
            }
            assertEquals(model.size(), deadlines.size());
            assertSame(model.isEmpty() ? null : model.firstEntry().getValue(), deadlines.first());
        }
        while (!model.isEmpty()) {
            assertSame(model.pollFirstEntry().getValue(), deadlines.first());
            deadlines.remove(deadlines.first());
        }
        assertNull(deadlines.first());
    }

    @Test
    void shouldBoundEveryDuration() {
        assertEquals(0, Deadlines.nanos(Duration.ofSeconds(Long.MIN_VALUE)));
        assertEquals(0, Deadlines.nanos(Duration.ofNanos(-1)));
        assertEquals(1_500_000_001, Deadlines.nanos(Duration.ofNanos(1_500_000_001)));
        assertEquals(Long.MAX_VALUE / 2, Deadlines.nanos(Duration.ofSeconds(Long.MAX_VALUE)));
    }
}
