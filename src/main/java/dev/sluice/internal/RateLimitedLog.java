package dev.sluice.internal;

import java.io.IOException;
import java.time.Duration;
import org.slf4j.Logger;

/**
 * A warning that a hostile peer or a broken handler can cause at will: one line a second at most, or in another time, which says how many it
 * stands for. Any thread. Logging may fail, and never harms the caller.
 */
public final class RateLimitedLog {

    private final Logger log;
    private final long intervalNs;
    private boolean logged;
    private long lastNs;
    private long suppressed;

    /**
     * Makes a log that has said nothing.
     *
     * @param log where to
     */
    public RateLimitedLog(Logger log) {
        this(log, Duration.ofSeconds(1));
    }

    RateLimitedLog(Logger log, Duration interval) {
        this.log = log;
        this.intervalNs = interval.toNanos();
    }

    /**
     * Warns, or counts.
     *
     * @param nowNs   the time
     * @param message what happened
     * @param cause   its cause; its stack trace is logged unless it is an I/O error
     */
    public void warn(long nowNs, String message, Throwable cause) {
        try {
            long others = takeTurn(nowNs);
            if (others < 0) {
                return;
            }
            String text = others == 0 ? message : message + " (and " + others + " more like it)";
            if (cause instanceof IOException) {
                log.warn("{}: {}", text, cause.toString()); // the world's fault, which a trace of ours does not explain
            } else {
                log.warn(text, cause);
            }
        } catch (Throwable t) {
            // a logger that fails, or no memory for the line: the fault itself is counted elsewhere
        }
    }

    /** How many others a line stands for that is due now; -1 for one that is not, and is counted. The line itself is written outside. */
    private synchronized long takeTurn(long nowNs) {
        if (logged && nowNs - lastNs < intervalNs) {
            suppressed++;
            return -1;
        }
        long others = suppressed;
        logged = true;
        lastNs = nowNs;
        suppressed = 0;
        return others;
    }
}
