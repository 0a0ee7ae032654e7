package dev.sluice.program.bench;

import java.util.EnumMap;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * What a load has seen. A request belongs to the measured time if its planned time does, whenever its answer comes; an answer
 * counts for the rate if it comes within it. Belongs to the loop.
 */
final class Tally {

    /** Three digits, up to an hour. */
    private static final long LONGEST_NS = 3_600_000_000_000L;

    private final Histogram fromPlan = new Histogram(LONGEST_NS, 3);
    private final Histogram fromSending = new Histogram(LONGEST_NS, 3);
    private final Map<LoadError, Long> errors = new EnumMap<>(LoadError.class);
    private long fromNs = Long.MAX_VALUE;
    private long toNs = Long.MAX_VALUE;
    private Throwable firstCause;
    private long answered;
    private long outstanding;

    /** Sets what is measured; times of the same clock, before the first request. */
    void measure(long fromNs, long toNs) {
        this.fromNs = fromNs;
        this.toNs = toNs;
    }

    /** The measured time ends now, earlier than was said. */
    void endAt(long nowNs) {
        toNs = Math.max(fromNs, Math.min(toNs, nowNs));
    }

    /** When the measured time ends, or has ended. */
    long endNs() {
        return toNs;
    }

    private boolean isMeasured(long timeNs) {
        return timeNs - fromNs >= 0 && timeNs - toNs < 0;
    }

    void planned(long plannedNs) {
        if (isMeasured(plannedNs)) {
            outstanding++;
        }
    }

    void answered(long plannedNs, long sentNs, long nowNs) {
        if (isMeasured(nowNs)) {
            answered++;
        }
        if (isMeasured(plannedNs)) {
            outstanding--;
            fromPlan.recordValue(Math.min(LONGEST_NS, nowNs - plannedNs));
            fromSending.recordValue(Math.min(LONGEST_NS, nowNs - sentNs));
        }
    }

    /** A request that will not be answered any more. */
    void lost(long plannedNs, LoadError error) {
        if (isMeasured(plannedNs)) {
            outstanding--;
            error(error);
        }
    }

    void error(LoadError error) {
        errors.merge(error, 1L, Long::sum);
    }

    /** What was behind an error, of which the first is kept. */
    void cause(Throwable cause) {
        firstCause = firstCause == null ? cause : firstCause;
    }

    /** In the words of the system, or null. */
    String firstCause() {
        return firstCause == null ? null : firstCause.getMessage() == null ? firstCause.toString() : firstCause.getMessage();
    }

    /** Requests of the measured time that wait for their answer, or to be sent. */
    long outstanding() {
        return outstanding;
    }

    long answered() {
        return answered;
    }

    double seconds() {
        return (toNs - fromNs) / 1e9;
    }

    Map<LoadError, Long> errors() {
        return Map.copyOf(errors);
    }

    Latency fromPlan() {
        return Latency.of(fromPlan);
    }

    Latency fromSending() {
        return Latency.of(fromSending);
    }
}
