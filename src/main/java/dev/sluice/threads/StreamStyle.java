package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.internal.ChunkPool;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A handler that blocks, with streams of our own: two stream adapters of one channel block each other on JDK 17. They belong to
 * the connection's own thread, and share its queue, limits and counters with the other style.
 */
final class StreamStyle implements Style {

    private final ThreadConnection connection;
    private final StreamHandler handler;

    /** How much is queued before it is sent: a slice, or less where the queue's limit is lower. */
    private final int slice;

    /** Whether the handler has been called, and has not returned. */
    private volatile boolean serving;

    /** What it had not read then. */
    private int unread;

    StreamStyle(ThreadConnection connection, StreamHandler handler) {
        this.connection = connection;
        this.handler = handler;
        this.slice = Math.max(1, Math.min(2 * ChunkPool.CHUNK, connection.group.options.maxPending() / 2));
    }

    @Override
    public void serve(ByteBuffer buffer) {
        Output out = new Output();
        serving = true;
        try {
            handler.handle(new Input(buffer), out, connection.remoteAddress());
        } catch (Throwable t) {
            boolean toldByAStream = t instanceof IOException && !connection.isOpen();
            if (!toldByAStream) {
                connection.life.end(CloseReason.Kind.HANDLER_FAILURE, t);
                connection.group.handlerFailed("handle", connection, t);
            }
        }
        serving = false;
        unread = buffer.remaining(); // others use the buffer later
        connection.output.sendAll();
        connection.life.leave();
    }

    @Override
    public void resumed() {
        throw new AssertionError("nobody can pause a stream");
    }

    @Override
    public void welcome() {
        // a stream reads when it wants to
    }

    @Override
    public boolean owesInput() {
        return false;
    }

    @Override
    public boolean isAtWork() {
        return serving && !connection.ownThread.isInRead() && !connection.output.isWriting();
    }

    @Override
    public int unread() {
        return unread;
    }

    @Override
    public void neverOpened() {
        throw new AssertionError("a stream was accepted");
    }

    private final class Input extends InputStream {
        private final ByteBuffer buffer;
        private boolean ended;

        Input(ByteBuffer buffer) {
            this.buffer = buffer.clear().limit(0);
        }

        @Override
        public int read() throws IOException {
            return fill() ? buffer.get() & 0xff : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, into.length);
            if (length == 0) {
                return 0;
            }
            if (!fill()) {
                return -1;
            }
            int taken = Math.min(length, buffer.remaining());
            buffer.get(into, offset, taken);
            return taken;
        }

        @Override
        public int available() {
            return buffer.remaining();
        }

        /** Has at least a byte at hand; false at the end. */
        private boolean fill() throws IOException {
            while (!buffer.hasRemaining() && !ended) {
                connection.output.sendAll(); // or each side might wait for the other
                boolean wanted = connection.ownThread.awaitInput();
                int read = 0;
                if (wanted) {
                    read = connection.ownThread.receive(buffer.clear());
                    buffer.flip();
                }
                if (read < 0) {
                    connection.life.endInput();
                }
                ended = read < 0 || !wanted || !connection.isOpen();
            }
            if (ended) {
                connection.life.checkLoss();
            }
            return !ended;
        }
    }

    private final class Output extends OutputStream {

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] from, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, from.length);
            for (int done = 0; done < length; ) {
                int next = Math.min(length - done, slice);
                connection.output.add(ByteBuffer.wrap(from, offset + done, next));
                done += next;
                if (connection.pending() >= slice) {
                    connection.output.sendAll();
                }
                checkOpen();
            }
        }

        @Override
        public void flush() throws IOException {
            connection.output.sendAll();
            checkOpen();
        }

        private void checkOpen() throws IOException {
            connection.life.checkLoss();
            if (!connection.isOpen()) {
                throw new IOException("the connection is closing");
            }
        }
    }
}
