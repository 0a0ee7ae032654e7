package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.internal.ChunkPool;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Serves connections by a {@link StreamHandler}, with streams of our own: two stream adapters of one channel block each other on JDK 17.
 * They belong to the connection's own thread, and share its queue, limits and counters with callbacks.
 */
record StreamService(StreamHandler handler) implements ThreadService {

    @Override
    public void serve(ThreadConnection connection) {
        connection.streamBegins();
        Input in = new Input(connection);
        try {
            handler.handle(in, new Output(connection), connection.remoteAddress());
        } catch (Throwable t) {
            boolean toldByAStream = t instanceof IOException && !connection.isOpen();
            if (!toldByAStream) {
                connection.end(CloseReason.Kind.HANDLER_FAILURE, t);
                connection.context.handlerFailed("handle", connection, t);
            }
        }
        connection.streamEnds(in.available());
    }

    private static final class Input extends InputStream {
        private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

        private final ThreadConnection connection;
        private ByteBuffer buffer = NOTHING;
        private boolean ended;

        Input(ThreadConnection connection) {
            this.connection = connection;
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
                connection.sendAll(); // or each side might wait for the other
                buffer = NOTHING; // the connection may take another
                boolean wanted = !connection.isLeaving() && connection.awaitInput();
                int read = 0;
                if (wanted) {
                    read = connection.receive();
                    buffer = connection.received();
                    connection.settleInput();
                }
                if (read < 0) {
                    connection.endInput();
                }
                ended = read < 0 || !wanted || !connection.isOpen();
            }
            if (ended) {
                connection.checkLoss();
            }
            return !ended;
        }
    }

    private static final class Output extends OutputStream {
        private final ThreadConnection connection;

        /** How much is queued before it is sent: two chunks, or less where the queue's limit is lower. */
        private final int slice;

        Output(ThreadConnection connection) {
            this.connection = connection;
            this.slice = Math.max(1, Math.min(2 * ChunkPool.CHUNK, connection.context.options.maxPending() / 2));
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] from, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, from.length);
            for (int done = 0; done < length; ) {
                int next = Math.min(length - done, slice);
                connection.add(ByteBuffer.wrap(from, offset + done, next));
                done += next;
                if (connection.pending() >= slice) {
                    connection.sendAll();
                }
                checkOpen();
            }
        }

        @Override
        public void flush() throws IOException {
            connection.sendAll();
            checkOpen();
        }

        private void checkOpen() throws IOException {
            connection.checkLoss();
            if (!connection.isOpen()) {
                throw new IOException("the connection is closing");
            }
        }
    }
}
