package dev.sluice;

import dev.sluice.internal.Listener;
import dev.sluice.internal.Loop;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.slf4j.LoggerFactory;

/** Accepts connections on the main reactor and hands each to the group with the fewest. */
final class Acceptor implements Listener.Host {

    final Listener listener;
    private final Reactor reactor;
    private final ServerOptions options;
    private final ConnectionGroup[] groups;
    private final Handler.Factory factory;
    private final Registration registration;
    private int turn;

    Acceptor(
            Reactor reactor, ServerOptions options, ConnectionGroup[] groups, Handler.Factory factory,
            ServerSocketChannel socket, InetSocketAddress address) throws IOException {
        this.reactor = reactor;
        this.options = options;
        this.groups = groups;
        this.factory = factory;
        this.listener = new Listener(
                socket, address, options.backlog(), options.receiveBuffer(), options.maxConnections(),
                reactor.loop(), this, LoggerFactory.getLogger(Server.class));
        this.registration = reactor.register(socket, SelectionKey.OP_ACCEPT, (self, readyOps) -> listener.accept());
    }

    @Override
    public void listen(boolean wanted) {
        registration.interest(wanted ? SelectionKey.OP_ACCEPT : 0);
    }

    @Override
    public void admitted(SocketChannel channel) throws IOException {
        ConnectionGroup group = leastLoaded();
        group.load.incrementAndGet();
        try {
            if (group.reactor == reactor) {
                open(group, channel);
            } else if (!group.reactor.execute(() -> openThere(group, channel))) {
                throw new IOException("the sub-reactor has ended");
            }
        } catch (Throwable t) {
            group.load.decrementAndGet();
            throw t;
        }
    }

    private void openThere(ConnectionGroup group, SocketChannel channel) {
        try {
            open(group, channel);
        } catch (Throwable t) {
            group.load.decrementAndGet();
            reactor.execute(() -> listener.dropped(channel, t));
        }
    }

    /** On the group's thread. The socket's peer may be gone already, so that its first use fails. */
    private void open(ConnectionGroup group, SocketChannel channel) throws IOException {
        Listener.prepare(channel, options.sendBuffer());
        ReactorConnection.open(group, channel, factory);
    }

    /** The group with the fewest connections; of several, each in turn. */
    private ConnectionGroup leastLoaded() {
        turn = (turn + 1) % groups.length;
        ConnectionGroup least = groups[turn];
        for (ConnectionGroup group : groups) {
            least = group.load.get() < least.load.get() ? group : least;
        }
        return least;
    }

    /** Accepts what the backlog holds, closes the listener and frees its port. Once, and not within callbacks. */
    void close() throws IOException {
        listener.close();
        reactor.releaseClosedChannels();
    }
}
