package dev.sluice.threads;

import dev.sluice.Reactor;
import dev.sluice.Registration;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.internal.Count;
import dev.sluice.internal.Flight;
import dev.sluice.internal.Listener;
import dev.sluice.internal.Loop;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.slf4j.LoggerFactory;

/** Accepts connections on the server's loop and gives each to a thread. */
final class Acceptor implements Listener.Host {

    final Listener listener;
    private final ConnectionGroup group;
    private final Registration registration;

    Acceptor(Reactor reactor, Loop loop, ConnectionGroup group, ServerSocketChannel socket, InetSocketAddress address)
            throws IOException {
        ServerOptions options = group.options;
        this.group = group;
        this.listener = new Listener(
                socket,
                address,
                options.backlog(),
                options.receiveBuffer(),
                options.maxConnections(),
                loop,
                this,
                LoggerFactory.getLogger(Server.class));
        this.registration = reactor.register(socket, SelectionKey.OP_ACCEPT, (self, readyOps) -> listener.accept());
    }

    @Override
    public void listen(boolean wanted) {
        registration.interest(wanted ? SelectionKey.OP_ACCEPT : 0);
    }

    @Override
    public void admitted(SocketChannel channel) throws IOException {
        Listener.prepare(channel, group.options.sendBuffer());
        ThreadConnection connection = new ThreadConnection(group, channel, channel.getRemoteAddress(), null, group.styles);
        group.connections.add(connection);
        group.counters.increment(Count.ADMITTED); // before its thread can count it as closed
        Flight.opened(connection);
        try {
            group.crew.serve(connection.ownThread);
        } catch (Throwable t) { // the limit of threads is an Error
            group.counters.increment(Count.UNSERVED);
            group.connections.remove(connection);
            Flight.forget(connection);
            listener.sendAway(channel, t);
            return;
        }
        connection.watch.begin();
    }
}
