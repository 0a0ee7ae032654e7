package dev.sluice.threads;

import dev.sluice.Server;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ListenerSocket;
import dev.sluice.reactor.Registration;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.slf4j.LoggerFactory;

/** Accepts connections on the server's loop and gives each to a thread. */
final class ThreadAcceptor implements ListenerSocket.Host {

    final ListenerSocket listener;
    private final ThreadContext context;
    private final ThreadService service;
    private final Registration registration;

    ThreadAcceptor(
            ThreadContext context, ThreadService service, Admission admission, ServerSocketChannel socket, InetSocketAddress address)
            throws IOException {
        this.context = context;
        this.service = service;
        this.listener = new ListenerSocket(
                socket,
                address,
                context.options,
                admission,
                context.loop(),
                this,
                LoggerFactory.getLogger(Server.class));
        this.registration = context.reactor.register(socket, SelectionKey.OP_ACCEPT, (self, readyOps) -> listener.accept());
    }

    @Override
    public void listen(boolean wanted) {
        registration.interest(wanted ? SelectionKey.OP_ACCEPT : 0);
    }

    @Override
    public void admitted(SocketChannel channel) throws IOException {
        ListenerSocket.prepare(channel, context.options.sendBuffer());
        Throwable noThread = context.serve(new ThreadConnection(context, channel, channel.getRemoteAddress(), null, service));
        if (noThread != null) {
            listener.sendAway(channel, noThread);
        }
    }
}
