package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.TestLog;
import java.io.IOException;
import java.net.ProtocolFamily;
import java.nio.channels.DatagramChannel;
import java.nio.channels.Pipe;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.AbstractSelectableChannel;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** A selector that returns at once with nothing, or fails. */
class SelectorFaultsTest {

    private long nowNs;
    private int failures;
    private boolean withoutMemory;
    private int selects;

    /** A selector without channels that never waits. */
    private final class Scripted extends AbstractSelector {
        Scripted() {
            super(new Provider());
        }

        private int select0() throws IOException {
            selects++;
            if (failures-- > 0 && withoutMemory) {
                throw new OutOfMemoryError("scripted");
            }
            if (failures >= 0) {
                throw new IOException("scripted");
            }
            return 0;
        }

        @Override
        public int select(long timeout) throws IOException {
            return select0();
        }

        @Override
        public int select() throws IOException {
            return select0();
        }

        @Override
        public int selectNow() throws IOException {
            return select0();
        }

        @Override
        public Set<SelectionKey> keys() {
            return Set.of();
        }

        @Override
        public Set<SelectionKey> selectedKeys() {
            return new java.util.HashSet<>();
        }

        @Override
        public Selector wakeup() {
            return this;
        }

        @Override
        protected void implCloseSelector() {}

        @Override
        protected SelectionKey register(AbstractSelectableChannel channel, int ops, Object attachment) {
            throw new UnsupportedOperationException();
        }
    }

    private final class Provider extends SelectorProvider {
        @Override
        public AbstractSelector openSelector() {
            return new Scripted();
        }

        @Override
        public DatagramChannel openDatagramChannel() {
            throw new UnsupportedOperationException();
        }

        @Override
        public DatagramChannel openDatagramChannel(ProtocolFamily family) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Pipe openPipe() {
            throw new UnsupportedOperationException();
        }

        @Override
        public ServerSocketChannel openServerSocketChannel() {
            throw new UnsupportedOperationException();
        }

        @Override
        public SocketChannel openSocketChannel() {
            throw new UnsupportedOperationException();
        }
    }

    @Test
    @ExpectsLog("the selector spins")
    void spinIsCountedAndSaidOnce() throws IOException {
        try (Reactor reactor = Reactor.open(() -> nowNs, new Provider())) {
            for (int i = 0; i < 2_000; i++) {
                reactor.runOnce(Duration.ofSeconds(1));
            }
            assertEquals(2_000, reactor.stats().fruitlessSelects());
            assertEquals(1, TestLog.lines().size(), TestLog.lines().toString());
        }
    }

    @ExpectsLog("select: ")
    @Test
    void selectThatFailsNowAndThenIsSurvived() throws IOException {
        try (Reactor reactor = Reactor.open(() -> nowNs, new Provider())) {
            failures = 3;
            int[] ran = new int[1];
            for (int i = 0; i < 5; i++) {
                reactor.execute(() -> ran[0]++);
                reactor.runOnce(Duration.ZERO);
            }
            assertEquals(5, ran[0]);
            assertEquals(3, reactor.stats().failures());
        }
    }

    /** Sixteen tries without a pause were over within a microsecond. */
    @ExpectsLog("select")
    @Test
    void selectsThatFindNoMemoryForAWhileAreSurvived() throws IOException {
        try (Reactor reactor = Reactor.open(() -> nowNs, new Provider())) {
            withoutMemory = true;
            failures = 149;
            int[] ran = new int[1];
            for (int i = 0; i < 150; i++) {
                reactor.execute(() -> ran[0]++);
                reactor.runOnce(Duration.ZERO);
            }
            assertEquals(150, ran[0]);
            failures = 150;
            assertThrows(OutOfMemoryError.class, () -> {
                for (int i = 0; i < 150; i++) {
                    reactor.runOnce(Duration.ZERO);
                }
            });
        }
    }

    @ExpectsLog("select: ")
    @Test
    void selectThatAlwaysFailsEndsTheLoopLoudly() throws IOException {
        Reactor reactor = Reactor.open(() -> nowNs, new Provider());
        failures = 1_000;
        assertThrows(IOException.class, reactor::run);
        assertEquals(16, reactor.stats().failures());
    }
}
