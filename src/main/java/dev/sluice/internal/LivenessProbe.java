package dev.sluice.internal;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;

/**
 * A selector beside a loop's own that tells whether the kernel has given up a connection whose interest is empty. A selector does not
 * watch such a socket, and reports no reset. A read would take bytes that are not wanted yet; and once the peer has ended its side, every
 * read finds that end, though a reset has followed. So a socket is registered here for a moment, with {@code OP_CONNECT}, which never
 * comes to one that is connected: Linux reports a broken one all the same. On a system that does not, every connection seems to live,
 * and only the idle limit ends it. So it is with Unix-domain sockets: a peer that closed well, with bytes still to be read, looks the same as
 * a broken one. Belongs to the thread of its loop.
 */
public final class LivenessProbe implements AutoCloseable {

    private Selector selector;

    /** Makes a probe that holds no descriptor. */
    public LivenessProbe() {}

    /**
     * Opens the selector, unless it is open or no descriptor is free now. To be called before it is needed: later, the connections to be
     * found may have the last descriptors.
     *
     * @param provider the sockets'
     */
    public void prepare(SelectorProvider provider) {
        if (selector == null) {
            try {
                selector = provider.openSelector();
            } catch (IOException | VirtualMachineError e) {
                // the next call tries again
            }
        }
    }

    /**
     * Whether the peer has reset a connection, or the kernel has given it up.
     *
     * @param channel is connected, and neither being read nor being written to: a call that blocks would keep this one
     * @return false also if nothing can be told
     */
    public boolean isLost(SocketChannel channel) {
        return channel.supportedOptions().contains(StandardSocketOptions.TCP_NODELAY) && reports(channel, SelectionKey.OP_CONNECT);
    }

    /**
     * Whether a read would find something, for a socket that does not tell how much has arrived.
     *
     * @param channel as for {@link #isLost}
     * @return true for bytes, and for the peer's end; false also if nothing can be told
     */
    public boolean hasInput(SocketChannel channel) {
        return reports(channel, SelectionKey.OP_READ);
    }

    private boolean reports(SocketChannel channel, int operation) {
        prepare(channel.provider());
        if (selector == null) {
            return false;
        }
        try {
            boolean blocks = channel.isBlocking();
            channel.configureBlocking(false);
            try {
                return isReady(channel, operation);
            } finally {
                channel.configureBlocking(blocks);
            }
        } catch (IOException | VirtualMachineError e) {
            return false;
        }
    }

    private boolean isReady(SocketChannel channel, int operation) throws IOException {
        SelectionKey key = channel.register(selector, operation);
        try {
            return selector.selectNow(ready -> {}) > 0;
        } finally {
            key.cancel();
            selector.selectNow(ready -> {}); // it lets go of the channel
        }
    }

    @Override
    public void close() {
        if (selector != null) {
            try {
                selector.close();
            } catch (IOException e) {
                // its descriptors are free all the same
            }
        }
    }
}
