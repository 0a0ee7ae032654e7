package dev.sluice.datagram;

import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A process of its own that runs out of something while it has an endpoint; says what is wrong then, or nothing. */
final class Starved {

    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final DatagramHandler ECHO = (endpoint, sender, data) -> endpoint.send(data, sender);

    private Starved() {}

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "heap" -> heap(args[1]);
            case "direct" -> direct(args[1]);
            case "line" -> line(args[1]);
            default -> threads(args[1]);
        }
        System.exit(0);
    }

    private static DatagramEndpoint start(String kind, int port, DatagramHandler handler) throws IOException {
        return start(kind, new InetSocketAddress(LOOPBACK, port), DatagramOptions.defaults(), handler);
    }

    private static DatagramEndpoint start(String kind, InetSocketAddress address, DatagramOptions options, DatagramHandler handler)
            throws IOException {
        return switch (kind) {
            case "REACTOR" -> ReactorEndpoint.start(address, options, handler);
            case "THREAD" -> BlockingEndpoint.start(address, options, Threads.platform(), handler);
            case "POOL" -> BlockingEndpoint.start(address, options, Threads.pool(3), handler);
            default -> BlockingEndpoint.start(address, options, Threads.virtual(), handler);
        };
    }

    private static void require(boolean holds, Object what) {
        if (!holds) {
            System.out.println(what);
        }
    }

    /** No copy can be made of what is to wait. */
    private static void heap(String kind) throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        DatagramEndpoint endpoint = start(kind, 0, (self, sender, data) -> gate.await());
        try (DatagramSocket client = new DatagramSocket(0, LOOPBACK)) {
            client.send(new DatagramPacket(new byte[1], 1, endpoint.address())); // keeps the loop
            while (endpoint.stats().received() == 0) {
                Thread.onSpinWait();
            }
            SocketAddress to = client.getLocalSocketAddress();
            ByteBuffer data = ByteBuffer.allocate(60_000);
            int thrown = 0;
            List<byte[]> all = fill();
            for (int i = 0; i < 100; i++) {
                try {
                    endpoint.send(data.clear(), to);
                } catch (OutOfMemoryError e) {
                    thrown++;
                }
            }
            all.clear();
            System.gc();
            require(thrown == 0, thrown + " times send threw");
            require(endpoint.send(data.clear(), to), "there is no room in the queue any more: " + endpoint.stats());
            gate.countDown();
            DatagramStats end = endpoint.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS);
            require(end.dropped() > 0, "there was memory: " + end);
            require(end.queued() == 0 && end.offered() == end.sent() + end.dropped() + end.failed(), "the books do not balance: " + end);
        }
    }

    private static List<byte[]> fill() {
        List<byte[]> all = new ArrayList<>(100_000);
        for (int size = 1 << 20; size >= 1 << 10; ) {
            try {
                all.add(new byte[size]);
            } catch (OutOfMemoryError e) {
                size /= 2;
            }
        }
        return all;
    }

    /** There is no buffer to receive into. */
    private static void direct(String kind) throws Exception {
        int port;
        try (DatagramSocket free = new DatagramSocket(0, LOOPBACK)) {
            port = free.getLocalPort();
        }
        List<ByteBuffer> all = new ArrayList<>();
        try {
            while (true) {
                all.add(ByteBuffer.allocateDirect(16 << 10));
            }
        } catch (OutOfMemoryError e) {
            require(!all.isEmpty(), e);
        }
        try {
            start(kind, port, ECHO);
            System.out.println("it started");
        } catch (OutOfMemoryError e) {
            new DatagramSocket(port, LOOPBACK).close(); // is free
        }
    }

    /** The line takes 2 kB a second, and 30 kB wait. */
    private static void line(String kind) throws Exception {
        DatagramOptions options = DatagramOptions.builder().sendBuffer(1).build(); // as little as the kernel allows
        DatagramEndpoint endpoint = start(kind, new InetSocketAddress(0), options, ECHO);
        InetSocketAddress far = new InetSocketAddress(InetAddress.getByAddress(new byte[] {10, 9, 0, 2}), 9);
        for (int i = 0; i < 300; i++) {
            require(endpoint.send(ByteBuffer.allocate(100), far), "there is no room in the queue");
        }
        DatagramStats end = endpoint.drain(Duration.ofMillis(200)).get(5, TimeUnit.SECONDS);
        require(end.dropped() > 0 && end.queued() == 0 && end.offered() == end.sent() + end.dropped() + end.failed(), end);
    }

    /** No thread is to be had, and it is to end. */
    private static void threads(String kind) throws Exception {
        DatagramEndpoint endpoint = start(kind, 0, ECHO);
        try {
            while (true) {
                Thread idle = new Thread(LockSupport::park);
                idle.setDaemon(true);
                idle.start();
            }
        } catch (OutOfMemoryError e) {
            endpoint.drain(Duration.ofSeconds(10)).get(20, TimeUnit.SECONDS);
        }
    }
}
