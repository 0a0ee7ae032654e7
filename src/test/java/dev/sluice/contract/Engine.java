package dev.sluice.contract;

import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorOptions;
import dev.sluice.reactor.ReactorServer;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.spi.SelectorProvider;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** The engines that the contracts run on. Reports name an engine by its place in this list, failures by its name. */
enum Engine {
    /** One loop. */
    REACTOR(true) {
        @Override
        Server start(List<Listener> listeners, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
            return ReactorServer.start(listeners, ReactorOptions.builder().server(options.build()).build(), factory);
        }
    },
    /** One loop that accepts, and three that serve. */
    SUB_REACTORS(true) {
        @Override
        Server start(List<Listener> listeners, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
            return ReactorServer.start(listeners, ReactorOptions.builder().server(options.build()).subReactors(3).build(), factory);
        }
    },
    /** A loop of the caller's, which runs it until its server has ended. */
    CALLERS_REACTOR(true) {
        @Override
        Server start(List<Listener> listeners, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
            Reactor reactor = Reactor.open();
            Server server = ReactorServer.open(reactor, SelectorProvider.provider(), listeners, options.build(), factory);
            server.termination().whenComplete((report, failure) -> reactor.stop());
            new Thread(() -> run(reactor), "sluice-callers-reactor").start();
            return server;
        }

        private static void run(Reactor reactor) {
            try {
                reactor.run();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    },
    /** A thread for each connection. */
    THREADS(false) {
        @Override
        Server start(List<Listener> listeners, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
            return ThreadServer.start(listeners, options.build(), Threads.platform(), factory);
        }
    },
    /** A pool of the default size. */
    POOL(false) {
        @Override
        Server start(List<Listener> listeners, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
            return ThreadServer.start(listeners, options.build(), Threads.pool(12), factory);
        }
    },
    /** A virtual thread for each connection, on a Java that has them. */
    VIRTUAL(false) {
        @Override
        Server start(List<Listener> listeners, ServerOptions.Builder options, Handler.Factory factory) throws IOException {
            return ThreadServer.start(listeners, options.build(), Threads.virtual(), factory);
        }
    };

    static {
        if (Runtime.version().feature() < 21) {
            System.out.println("contracts on engine virtual: not run, they need Java 21");
        }
    }

    /** Whether all callbacks of a connection come on one thread: a reactor's promise alone. */
    final boolean keepsToOneThread;

    Engine(boolean keepsToOneThread) {
        this.keepsToOneThread = keepsToOneThread;
    }

    abstract Server start(List<Listener> listeners, ServerOptions.Builder options, Handler.Factory factory) throws IOException;

    /** The engine that {@code -Dsluice.engine} names, or all that this Java has. */
    static List<Engine> chosen() {
        String name = System.getProperty("sluice.engine");
        if (name != null) {
            return List.of(valueOf(name.replace('-', '_').toUpperCase(Locale.ROOT)));
        }
        return Stream.of(values()).filter(engine -> engine != VIRTUAL || Runtime.version().feature() >= 21).toList();
    }

    @Override
    public String toString() {
        return name().replace('_', '-').toLowerCase(Locale.ROOT);
    }
}
