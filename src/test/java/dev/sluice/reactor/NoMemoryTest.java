package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A connection for which the loop finds no memory ends as one, and says so. */
class NoMemoryTest {

    private static final OutOfMemoryError NONE = new OutOfMemoryError("by the test");

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    /** The places where the JDK needs memory: a buffer of its own for heap memory, the end of a socket. */
    private record Without(String call) implements SocketIo {
        private void maybe(String here) {
            if (here.equals(call)) {
                throw NONE;
            }
        }

        @Override
        public int read(SocketChannel channel, ByteBuffer into) throws IOException {
            maybe("read");
            return SocketIo.super.read(channel, into);
        }

        @Override
        public int write(SocketChannel channel, ByteBuffer from) throws IOException {
            maybe("write");
            return SocketIo.super.write(channel, from);
        }

        @Override
        public void shutdownOutput(SocketChannel channel) throws IOException {
            maybe("end");
            SocketIo.super.shutdownOutput(channel);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"read", "write", "end"})
    void wantOfMemoryIsNoReset(String call) throws IOException {
        loop.serve(ServerOptions.builder(), new Without(call), connection -> (self, in) -> {
            self.write(in);
            self.close();
        });
        Loop.Client client = loop.connect();
        client.send("x");
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.MEMORY, reason.kind());
        assertSame(NONE, reason.cause());
        assertEquals(1, loop.server.stats().closedBy(Kind.MEMORY));
        assertEquals(0, loop.server.stats().get(Counter.HANDLER_FAILURES));
    }

    @Test
    @ExpectsLog("handler failed on READ")
    void handlerThatFindsNoMemoryHasFailed() throws IOException {
        loop.serve((self, in) -> {
            in.position(in.limit());
            self.write(ByteBuffer.wrap("x".getBytes(StandardCharsets.US_ASCII)));
            throw NONE;
        });
        assertEquals(Kind.HANDLER_FAILURE, loop.connect().send("x").awaitClose().kind());
    }
}
