package dev.sluice.program.bench;

import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.program.service.Engine;
import dev.sluice.program.service.Services;
import dev.sluice.program.service.Settings;
import dev.sluice.reactor.ReactorOptions;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/** One of Sluice's engines, as {@code serve} runs it: with every limit on. */
record OwnEngine(Engine engine) implements Contender {

    static List<OwnEngine> all() {
        return Stream.of(Engine.values()).map(OwnEngine::new).toList();
    }

    @Override
    public String name() {
        return engine.toString();
    }

    @Override
    public boolean takesNumber() {
        return engine == Engine.REACTOR || engine == Engine.POOL;
    }

    @Override
    public String whyNot() {
        try {
            return engine == Engine.VIRTUAL && Threads.virtual() == null ? "" : null;
        } catch (UnsupportedOperationException e) {
            return e.getMessage();
        }
    }

    @Override
    public int mostConnections(EngineSpec spec) {
        return engine == Engine.POOL ? spec.sizeOr(Engine.POOL_SIZE) : Integer.MAX_VALUE;
    }

    @Override
    public Running start(EngineSpec spec, InetSocketAddress address) throws IOException {
        ReactorOptions options = ReactorOptions.builder()
                .server(ServerOptions.builder().drainTimeout(Duration.ZERO).build())
                .subReactors(engine == Engine.REACTOR ? spec.sizeOr(0) : 0)
                .build();
        Server server = engine.start(List.of(Listener.at(address)), options, spec.sizeOr(Engine.POOL_SIZE), Services.ECHO.open(Settings.none()).factory());
        return new Running() {
            @Override
            public InetSocketAddress address() {
                return server.address();
            }

            @Override
            public void close() {
                server.close();
            }
        };
    }
}
