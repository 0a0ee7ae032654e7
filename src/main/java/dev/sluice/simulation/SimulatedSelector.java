package dev.sluice.simulation;

import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.IllegalSelectorException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.spi.AbstractSelectableChannel;
import java.nio.channels.spi.AbstractSelectionKey;
import java.nio.channels.spi.AbstractSelector;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A selector that lets time pass instead of waiting for it. Ready keys come in the order of their registration: that of the
 * JDK's own changes from run to run, and no seed would replay.
 */
final class SimulatedSelector extends AbstractSelector {

    /** A channel of this network. */
    interface Ready {
        /** Operations that would not wait. */
        int readyOps();
    }

    private final SimulatedNetwork network;
    private final Set<SelectionKey> keys = new LinkedHashSet<>();
    private boolean woken;

    SimulatedSelector(SimulatedNetwork network) {
        super(network);
        this.network = network;
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
            return SimulatedSelector.this;
        }

        @Override
        public int interestOps() {
            checkValid();
            return interest;
        }

        @Override
        public SelectionKey interestOps(int ops) {
            checkValid();
            if ((ops & ~channel.validOps()) != 0) {
                throw new IllegalArgumentException("operations " + ops + " of " + channel);
            }
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
    }

    @Override
    protected SelectionKey register(AbstractSelectableChannel channel, int ops, Object attachment) {
        if (!(channel instanceof Ready)) {
            throw new IllegalSelectorException();
        }
        Key key = new Key(channel);
        key.interestOps(ops);
        key.attach(attachment);
        keys.add(key);
        return key;
    }

    private int selectFor(Consumer<SelectionKey> action, long waitNs) {
        if (!isOpen()) {
            throw new ClosedSelectorException();
        }
        forgetCancelled();
        network.advanceTo(network.nowNs());
        long untilNs = waitNs == Long.MAX_VALUE ? Long.MAX_VALUE : network.nowNs() + waitNs;
        int found = deliver(action);
        while (found == 0 && !woken && network.nowNs() < untilNs) {
            long nextNs = Math.min(network.nextNs(), untilNs);
            if (nextNs == Long.MAX_VALUE) {
                throw new IllegalStateException("nothing will ever happen here");
            }
            network.advanceTo(nextNs);
            found = deliver(action);
        }
        woken = false;
        forgetCancelled();
        return found;
    }

    private int deliver(Consumer<SelectionKey> action) {
        int found = 0;
        for (SelectionKey each : List.copyOf(keys)) {
            Key key = (Key) each;
            if (key.isValid()) {
                key.ready = ((Ready) key.channel).readyOps() & key.interest;
                if (key.ready != 0) {
                    action.accept(key);
                    found++;
                }
            }
        }
        return found;
    }

    private void forgetCancelled() {
        for (SelectionKey key : List.copyOf(cancelledKeys())) {
            keys.remove(key);
            deregister((AbstractSelectionKey) key);
        }
        cancelledKeys().clear();
    }

    @Override
    public int select(Consumer<SelectionKey> action, long timeoutMs) {
        return selectFor(action, timeoutMs == 0 ? Long.MAX_VALUE : timeoutMs * 1_000_000);
    }

    @Override
    public int select(Consumer<SelectionKey> action) {
        return select(action, 0L);
    }

    @Override
    public int selectNow(Consumer<SelectionKey> action) {
        return selectFor(action, 0);
    }

    @Override
    public Selector wakeup() {
        woken = true;
        return this;
    }

    @Override
    public Set<SelectionKey> keys() {
        return Collections.unmodifiableSet(keys);
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
