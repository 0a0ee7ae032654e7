package dev.sluice.reactor;

import dev.sluice.internal.SocketIo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntSupplier;

/**
 * A wire whose writes go by a script and whose reads are the socket's, unless there is a script for them too. A real
 * client makes the connection readable; what the server writes is kept here and never reaches it.
 */
final class ScriptedSocketIo implements SocketIo {

    /** How many bytes the next write calls take, in order; afterwards, all. A negative one throws. */
    final ArrayDeque<Integer> takes = new ArrayDeque<>();

    /** Where there is one, it says what every write takes. */
    IntSupplier taking;

    /** The results of the next reads: bytes, or null for the end; afterwards, what the socket has. */
    final ArrayDeque<byte[]> reads = new ArrayDeque<>();

    boolean readsFail;
    final ByteArrayOutputStream written = new ByteArrayOutputStream();
    final List<ByteBuffer> single = new ArrayList<>();
    int writeCalls;
    boolean ended;
    boolean reset;

    @Override
    public int read(SocketChannel channel, ByteBuffer into) throws IOException {
        if (readsFail) {
            throw new IOException("scripted");
        }
        if (reads.isEmpty()) {
            return channel.read(into);
        }
        channel.read(ByteBuffer.allocate(1)); // what made the socket readable
        byte[] next = reads.poll();
        if (next == null || next.length == 0) {
            return -1;
        }
        into.put(next);
        return next.length;
    }

    @Override
    public int write(SocketChannel channel, ByteBuffer from) throws IOException {
        single.add(from);
        return (int) write(channel, new ByteBuffer[] {from}, 1);
    }

    @Override
    public long write(SocketChannel channel, ByteBuffer[] from, int count) throws IOException {
        writeCalls++;
        int room = taking != null ? taking.getAsInt() : takes.isEmpty() ? Integer.MAX_VALUE : takes.poll();
        if (room < 0) {
            throw new IOException("scripted");
        }
        long taken = 0;
        for (int i = 0; i < count; i++) {
            if (!from[i].isDirect() || !from[i].hasRemaining()) {
                throw new AssertionError("a wire is given direct buffers that are not empty");
            }
            int length = (int) Math.min(room - taken, from[i].remaining());
            byte[] bytes = new byte[length];
            from[i].get(bytes);
            written.writeBytes(bytes);
            taken += length;
        }
        return taken;
    }

    @Override
    public void shutdownOutput(SocketChannel channel) throws IOException {
        ended = true;
        channel.shutdownOutput();
    }

    @Override
    public void resetOnClose(SocketChannel channel) {
        reset = true;
        SocketIo.super.resetOnClose(channel);
    }
}
