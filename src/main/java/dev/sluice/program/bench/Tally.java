package dev.sluice.program.bench;

import java.util.EnumMap;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * The counts of a load. A request belongs to the measured time if its planned time does, whenever its answer comes. An answer counts for
 * the rate if it comes within the measured time. Belongs to the loop.
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

    /** Sets the measured time, by the clock of the requests, before the first of them. */
    void measure(long fromNs, long toNs) {
        this.fromNs = fromNs;
        this.toNs = toNs;
    }

    /** The measured time ends now, earlier than planned. */
    void endAt(long nowNs) {
        toNs = Math.max(fromNs, Math.min(toNs, nowNs));
    }

    /** The time at which the measured time ends, or has ended. */
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

    /** Notes the cause of an error; the first one is kept. */
    void cause(Throwable cause) {
        firstCause = firstCause == null ? cause : firstCause;
    }

    /** The system's message for the first error, or null. */
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
