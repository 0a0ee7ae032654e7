package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.reactor.ReactorMemory;
import dev.sluice.reactor.ReactorServer;
import dev.sluice.reactor.ReactorStats;
import dev.sluice.reactor.Recorder;
import dev.sluice.threads.ThreadMemory;
import dev.sluice.threads.ThreadServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** A server on some engine, its clients, and the check after every test: nothing is left, and the books balance. */
final class Rig implements AutoCloseable {

    /** Whether the clients of the contracts connect to Unix-domain sockets. */
    static final boolean ON_UNIX = "unix".equals(System.getProperty("sluice.door"));

    /** Whether a socket tells how many bytes have arrived, so that the peer's end is not taken for some. */
    static final boolean COUNTS_INPUT = !ON_UNIX || Runtime.version().feature() >= 19;

    private static final Duration LONGEST = Duration.ofSeconds(20);
    private static final Executor THREADS = task -> new Thread(task, "test").start();

    final List<Recorder> recorders = new CopyOnWriteArrayList<>();
    private final List<Client> clients = new ArrayList<>();
    final Server server;

    Rig(Engine engine, ServerOptions.Builder options, Function<Connection, Handler> handlers) throws IOException {
        this(engine, List.of(door()), options, handlers);
    }

    /** A place to listen at that is free: a port of the loopback interface, or with {@code -Dsluice.door=unix} a file. */
    static Listener door() throws IOException {
        return Listener.at(ON_UNIX ? unixDoor() : new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    static UnixDomainSocketAddress unixDoor() throws IOException {
        Path file = Files.createTempFile("sluice", ".sock");
        Files.delete(file);
        return UnixDomainSocketAddress.of(file);
    }

    Rig(Engine engine, List<Listener> listeners, ServerOptions.Builder options, Function<Connection, Handler> handlers) throws IOException {
        server = engine.start(listeners, options, connection -> {
            Recorder recorder = new Recorder(connection, handlers.apply(connection), engine.keepsToOneThread);
            recorders.add(recorder);
            return recorder;
        });
    }

    /** Connects a client, and waits until its connection has its handler. */
    Client connect() throws IOException {
        int before = recorders.size();
        Client client = connectOnly();
        await(() -> recorders.size() > before, "the connection is open");
        client.recorder = recorders.get(before);
        return client;
    }

    Client connectOnly() throws IOException {
        return connectOnly(0);
    }

    Client connectOnly(int receiveBuffer) throws IOException {
        return connectOnly(server.addresses().get(0), receiveBuffer);
    }

    Client connectOnly(SocketAddress address, int receiveBuffer) throws IOException {
        if (address instanceof UnixDomainSocketAddress) {
            return client(new UnixSocket(address));
        }
        Socket socket = new Socket();
        if (receiveBuffer > 0) {
            socket.setReceiveBufferSize(receiveBuffer);
        }
        return connect(socket, address);
    }

    /** From an address of this machine's, such as 127.0.0.2. */
    Client connectFrom(String host) throws IOException {
        Socket socket = new Socket();
        socket.bind(new InetSocketAddress(host, 0));
        return connect(socket, server.address());
    }

    private Client connect(Socket socket, SocketAddress address) throws IOException {
        socket.connect(address);
        socket.setTcpNoDelay(true);
        socket.setSoTimeout((int) LONGEST.toMillis());
        return client(socket);
    }

    private Client client(Socket socket) throws IOException {
        Client client = new Client(socket);
        clients.add(client);
        return client;
    }

    void await(BooleanSupplier condition, String what) {
        Awaitility.await(what)
                .pollInterval(Duration.ofMillis(1))
                .pollDelay(Duration.ZERO)
                .atMost(LONGEST)
                .until(condition::getAsBoolean);
    }

    /**
     * Writes until so many bytes wait, the kernel being full. A write that is just taken from the messages to the queue of a reactor is
     * in neither for an instant, and seems to be missing: so there may be one more of 64 KiB. Returns how many bytes wait.
     */
    long fill(Client client, int bytes) {
        return fill(client, bytes, () -> ByteBuffer.allocate((int) Math.min(64 << 10, bytes - client.connection().pending())));
    }

    long fill(Client client, int bytes, Supplier<ByteBuffer> pieces) {
        Connection connection = client.connection();
        await(() -> {
            if (connection.pending() < bytes) {
                connection.write(pieces.get());
            }
            return connection.pending() >= bytes && isStill(connection);
        }, bytes + " bytes wait");
        return connection.pending();
    }

    private static boolean isStill(Connection connection) {
        long before = connection.pending();
        long start = System.nanoTime();
        while (System.nanoTime() - start < 50_000_000) {
            Thread.onSpinWait();
        }
        return connection.pending() == before;
    }

    static <T> CompletableFuture<T> inBackground(java.util.concurrent.Callable<T> task) {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return task.call();
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                },
                THREADS);
    }

