package dev.sluice.program.bench.instant;

import java.nio.channels.CancelledKeyException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.spi.AbstractSelectableChannel;
import java.nio.channels.spi.AbstractSelectionKey;
import java.nio.channels.spi.AbstractSelector;
import java.nio.channels.spi.SelectorProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** A selector that finds every channel ready, as many in one call as the JDK's own does, and the next ones in the next call. */
final class InstantSelector extends AbstractSelector {

    /** Keys in one call: as many as the JDK's selector takes on Linux. */
    static final int AT_ONCE = 1024;

    /** Keys found ready, by all selectors. */
    static final AtomicLong FOUND = new AtomicLong();

    private final List<Key> keys = new ArrayList<>();
    private int next;

    InstantSelector(SelectorProvider provider) {
        super(provider);
    }

    private static final class Key extends AbstractSelectionKey {
        private final InstantSelector selector;
        private final SelectableChannel channel;
        private int interest;

        Key(InstantSelector selector, SelectableChannel channel, int interest) {
            this.selector = selector;
            this.channel = channel;
            this.interest = interest;
        }

        @Override
        public SelectableChannel channel() {
            return channel;
        }

        @Override
        public Selector selector() {
            return selector;
        }

        @Override
        public int interestOps() {
            if (!isValid()) {
                throw new CancelledKeyException();
            }
            return interest;
        }

        @Override
        public SelectionKey interestOps(int ops) {
            interest = ops;
            return this;
        }

        /** Ready to read, or to accept while a client is left. */
        @Override
        public int readyOps() {
            return channel instanceof InstantListener listener && listener.isDone() ? 0 : interest & ~OP_WRITE;
        }
    }

    @Override
    protected SelectionKey register(AbstractSelectableChannel channel, int ops, Object attachment) {
        Key key = new Key(this, channel, ops);
        key.attach(attachment);
        keys.add(key);
        return key;
    }

    @Override
    public int selectNow(Consumer<SelectionKey> action) {
        int found = 0;
        for (int i = Math.min(AT_ONCE, keys.size()); i > 0; i--) {
            next = next + 1 < keys.size() ? next + 1 : 0;
            Key key = keys.get(next);
            if (key.isValid() && key.readyOps() != 0) {
                action.accept(key);
                found++;
            }
        }
        FOUND.lazySet(FOUND.getPlain() + found);
        return found;
    }

    /** Does not wait: a client is always ready. */
    @Override
    public int select(Consumer<SelectionKey> action, long timeoutMs) {
        return selectNow(action);
    }

    @Override
    public int select(Consumer<SelectionKey> action) {
        return selectNow(action);
    }

    @Override
    public Selector wakeup() {
        return this;
    }

    @Override
    public Set<SelectionKey> keys() {
        return Set.copyOf(keys);
    }

    @Override
    protected void implCloseSelector() {
        keys.clear();
    }

    /** Not supported: ready keys are handed to an action. */
    @Override
    public Set<SelectionKey> selectedKeys() {
        throw new UnsupportedOperationException("use select with an action");
    }

    /** Not supported. */
    @Override
    public int selectNow() {
        return selectedKeys().size();
    }

    /** Not supported. */
    @Override
    public int select(long timeoutMs) {
        return selectedKeys().size();
    }

    /** Not supported. */
    @Override
    public int select() {
        return selectedKeys().size();
    }
}
