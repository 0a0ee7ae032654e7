package dev.sluice.reactor;

import java.nio.channels.CancelledKeyException;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SelectionKey;

/** A channel on a {@link Reactor}, with the operations that it waits for and a callback. Belongs to the reactor's thread. */
public final class Registration {

    private final Reactor reactor;
    private SelectionKey key;

    Registration(Reactor reactor) {
        this.reactor = reactor;
    }

    void bind(SelectionKey key) {
        this.key = key;
    }

    /**
     * The channel.
     *
     * @return what was registered
     */
    public SelectableChannel channel() {
        return key.channel();
    }

    /**
     * The operations that the registration waits for.
     *
     * @return operations of {@link SelectionKey}, zero once it is cancelled
     */
    public int interest() {
        reactor.checkInLoop();
        try {
            return key.interestOps();
        } catch (CancelledKeyException e) {
            return 0;
        }
    }

    /**
     * Changes the operations that the registration waits for. Does nothing if they are the same, or once it is cancelled.
     *
     * @param ops operations of {@link SelectionKey}; with zero, not even the peer's reset is noticed
     * @return true if that was a change
     * @throws IllegalArgumentException if the channel does not know one of them
     * @throws IllegalStateException    on another thread
     */
    public boolean interest(int ops) {
        reactor.checkInLoop();
        try {
            if (key.interestOps() == ops) {
                return false;
            }
            key.interestOps(ops);
            return true;
        } catch (CancelledKeyException e) {
            return false;
        }
    }

    /**
     * Ends the registration and leaves the channel open. The channel may be registered again, here or elsewhere, once
     * the next turn has begun.
     *
     * @throws IllegalStateException on another thread
     */
    public void cancel() {
        reactor.checkInLoop();
        key.cancel();
    }

    /**
     * Whether the callback can still be called.
     *
     * @return false once cancelled, or once the channel has closed
     */
    public boolean isValid() {
        return key.isValid();
    }
}
