package dev.sluice.examples;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.LinkedHashSet;
import java.util.Set;

/** Each line to every other client. One loop serves all, so the room needs no lock; who does not read is closed at the limit. */
public final class LineChat implements FrameHandler {
    private static final Set<Connection> ROOM = new LinkedHashSet<>();

    @Override
    public void onOpen(Connection self) {
        ROOM.add(self);
    }

    @Override
    public void onFrame(Connection self, ByteBuffer line) {
        ByteBuffer said = ByteBuffer.allocate(line.remaining() + 1).put(line).put((byte) '\n');
        for (Connection other : ROOM) {
            if (other != self) {
                other.write(said.flip());
            }
        }
    }

    @Override
    public void onClose(Connection self, CloseReason reason) {
        ROOM.remove(self);
    }

    public static void main(String[] args) throws IOException {
        InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
        ServerOptions options = ServerOptions.builder().maxPending(256 << 10).build();
        ReactorServer.start(address, options, connection -> new Framed(connection, new Lines(4096), new LineChat()));
    }
}
