package dev.sluice.reactor;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats.Counter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * A server with several loops, in a process of its own. Clients that do not read fill the queues of one loop after another, each time to
 * nearly all that the queues may hold together. Says how much direct memory there was at most, and what went wrong.
 */
final class Peaks {

    private static final int LOOPS = 8;
    private static final int CLIENTS_OF_EACH = 3;
    private static final long BUDGET = Runtime.getRuntime().maxMemory() / 4;

    /** For each loop: free chunks, the lent buffer, and a buffer of the JDK's. */
    private static final long CONSTANT = (256 + 64 + 64) << 10;

    /** The loop that serves a client, by the client's port. */
    private static final Map<Integer, Thread> LOOPS_BY_PORT = new ConcurrentHashMap<>();

    /** Bytes that each client of the present peak is sent. */
    private static volatile long part;

    private final ByteBuffer buffer = ByteBuffer.allocateDirect(64 << 10);
    private final long others = direct();
    private final ReactorServer server;

    private Peaks() throws IOException {
        ServerOptions options = ServerOptions.builder().sendBuffer(8 << 10).build();
        server = ReactorServer.start(
                List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))),
                ReactorOptions.builder().server(options).subReactors(LOOPS).build(),
                connection -> {
                    LOOPS_BY_PORT.put(((InetSocketAddress) connection.remoteAddress()).getPort(), Thread.currentThread());
                    return Peaks::flood;
                });
    }

    /** Answers with a part of a peak, whatever was asked. */
    private static void flood(Connection self, ByteBuffer in) {
        in.position(in.limit());
        ByteBuffer piece = ByteBuffer.allocate(64 << 10);
        for (long left = part; left > 0; left -= piece.capacity()) {
            self.write(piece.clear());
        }
    }

    public static void main(String[] args) {
        int status = 1;
        try {
            Peaks peaks = new Peaks();
            peaks.ofEachLoop(true);
            peaks.ofEachLoop(false);
            peaks.end();
            status = 0;
        } catch (Throwable t) {
            t.printStackTrace();
        } finally {
            System.exit(status); // loops are left if it failed
        }
    }

    /** Its clients read all in the end, or none of it. */
    private void ofEachLoop(boolean read) throws Exception {
        LOOPS_BY_PORT.clear();
        List<SocketChannel> clients = new ArrayList<>();
        for (int i = 0; i < LOOPS * CLIENTS_OF_EACH; i++) { // a newcomer goes to a loop that has the fewest
            SocketChannel client = SocketChannel.open().setOption(StandardSocketOptions.SO_RCVBUF, 4 << 10);
            client.connect(server.address());
            clients.add(client);
        }
        await(() -> LOOPS_BY_PORT.size() == clients.size());
        Map<Thread, List<SocketChannel>> clientsOf = clients.stream().collect(Collectors.groupingBy(Peaks::loopOf));
        require(clientsOf.size() > LOOPS / 2, clientsOf.keySet()); // one that has just lost its clients may get fewer
        for (List<SocketChannel> peak : clientsOf.values()) {
            part = BUDGET * 9 / 10 / peak.size();
            for (SocketChannel client : peak) {
                client.write(ByteBuffer.allocate(1));
            }
            await(() -> server.stats().pending() > BUDGET * 8 / 10);
            for (SocketChannel client : peak) {
                if (read) {
                    client.shutdownOutput();
                    while (client.read(buffer.clear()) >= 0) {}
                }
                client.close();
            }
            await(() -> server.stats().pending() == 0);
        }
    }

    private static Thread loopOf(SocketChannel client) {
        try {
            return LOOPS_BY_PORT.get(((InetSocketAddress) client.getLocalAddress()).getPort());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void end() throws Exception {
        long most = direct() - others; // no memory of ours is given back
        long chunks = server.allocatedMemory();
        server.close();
        System.out.printf("%,d bytes of direct memory, %,d of them chunks; budget %,d, %d loops%n", most, chunks, BUDGET, LOOPS);
        require(most <= BUDGET + LOOPS * CONSTANT, "that is too much");
        require(server.stats().get(Counter.OPENED) == 2 * LOOPS * CLIENTS_OF_EACH && server.stats().pending() == 0, server.stats());
    }

    private static long direct() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    private static void require(boolean holds, Object what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    private void await(BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            require(System.nanoTime() < end, server.stats());
            LockSupport.parkNanos(1_000_000);
        }
    }
}
