package dev.sluice.threads.stepping;

import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.spi.AbstractSelectableChannel;
import java.nio.channels.spi.AbstractSelectionKey;
import java.nio.channels.spi.AbstractSelector;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/** A selector whose select is a step that waits. */
final class SteppedSelector extends AbstractSelector {

    /** A channel of this network. */
    interface Ready {
        /** Operations that would not wait. */
        int readyOps();
    }

    private final Stepper stepper;
    private final Set<SelectionKey> keys = new LinkedHashSet<>();
    private boolean woken;

    SteppedSelector(SteppedNetwork network) {
        super(network);
        this.stepper = network.stepper;
    }

    private final class Key extends AbstractSelectionKey {
        private final SelectableChannel channel;
        private int interest;
        private int ready;

        Key(SelectableChannel channel) {
            this.channel = channel;
        }

        @Override
        public SelectableChannel channel() {
            return channel;
        }

        @Override
        public Selector selector() {
            return SteppedSelector.this;
        }

        @Override
        public int interestOps() {
            checkValid();
            return interest;
        }

        @Override
        public SelectionKey interestOps(int ops) {
            checkValid();
            interest = ops;
            return this;
        }

        @Override
        public int readyOps() {
            checkValid();
            return ready;
        }

        private void checkValid() {
            if (!isValid()) {
                throw new CancelledKeyException();
            }
        }

        private int now() {
            return isValid() && channel instanceof Ready one ? one.readyOps() & interest : 0; // a look at a connection finds it alive
        }
    }

    @Override
    protected SelectionKey register(AbstractSelectableChannel channel, int ops, Object attachment) {
        Key key = new Key(channel);
        key.interestOps(ops);
        key.attach(attachment);
        keys.add(key);
        return key;
    }

    private boolean isAnyReady() {
        for (SelectionKey key : keys) {
            if (((Key) key).now() != 0) {
                return true;
            }
        }
        return false;
    }

    private int deliver(Consumer<SelectionKey> action) {
        if (!isOpen()) {
            throw new ClosedSelectorException();
        }
        woken = false;
        for (SelectionKey key : List.copyOf(cancelledKeys())) {
            keys.remove(key);
            deregister((AbstractSelectionKey) key);
        }
        cancelledKeys().clear();
        int found = 0;
        for (SelectionKey each : keys) {
            Key key = (Key) each;
            key.ready = key.now();
            if (key.ready != 0) {
                found++;
                action.accept(key);
            }
        }
        return found;
    }

    @Override
    public int select(Consumer<SelectionKey> action, long timeoutMs) {
        long atNs = timeoutMs == 0 ? Stepper.NEVER : stepper.nowNs() + timeoutMs * 1_000_000;
        stepper.await("select", () -> woken || isAnyReady(), atNs);
        return deliver(action);
    }

    @Override
    public int select(Consumer<SelectionKey> action) {
        return select(action, 0L);
    }

    @Override
    public int selectNow(Consumer<SelectionKey> action) {
        stepper.step("select now");
        return deliver(action);
    }

    @Override
    public Selector wakeup() {
        woken = true;
        stepper.step("wake up");
        return this;
    }

    @Override
    public Set<SelectionKey> keys() {
        return Set.copyOf(keys);
    }

    @Override
    protected void implCloseSelector() {
        for (SelectionKey key : List.copyOf(keys)) {
            keys.remove(key);
            deregister((AbstractSelectionKey) key);
        }
    }

    /** Not kept: ready keys are handed to an action. */
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
    public int select(long timeout) {
        return selectedKeys().size();
    }

    /** Not supported. */
    @Override
    public int select() {
        return selectedKeys().size();
    }
}
