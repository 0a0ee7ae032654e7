package dev.sluice.program.cli;

import dev.sluice.Server;
import dev.sluice.datagram.DatagramEndpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * What one process serves: a server for all places with connections, and an endpoint for each with datagrams. They begin together, and drain
 * together; the failure of one is that of all. Any thread, but for the beginning.
 */
final class Serving implements AutoCloseable {

    private final List<DatagramEndpoint> endpoints = new ArrayList<>();
    private Server server;

    void add(DatagramEndpoint endpoint) {
        endpoints.add(endpoint);
    }

    void add(Server connections) {
        server = connections;
    }

    /** Null if it serves datagrams alone. */
    Server server() {
        return server;
    }

    List<DatagramEndpoint> endpoints() {
        return endpoints;
    }

    void drain(Duration quiet, Duration timeout) {
        if (server != null) {
            server.drain(quiet, timeout);
        }
        endpoints.forEach(endpoint -> endpoint.drain(timeout));
    }

    /** Completes when all have ended, or with the first failure. */
    CompletableFuture<Void> end() {
        List<CompletableFuture<?>> ends = new ArrayList<>();
        endpoints.forEach(endpoint -> ends.add(endpoint.termination()));
        if (server != null) {
            ends.add(server.termination());
        }
        CompletableFuture<Void> end = CompletableFuture.allOf(ends.toArray(new CompletableFuture<?>[0]));
        for (CompletableFuture<?> each : ends) {
            each.whenComplete((ended, failure) -> {
                if (failure != null) {
                    end.completeExceptionally(failure);
                }
            });
        }
        return end;
    }

    /** Ends what has begun. Waits for connections, not for datagrams. */
    @Override
    public void close() {
        endpoints.forEach(DatagramEndpoint::close);
        if (server != null) {
            server.close();
        }
    }
}
