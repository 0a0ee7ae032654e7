package dev.sluice.program.bench;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import org.HdrHistogram.Histogram;

/**
 * A distribution of latencies, in nanoseconds to three digits.
 *
 * @param count     requests
 * @param p50       median
 * @param p90       90th percentile
 * @param p99       99th percentile
 * @param p999      99.9th percentile
 * @param max       the longest
 * @param histogram all of it: HdrHistogram's compressed form in base 64
 */
public record Latency(long count, long p50, long p90, long p99, long p999, long max, String histogram) {

    static Latency of(Histogram histogram) {
        ByteBuffer encoded = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
        int length = histogram.encodeIntoCompressedByteBuffer(encoded, Deflater.BEST_COMPRESSION);
        return new Latency(
                histogram.getTotalCount(),
                histogram.getValueAtPercentile(50),
                histogram.getValueAtPercentile(90),
                histogram.getValueAtPercentile(99),
                histogram.getValueAtPercentile(99.9),
                histogram.getMaxValue(),
                Base64.getEncoder().encodeToString(Arrays.copyOf(encoded.array(), length)));
    }

    /**
     * The distribution itself.
     *
     * @return a copy
     */
    public Histogram decode() {
        try {
            return Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(Base64.getDecoder().decode(histogram)), 0);
        } catch (DataFormatException e) {
            throw new IllegalStateException("not a histogram", e);
        }
    }
}