    /** A client whose end the test holds. */
    final class Client {
        final Socket socket;
        final InputStream in;
        final OutputStream out;
        Recorder recorder;

        Client(Socket socket) throws IOException {
            this.socket = socket;
            this.in = socket.getInputStream();
            this.out = socket.getOutputStream();
        }

        Connection connection() {
            return recorder.connection;
        }

        Client send(String text) throws IOException {
            out.write(text.getBytes(StandardCharsets.ISO_8859_1));
            return this;
        }

        String receive(int bytes) throws IOException {
            return new String(in.readNBytes(bytes), StandardCharsets.ISO_8859_1);
        }

        /** All that comes until the end. */
        String receiveAll() throws IOException {
            return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        }

        /** Sends until the other side takes no more for a while; returns how much. */
        long sendUntilStuck() throws Exception {
            byte[] block = new byte[64 << 10];
            long[] sent = new long[1];
            CompletableFuture<Void> sending = inBackground(() -> {
                try {
                    while (true) {
                        out.write(block);
                        sent[0] += block.length;
                    }
                } catch (IOException e) {
                    return null; // closed by the server, or at the end of the test
                }
            });
            long last = -1;
            while (!sending.isDone() && last != sent[0]) {
                last = sent[0];
                try {
                    sending.get(300, TimeUnit.MILLISECONDS);
                } catch (java.util.concurrent.TimeoutException e) {
                    // looks whether it has moved
                }
            }
            return sent[0];
        }

        /** Whether the end that comes is a reset, which on a Unix-domain socket is a plain end. */
        boolean awaitReset() throws IOException {
            try {
                in.readAllBytes();
                return ON_UNIX;
            } catch (java.net.SocketException e) {
                return true;
            }
        }

        CloseReason awaitClose() {
            Rig.this.await(recorder::isClosed, "onClose");
            return recorder.reason;
        }
    }

    @Override
    public void close() throws Exception {
        for (Client client : clients) {
            client.socket.close();
        }
        server.drain(Duration.ofSeconds(1));
        try {
            DrainReport report = server.termination().get(30, TimeUnit.SECONDS);
            assertEquals(report.connections(), report.flushed() + report.cut());
        } catch (ExecutionException e) {
            throw new AssertionError("the server failed", e);
        }
        assertEquals(List.of(), recorders.stream().flatMap(r -> r.check().stream()).toList());
        ServerStats stats = server.stats();
        assertEquals(stats.get(ServerStats.Counter.OPENED), stats.get(ServerStats.Counter.CLOSED), "opened = closed");
        assertEquals(
                stats.get(ServerStats.Counter.CLOSED),
                Stream.of(CloseReason.Kind.values()).mapToLong(stats::closedBy).sum(),
                "each with its reason");
        assertEquals(0, stats.pending(), "enqueued = written + discarded: " + stats);
        assertEquals(0, stats.get(ServerStats.Counter.WAITING));
        assertEquals(0, held(), "bytes of memory that count as held");
        await(() -> threads() == 0, "the server's threads end: " + Thread.getAllStackTraces().keySet());
        assertTrue(loops().stream().allMatch(loop -> loop.failures() == 0), "failures that reached a loop");
    }

    List<ReactorStats> loops() {
        return server instanceof ReactorServer reactors ? reactors.loops() : List.of(((ThreadServer) server).loop());
    }

    /** Memory that the connections hold together. */
    long held() {
        return server instanceof ReactorServer reactors ? ReactorMemory.held(reactors) : ThreadMemory.held((ThreadServer) server);
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("sluice"))
                .count();
    }
}
