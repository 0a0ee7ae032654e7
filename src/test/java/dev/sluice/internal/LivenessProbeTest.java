package dev.sluice.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The probe on Unix-domain sockets. On TCP, the deadlines' tests use it. */
class LivenessProbeTest {

    @TempDir
    private Path directory;

    private final LivenessProbe probe = new LivenessProbe();
    private SocketChannel client;
    private SocketChannel accepted;

    @BeforeEach
    void connect() throws Exception {
        UnixDomainSocketAddress door = UnixDomainSocketAddress.of(directory.resolve("door"));
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(door);
            client = SocketChannel.open(door);
            accepted = server.accept();
        }
    }

    @AfterEach
    void close() throws Exception {
        probe.close();
        client.close();
        accepted.close();
    }

    @Test
    void peerThatClosedWellIsNotLostWhileItsBytesAreToBeRead() throws Exception {
        client.write(ByteBuffer.wrap(new byte[5]));
        client.close();
        assertFalse(probe.isLost(accepted));
        assertEquals(5, accepted.read(ByteBuffer.allocate(10)));
    }

    @Test
    void inputIsFoundAndLeft() throws Exception {
        assertFalse(probe.hasInput(accepted));
        client.write(ByteBuffer.wrap(new byte[5]));
        assertTrue(probe.hasInput(accepted));
        assertTrue(accepted.isBlocking());
        assertEquals(5, accepted.read(ByteBuffer.allocate(10)));
        assertFalse(probe.hasInput(accepted));
        client.close();
        assertTrue(probe.hasInput(accepted), "the peer's end");
    }
}
