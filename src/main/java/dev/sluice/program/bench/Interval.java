package dev.sluice.program.bench;

import java.util.Arrays;
import java.util.stream.DoubleStream;

/**
 * A ratio that several rounds have measured, with its interval.
 *
 * @param median of the rounds' ratios, or NaN without any
 * @param low    end of the interval
 * @param high   end of the interval
 * @param rounds number of rounds; with fewer than two there is no interval, and both ends are the median
 */
public record Interval(double median, double low, double high, int rounds) {

    /**
     * Student's t, 0.975 quantile, for 1 to 30 degrees of freedom; NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
     */
    private static final double[] T = {
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
        2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042
    };

    private static final double T_BEYOND = 1.960;

    /**
     * The median, and the 95 % interval of Student's t around the mean of the logarithms: ratios multiply, so that twice and half are
     * equally far from one. The interval takes in the median, which with few rounds may stand apart from the mean.
     *
     * @param ratios one for each round; those that are not numbers are left out
     * @return an interval
     */
    public static Interval of(double... ratios) {
        double[] logs = DoubleStream.of(ratios).filter(ratio -> ratio > 0 && Double.isFinite(ratio)).map(Math::log).sorted().toArray();
        int n = logs.length;
        if (n == 0) {
            return new Interval(Double.NaN, Double.NaN, Double.NaN, 0);
        }
        double median = Math.exp(n % 2 == 1 ? logs[n / 2] : (logs[n / 2 - 1] + logs[n / 2]) / 2);
        if (n == 1) {
            return new Interval(median, median, median, 1);
        }
        double mean = Arrays.stream(logs).average().getAsDouble();
        double squares = Arrays.stream(logs).map(log -> (log - mean) * (log - mean)).sum();
        double half = (n - 1 <= T.length ? T[n - 2] : T_BEYOND) * Math.sqrt(squares / (n - 1) / n);
        return new Interval(median, Math.min(median, Math.exp(mean - half)), Math.max(median, Math.exp(mean + half)), n);
    }

    /**
     * The range of some ratios, for a noise floor: two equal engines have differed by every ratio inside it.
     *
     * @param ratios any number
     * @return from the lowest to the highest
     */
    static Interval range(double... ratios) {
        double[] sorted = DoubleStream.of(ratios).filter(Double::isFinite).sorted().toArray();
        Interval middle = of(sorted);
        return sorted.length == 0 ? middle : new Interval(middle.median, sorted[0], sorted[sorted.length - 1], sorted.length);
    }

    /**
     * Whether two intervals overlap, and so cannot be told apart.
     *
     * @param other another
     * @return true if they have a value in common
     */
    public boolean overlaps(Interval other) {
        return low <= other.high && other.low <= high;
    }

    /**
     * Whether there is an interval at all.
     *
     * @return false with fewer than two rounds
     */
    public boolean isKnown() {
        return rounds >= 2;
    }
}
