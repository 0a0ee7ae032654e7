package dev.sluice.reactor;

import dev.sluice.internal.Counters;
import dev.sluice.reactor.ReactorStats.Count;
import java.nio.channels.Selector;
import java.util.stream.Collectors;
import org.slf4j.Logger;

/**
 * Notices a selector that returns again and again with nothing ready, before its timeout, though it was not woken. On a
 * current JDK that is a fault of the program (a channel left in a state that is always ready); rebuilding the selector,
 * the remedy of old, cures none of these. So it counts, and says once what it saw.
 */
final class SpinGuard {

    /** Returns without progress, in a row, that are a spin. A stray wake-up makes one or two. */
    static final int SPIN = 512;

    private static final int KEYS_SHOWN = 8;

    private final Logger log;
    private final Counters counters;
    private int inARow;
    private boolean said;

    SpinGuard(Logger log, Counters counters) {
        this.log = log;
        this.counters = counters;
    }

    /** A select returned; {@code early} is without a reason. */
    void selected(boolean early, Selector selector) {
        counters.add(Count.FRUITLESS, early ? 1 : 0);
        inARow = early ? inARow + 1 : 0;
        if (inARow < SPIN || said) {
            return;
        }
        said = true;
        try {
            tell(selector);
        } catch (Throwable t) {
            // no memory, or a logger that fails: it is counted all the same
        }
    }

    private void tell(Selector selector) {
        String keys = selector.keys().stream()
                .limit(KEYS_SHOWN)
                .map(key -> key.channel() + (key.isValid() ? " interest " + key.interestOps() : " cancelled"))
                .collect(Collectors.joining(" "));
        log.warn("the selector spins: {} returns in a row with nothing ready; {} keys: {}", inARow, selector.keys().size(), keys);
    }
}
