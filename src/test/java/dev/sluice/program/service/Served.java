package dev.sluice.program.service;

import dev.sluice.ServerStats;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.ReactorOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;

/** A service on an engine, and its clients; in the end the books balance. */
final class Served implements AutoCloseable {

    final Server server;
    private final Service service;
    private final List<Client> clients = new ArrayList<>();

    Served(Engine engine, Service service) throws IOException {
        this(engine, service, ServerOptions.builder());
    }

    Served(Engine engine, Service service, ServerOptions.Builder options) throws IOException {
        this.service = service;
        Server started;
        try {
            started = engine.start(List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))), ReactorOptions.builder().server(options.build()).build(), 40, service.factory());
        } catch (UnsupportedOperationException e) {
            service.close();
            Assumptions.abort(e.getMessage());
            throw e;
        }
        this.server = started;
    }

    Client connect() throws IOException {
        return connect(0);
    }

    Client connect(int receiveBuffer) throws IOException {
        Client client = new Client(server.address(), receiveBuffer);
        clients.add(client);
        return client;
    }

    static void await(BooleanSupplier condition, String what) {
        Awaitility.await(what).pollInterval(Duration.ofMillis(1)).pollDelay(Duration.ZERO).atMost(Duration.ofSeconds(20)).until(condition::getAsBoolean);
    }

    /** A client that speaks in lines. */
    static final class Client {
        final Socket socket = new Socket();
        final BufferedReader in;

        Client(InetSocketAddress address, int receiveBuffer) throws IOException {
            if (receiveBuffer > 0) {
                socket.setReceiveBufferSize(receiveBuffer);
            }
            socket.connect(address);
            socket.setTcpNoDelay(true);
            socket.setSoTimeout(20_000);
            in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        }

        Client say(String line) throws IOException {
            socket.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
            return this;
        }

        String hear() throws IOException {
            return in.readLine();
        }

        List<String> hear(int lines) throws IOException {
            List<String> heard = new ArrayList<>();
            for (int i = 0; i < lines; i++) {
                heard.add(in.readLine());
            }
            return heard;
        }
    }

    @Override
    public void close() throws Exception {
        for (Client client : clients) {
            client.socket.close();
        }
        server.drain(Duration.ofSeconds(5)).get(20, TimeUnit.SECONDS);
        service.close();
        assertEquals(server.stats().get(ServerStats.Counter.OPENED), server.stats().get(ServerStats.Counter.CLOSED));
        assertEquals(0, server.stats().pending());
        assertEquals(0, server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }
}
