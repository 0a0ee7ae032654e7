package dev.sluice.program.bench.micro;

import dev.sluice.codec.Decoder;
import dev.sluice.codec.Delimited;
import dev.sluice.codec.LengthPrefixed;
import dev.sluice.codec.Lines;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Microseconds to find all frames in 64 KiB, as a reactor lends them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class DecodersBench {

    private static final int LENT = 64 << 10;

    /** Bytes of a frame with what surrounds it. */
    @Param({"16", "64", "1024"})
    public int frame;

    private final ByteBuffer lines = ByteBuffer.allocateDirect(LENT);
    private final ByteBuffer prefixed = ByteBuffer.allocateDirect(LENT);
    private int found;
    private final Decoder.Sink sink = content -> found += content.remaining();

    /** Fills both buffers with frames. */
    @Setup
    public void fill() {
        LengthPrefixed encoder = new LengthPrefixed(2, ByteOrder.BIG_ENDIAN, LENT);
        while (lines.hasRemaining()) {
            lines.put(("x".repeat(frame - 1) + "\n").getBytes());
            prefixed.put(encoder.encode(ByteBuffer.allocate(frame - 2)));
        }
    }

    private int all(Decoder decoder, ByteBuffer in) throws Exception {
        found = 0;
        in.clear();
        while (decoder.decode(in, sink)) {
            continue;
        }
        return found;
    }

    /** Each ends with LF. */
    @Benchmark
    public int lines() throws Exception {
        return all(new Lines(LENT), lines);
    }

    /** The same by a decoder that knows any delimiter. */
    @Benchmark
    public int delimited() throws Exception {
        return all(new Delimited(new byte[] {'\n'}, LENT), lines);
    }

    /** Each begins with two bytes of length. */
    @Benchmark
    public int prefixed() throws Exception {
        return all(new LengthPrefixed(2, ByteOrder.BIG_ENDIAN, LENT), prefixed);
    }
}
