package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Connection;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.contract.Rig.Client;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What every engine promises of handlers that take frames. */
abstract class FramesContract extends LifeContract {

    /** More than the two sockets' buffers hold. */
    private static final int MUCH = 7 << 20;

    private static ServerOptions.Builder smallBuffers() {
        return ServerOptions.builder().sendBuffer(16 << 10).highWater(1 << 10).lowWater(0);
    }

    /** Writes a lot for each frame, and notes what waited when a frame came. */
    private static class Generous implements FrameHandler {
        final AtomicLong waited = new AtomicLong(-1);

        @Override
        public void onFrame(Connection self, ByteBuffer frame) {
            waited.set(self.pending());
            if (frame.remaining() > 0) {
                self.write(ByteBuffer.allocate(MUCH));
            }
        }
    }

    @Test
    void frameHandlerThatAsksForItIsReadWhileItsOutputWaits() throws Exception {
        Generous generous = new Generous() {
            @Override
            public boolean readsWhileOutputWaits() {
                return true;
            }
        };
        Client client = serve(smallBuffers(), connection -> new Framed(connection, new Lines(10), generous)).connect();
        client.send("much\n");
        rig.await(() -> client.connection().pending() > 1 << 20, "output waits");
        client.send("\n");
        rig.await(() -> generous.waited.get() > 1 << 20, "the frame that came while output waited");
        assertEquals(MUCH, client.receive(MUCH).length());
    }

    @Test
    void frameHandlerIsNotReadWhileItsOutputWaits() throws Exception {
        Generous generous = new Generous();
        Client client = serve(smallBuffers(), connection -> new Framed(connection, new Lines(10), generous)).connect();
        client.send("much\n");
        rig.await(() -> client.connection().pending() > 1 << 20, "output waits");
        client.send("\n").socket.shutdownOutput();
        assertEquals(MUCH, client.receiveAll().length());
        client.awaitClose();
        assertTrue(generous.waited.get() < 1 << 10, () -> generous.waited + " bytes waited when the frame came");
    }
}
