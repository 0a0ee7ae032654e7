package dev.sluice.fault;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/** The seams of a server, one of which finds no memory at its n-th use, and some times more. Any thread. */
public final class StarvedSeams {

    /** The calls of one kind; {@link #ANY} counts them all together. */
    public enum Seam {
        READ, WRITE, GATHERING_WRITE, END_OF_OUTPUT, RESET, CLOSE, AVAILABLE, CHUNK, THREAD,
        CREATE, OPEN, ON_READ, WRITABLE, EOF, ON_CLOSE, TASK, TIMER, OFFLOADED, ANSWER, WRITTEN, OBSERVER, ANY
    }

    private final Seam failing;
    private final int first;
    private final int times;
    private int uses;

    /** Fails at the first-th use, counted from 1, and so many times in all. */
    public StarvedSeams(Seam failing, int first, int times) {
        this.failing = failing;
        this.first = first;
        this.times = times;
    }

    /** A call of one kind. */
    public synchronized void use(Seam seam) {
        if (seam == failing || failing == Seam.ANY) {
            uses++;
            if (uses >= first && uses < first + times) {
                throw new OutOfMemoryError("by the test, " + seam);
            }
        }
    }

    /** Whether a use has failed. */
    public synchronized boolean haveFailed() {
        return uses >= first;
    }

    /** Whether no further use will fail. */
    public synchronized boolean areOver() {
        return uses >= first + times - 1;
    }

    @Override
    public String toString() {
        return failing + ", use " + first + ", " + times + " times";
    }

    /** The options of the conversation's server: with marks that it reaches, an observer that may fail, and one worker. */
    public ServerOptions options(int mostConnections) {
        return ServerOptions.builder()
                .maxConnections(mostConnections)
                .lowWater(10_000)
                .highWater(20_000)
                .writeTimeout(Duration.ofSeconds(8))
                .idleTimeout(Duration.ZERO)
                .offloadThreads(1)
                .observer(observer())
                .build();
    }

    /** An observer that may fail. */
    private ServerObserver observer() {
        return new ServerObserver() {
            @Override
            public void refused(SocketAddress remote, Refusal why) {
                use(Seam.OBSERVER);
            }
        };
    }

    /** A way to sockets, each call of which may fail. */
    public SocketIo wire(SocketIo to) {
        return new SocketIo() {
            @Override
            public int read(SocketChannel channel, ByteBuffer into) throws IOException {
                use(Seam.READ);
                return to.read(channel, into);
            }

            @Override
            public int available(SocketChannel channel) throws IOException {
                use(Seam.AVAILABLE);
                return to.available(channel);
            }

            @Override
            public int write(SocketChannel channel, ByteBuffer from) throws IOException {
                use(Seam.WRITE);
                return to.write(channel, from);
            }

            @Override
            public long write(SocketChannel channel, ByteBuffer[] from, int count) throws IOException {
                use(Seam.GATHERING_WRITE);
                return to.write(channel, from, count);
            }

            @Override
            public void shutdownOutput(SocketChannel channel) throws IOException {
                use(Seam.END_OF_OUTPUT);
                to.shutdownOutput(channel);
            }

            @Override
            public void resetOnClose(SocketChannel channel) {
                use(Seam.RESET);
                to.resetOnClose(channel);
            }

            @Override
            public void close(SocketChannel channel) {
                use(Seam.CLOSE);
                to.close(channel);
            }
        };
    }

    /**
     * A handler that does what letters say: L writes a lot, O offloads, T sets a timer, H holds for a while, P pauses, u waits for the
     * end of its line. All else is echoed.
     */
    public Handler talker() {
        return new Talker();
    }

    private final class Talker implements Handler {
        @Override
        public void onOpen(Connection self) {
            use(Seam.OPEN);
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            use(Seam.ON_READ);
            while (in.hasRemaining()) {
                switch (in.get(in.position())) {
                    case 'L' -> {
                        in.get();
                        self.write(ByteBuffer.allocate(50_000));
                        self.whenWritten(() -> use(Seam.WRITTEN));
                    }
                    case 'O' -> {
                        in.get();
                        self.offload(this::work, (result, failure) -> answer(self));
                        self.offloadInOrder(this::work, (result, failure) -> answer(self));
                    }
                    case 'T' -> {
                        in.get();
                        self.schedule(Duration.ofMillis(20), () -> {
                            use(Seam.TIMER);
                            self.execute(() -> use(Seam.TASK));
                        });
                    }
                    case 'H' -> {
                        in.get();
                        Hold hold = self.hold();
                        self.schedule(Duration.ofMillis(50), hold::close);
                    }
                    case 'P' -> {
                        in.get();
                        self.pauseReading();
                        return;
                    }
                    case 'u' -> {
                        if (in.get(in.limit() - 1) != '\n') {
                            return;
                        }
                        self.write(in);
                    }
                    default -> self.write(in);
                }
            }
        }

        private Object work() {
            use(Seam.OFFLOADED);
            return "done";
        }

        private void answer(Connection self) {
            use(Seam.ANSWER);
            self.write(ByteBuffer.wrap("done".getBytes()));
        }

        @Override
        public void onWritable(Connection self) {
            use(Seam.WRITABLE);
        }

        @Override
        public void onEof(Connection self) {
            use(Seam.EOF);
            self.close();
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            use(Seam.ON_CLOSE);
        }
    }
}
