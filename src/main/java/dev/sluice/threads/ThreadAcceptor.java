package dev.sluice.threads;

import dev.sluice.Listener;
import dev.sluice.ProxyHeader;
import dev.sluice.Server;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ListenerSockets;
import dev.sluice.reactor.Registration;
import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.LoggerFactory;

/** Accepts connections on the server's loop and gives each to a thread. */
final class ThreadAcceptor implements ListenerSockets.Host {

    final ListenerSockets sockets;
    private final ThreadContext context;
    private final ThreadService service;

    ThreadAcceptor(ThreadContext context, ThreadService service, Admission admission, List<Listener> listeners) throws IOException {
        this.context = context;
        this.service = service;
        this.sockets = new ListenerSockets(
                context.seams.sockets(), listeners, context.options, admission, context.loop, this, LoggerFactory.getLogger(Server.class));
        context.renamed = sockets.renamed();
    }

    @Override
    public Consumer<Boolean> register(ServerSocketChannel socket, Runnable accept) throws IOException {
        Registration registration = context.reactor.register(socket, SelectionKey.OP_ACCEPT, (self, readyOps) -> accept.run());
        return wanted -> registration.interest(wanted ? SelectionKey.OP_ACCEPT : 0);
    }

    @Override
    public void makeRoom() {
        context.relieve();
    }

    @Override
    public Runnable watch(SocketChannel channel, Runnable readable) throws IOException {
        return context.reactor.register(channel, SelectionKey.OP_READ, (self, readyOps) -> readable.run())::cancel;
    }

    @Override
    public void admitted(SocketChannel channel, ProxyHeader header) throws IOException {
        if (header != null) {
            channel.configureBlocking(true); // while the header was awaited it did not block
        }
        ListenerSockets.prepare(channel, context.options);
        Throwable noThread = context.serve(new ThreadConnection(context, channel, channel.getRemoteAddress(), header, null, service));
        if (noThread != null) {
            sockets.sendAway(channel, noThread);
        }
    }
}
