package dev.sluice.program.bench.micro;

import dev.sluice.internal.UnreadInput;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The cost of unread input, which every decoder ({@link DecodersBench}) rests on: a frame of 64 KiB arrives in pieces, and the handler
 * leaves them unread until it is whole. Measured are nanoseconds for a byte. If each piece had all pieces before it copied, small pieces
 * would cost thousands of times as much as large ones.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class FramingBench {

    private static final int FRAME = 64 << 10;

    /** Bytes of a piece. */
    @Param({"16", "1024", "65536"})
    public int piece;

    private final ByteBuffer lent = ByteBuffer.allocateDirect(FRAME);
    private final byte[] bytes = new byte[FRAME];

    /** A whole frame, as the reactor's input treats it. */
    @Benchmark
    @OperationsPerInvocation(FRAME)
    public int frame() {
        ByteBuffer kept = null;
        int arrived = 0;
        int frames = 0;
        while (arrived < FRAME) {
            ByteBuffer in = UnreadInput.before(kept, lent, 1 << 20);
            in.put(bytes, 0, piece);
            arrived += piece;
            in.flip();
            if (in.remaining() == FRAME) {
                in.position(in.limit());
                frames++;
            }
            kept = UnreadInput.after(kept, in, lent);
        }
        return frames;
    }
}
