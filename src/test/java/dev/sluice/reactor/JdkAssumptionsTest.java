package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Assumptions of the design about the JDK and Linux. A JDK that changes one of them fails here. */
class JdkAssumptionsTest {

    private Selector selector;
    private ServerSocketChannel listener;
    private SocketChannel client;
    private SocketChannel accepted;
    private SelectionKey key;

    @BeforeEach
    void connect() throws IOException {
        selector = Selector.open();
        listener = ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
        client = SocketChannel.open(listener.getLocalAddress());
        accepted = listener.accept();
        accepted.configureBlocking(false);
        key = accepted.register(selector, SelectionKey.OP_READ);
    }

    @AfterEach
    void close() throws IOException {
        listener.close();
        client.close();
        accepted.close();
        selector.close();
    }

    @Test
    void closedListenerKeepsItsPortUntilTheNextSelect() throws IOException {
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        InetSocketAddress address = (InetSocketAddress) listener.getLocalAddress();
        listener.close();
        try (ServerSocketChannel again = ServerSocketChannel.open()) {
            assertThrows(BindException.class, () -> again.bind(address));
        }
        selector.selectNow();
        try (ServerSocketChannel again = ServerSocketChannel.open()) {
            again.bind(address);
        }
    }

    @Test
    void closeWithUnreadInputDestroysTheLastResponse() throws IOException {
        client.write(ByteBuffer.allocate(50_000));
        selector.select();
        long written = 0;
        for (int n; (n = accepted.write(ByteBuffer.allocateDirect(1 << 20))) > 0; ) {
            written += n;
        }
        accepted.close();
        selector.selectNow();
        long received = 0;
        try {
            for (int n; (n = client.read(ByteBuffer.allocate(1 << 16))) >= 0; ) {
                received += n;
            }
        } catch (IOException e) {
            // reset, and what the kernel still held is gone
        }
        assertTrue(received < written, received + " of " + written);
    }

    @Test
    void withoutInterestAResetIsNotSeen() throws IOException {
        key.interestOps(0);
        selector.selectNow();
        client.setOption(StandardSocketOptions.SO_LINGER, 0);
        client.close();
        assertEquals(0, selector.select(100));
        key.interestOps(SelectionKey.OP_READ);
        assertEquals(1, selector.select(1_000));
    }

    /** So that nothing but a probe can tell: see {@code LivenessProbe}. */
    @Test
    void resetAfterThePeersEndIsNotSeenByAReadButByASelectorThatAwaitsWhatNeverComes() throws IOException {
        client.shutdownOutput();
        assertEquals(1, selector.select(10_000));
        assertEquals(-1, accepted.read(ByteBuffer.allocate(1)));
        key.interestOps(SelectionKey.OP_CONNECT);
        assertEquals(0, selector.selectNow(), "connected, and alive");
        client.setOption(StandardSocketOptions.SO_LINGER, 0);
        client.close();
        long start = System.nanoTime();
        while (selector.selectNow() == 0) { // each returns at once, as the socket is writable
            assertTrue(System.nanoTime() - start < 10_000_000_000L, "the reset is seen");
        }
        assertEquals(SelectionKey.OP_CONNECT, key.readyOps());
        assertEquals(-1, accepted.read(ByteBuffer.allocate(1)), "which still looks like an orderly end");
    }

    @Test
    void keyThatWasCancelledInTheBatchIsStillDelivered() throws IOException {
        try (SocketChannel secondClient = SocketChannel.open(listener.getLocalAddress());
                SocketChannel second = listener.accept()) {
            second.configureBlocking(false);
            SelectionKey secondKey = second.register(selector, SelectionKey.OP_READ);
            client.write(ByteBuffer.allocate(1));
            secondClient.write(ByteBuffer.allocate(1));
            List<SelectionKey> delivered = new ArrayList<>();
            selector.select(ready -> {
                delivered.add(ready);
                key.cancel();
                secondKey.cancel();
            });
            assertEquals(2, delivered.size());
            assertFalse(delivered.get(1).isValid());
        }
    }

    @Test
    void interruptedThreadsSelectReturnsAtOnceUntilTheFlagIsCleared() throws IOException {
        Thread.currentThread().interrupt();
        assertEquals(0, selector.select());
        assertEquals(0, selector.select());
        assertTrue(Thread.interrupted());
        assertTrue(selector.isOpen());
    }

    @Test
    void selectOfZeroWouldBlockSoARoundedDownTimeoutIsAHang() throws IOException {
        client.write(ByteBuffer.allocate(1)); // or this call would not return
        assertEquals(1, selector.select(0));
    }

    @Test
    void firstWriteAfterThePeersResetMaySucceedAndAReadAfterAFailedWriteIsNoEnd() throws IOException {
        client.setOption(StandardSocketOptions.SO_LINGER, 0);
        client.close();
        selector.select();
        assertThrows(IOException.class, () -> {
            for (int i = 0; i < 10; i++) {
                accepted.write(ByteBuffer.allocate(1));
            }
        });
        assertEquals(-1, accepted.read(ByteBuffer.allocate(1)), "which looks like an orderly end");
    }

    @Test
    void writeOfNothingReturnsZeroAsAFullSocketDoes() throws IOException {
        assertEquals(0, accepted.write(ByteBuffer.allocate(0)));
        assertEquals(0, accepted.write(new ByteBuffer[] {ByteBuffer.allocate(0)}));
    }
}
