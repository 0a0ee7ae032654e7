package dev.sluice.reactor;

import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ProxyHeader;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.internal.Admission;
import dev.sluice.internal.ListenerSockets;
import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.spi.SelectorProvider;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.LoggerFactory;

/** Accepts connections on the main reactor and hands each to the context with the fewest. */
final class ReactorAcceptor implements ListenerSockets.Host {

    final ListenerSockets sockets;
    private final Reactor reactor;
    private final ReactorContext[] contexts;
    private final Handler.Factory factory;
    private final Runnable forgetEnd;
    private int turn;

    ReactorAcceptor(
            Reactor reactor, ServerOptions options, ReactorContext[] contexts, Admission admission, Handler.Factory factory,
            SelectorProvider provider, List<Listener> listeners) throws IOException {
        this.reactor = reactor;
        this.contexts = contexts;
        this.factory = factory;
        this.sockets = new ListenerSockets(
                provider, listeners, options, admission, reactor.loop(), this, LoggerFactory.getLogger(Server.class));
        for (ReactorContext context : contexts) {
            context.renamed = sockets.renamed();
        }
        this.forgetEnd = reactor.atEnd(sockets::loopHasEnded);
    }

    @Override
    public Consumer<Boolean> register(ServerSocketChannel socket, Runnable accept) throws IOException {
        Registration registration = reactor.register(socket, SelectionKey.OP_ACCEPT, (self, readyOps) -> accept.run());
        return wanted -> registration.interest(wanted ? SelectionKey.OP_ACCEPT : 0);
    }

    @Override
    public void makeRoom() {
        ReactorContext first = contexts[0]; // finds the one that holds most
        if (first.reactor == reactor) {
            first.relieve();
        } else {
            first.reactor.execute(first::relieve);
        }
    }

    @Override
    public Runnable watch(SocketChannel channel, Runnable readable) throws IOException {
        return reactor.register(channel, SelectionKey.OP_READ, (self, readyOps) -> readable.run())::cancel;
    }

    @Override
    public void admitted(SocketChannel channel, ProxyHeader header) throws IOException {
        ReactorContext context = leastLoaded();
        context.load.incrementAndGet();
        try {
            if (context.reactor == reactor) {
                open(context, channel, header);
            } else if (!context.reactor.execute(() -> openThere(context, channel, header))) {
                throw new IOException("the sub-reactor has ended");
            }
        } catch (Throwable t) {
            context.load.decrementAndGet();
            throw t;
        }
    }

    private void openThere(ReactorContext context, SocketChannel channel, ProxyHeader header) {
        try {
            open(context, channel, header);
        } catch (Throwable t) {
            context.load.decrementAndGet();
            context.dropped(channel, t);
        }
    }

    /** On the context's thread. The socket's peer may be gone already, so that its first use fails. */
    private void open(ReactorContext context, SocketChannel channel, ProxyHeader header) throws IOException {
        ListenerSockets.prepare(channel, context.options);
        ReactorConnection.open(context, channel, header, factory, false);
    }

    /** The context with the fewest connections; of several, each in turn. */
    private ReactorContext leastLoaded() {
        turn = (turn + 1) % contexts.length;
        ReactorContext least = contexts[turn];
        for (ReactorContext context : contexts) {
            least = context.load.get() < least.load.get() ? context : least;
        }
        return least;
    }

    /** Accepts what the backlogs hold, closes the sockets and frees their ports. Once, and not within callbacks. */
    void close() throws IOException {
        sockets.close();
        forgetEnd.run();
        reactor.releaseClosedChannels();
    }
}
