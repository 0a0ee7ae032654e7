package dev.sluice.examples;

import dev.sluice.Connection;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;

/** One client's lines cost the others a piece of them at a time, however many one read brings. */
public final class LinesInPieces implements FrameHandler {
    private static final int PIECE = 100; // lines in one turn
    private static final Lines LINES = new Lines(4096);
    private int done;

    @Override
    public void onFrame(Connection self, ByteBuffer line) {
        LINES.write(self, line);
        if (++done % PIECE == 0) {
            self.pauseReading(); // no more lines are given to a handler that is paused
            self.schedule(Duration.ZERO, self::resumeReading); // in the next turn
        }
    }

    public static void main(String[] args) throws IOException {
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
        ReactorServer.start(address, ServerOptions.defaults(), connection -> new Framed(connection, LINES, new LinesInPieces()));
    }
}
