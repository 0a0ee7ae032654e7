package dev.sluice.fault;

import java.io.File;
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
import java.util.Set;
import java.util.function.Consumer;

/**
 * The JDK's selectors and sockets, until a file is there: then every select finds no memory. For another process, which names it:
 * {@code -Djava.nio.channels.spi.SelectorProvider=dev.sluice.fault.FailingSelectors -Dfailing.file=FILE}.
 */
public final class FailingSelectors extends SelectorProvider {

    private static final File TRIGGER = new File(System.getProperty("failing.file", "none"));

    private final SelectorProvider real = real();

    /** Made by the JDK. */
    public FailingSelectors() {}

    private static SelectorProvider real() {
        try {
            return (SelectorProvider) Class.forName("sun.nio.ch.DefaultSelectorProvider").getMethod("get").invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("needs --add-exports java.base/sun.nio.ch=ALL-UNNAMED", e);
        }
    }

    @Override
    public AbstractSelector openSelector() throws IOException {
        return new FailingSelector(this, real.openSelector());
    }

    @Override
    public ServerSocketChannel openServerSocketChannel() throws IOException {
        return real.openServerSocketChannel();
    }

    @Override
    public SocketChannel openSocketChannel() throws IOException {
        return real.openSocketChannel();
    }

    @Override
    public DatagramChannel openDatagramChannel() throws IOException {
        return real.openDatagramChannel();
    }

    @Override
    public DatagramChannel openDatagramChannel(ProtocolFamily family) throws IOException {
        return real.openDatagramChannel(family);
    }

    @Override
    public Pipe openPipe() throws IOException {
        return real.openPipe();
    }

    private static final class FailingSelector extends AbstractSelector {
        private final Selector real;

        FailingSelector(SelectorProvider provider, Selector real) {
            super(provider);
            this.real = real;
        }

        private static void check() {
            if (TRIGGER.exists()) {
                throw new OutOfMemoryError("by the test");
            }
        }

        @Override
        protected SelectionKey register(AbstractSelectableChannel channel, int ops, Object attachment) {
            try {
                return channel.register(real, ops, attachment);
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public int select(Consumer<SelectionKey> action, long timeout) throws IOException {
            check();
            return real.select(action, timeout);
        }

        @Override
        public int select(Consumer<SelectionKey> action) throws IOException {
            check();
            return real.select(action);
        }

        @Override
        public int selectNow(Consumer<SelectionKey> action) throws IOException {
            check();
            return real.selectNow(action);
        }

        @Override
        public int select(long timeout) throws IOException {
            check();
            return real.select(timeout);
        }

        @Override
        public int select() throws IOException {
            check();
            return real.select();
        }

        @Override
        public int selectNow() throws IOException {
            check();
            return real.selectNow();
        }

        @Override
        public Set<SelectionKey> keys() {
            return real.keys();
        }

        @Override
        public Set<SelectionKey> selectedKeys() {
            return real.selectedKeys();
        }

        @Override
        public Selector wakeup() {
            real.wakeup();
            return this;
        }

        @Override
        protected void implCloseSelector() throws IOException {
            real.close();
        }
    }
}
