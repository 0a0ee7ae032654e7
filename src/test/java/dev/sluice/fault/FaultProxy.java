package dev.sluice.fault;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A relay on loopback that does to each direction what a bad network does: chunks, delay, rate, stall, half-close, reset. What is
 * random comes from a seed, one stream of numbers for each connection and direction in the order of connects, so that a run can
 * be repeated. Two threads a connection.
 */
public final class FaultProxy implements AutoCloseable {

    /**
     * The faults of one direction. Zero, or less, is no fault.
     *
     * @param chunk          bytes are passed on in pieces of 1 to so many
     * @param delayMs        each piece waits so long
     * @param bytesPerSecond the rate at most
     * @param stallAfter     nothing is passed on after so many bytes, until the proxy closes
     * @param endAfter       the direction is half-closed after so many bytes; the rest is read and dropped
     * @param resetAfter     both sides are reset after so many bytes
     */
    public record Faults(int chunk, long delayMs, long bytesPerSecond, long stallAfter, long endAfter, long resetAfter) {

        /** A good network. */
        public static final Faults NONE = new Faults(0, 0, 0, 0, 0, 0);

        /**
         * Pieces alone.
         *
         * @param most bytes of the longest
         * @return the faults
         */
        public static Faults chunks(int most) {
            return new Faults(most, 0, 0, 0, 0, 0);
        }

        /**
         * A slow line.
         *
         * @param bytesPerSecond its rate
         * @return the faults
         */
        public static Faults rate(long bytesPerSecond) {
            return new Faults(1_460, 0, bytesPerSecond, 0, 0, 0);
        }

        /**
         * A reset.
         *
         * @param bytes passed on before it
         * @return the faults
         */
        public static Faults reset(long bytes) {
            return new Faults(0, 0, 0, 0, 0, bytes);
        }
    }

    private final ServerSocket listener;
    private final InetSocketAddress target;
    private final Faults toServer;
    private final Faults toClient;
    private final Random seeds;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final AtomicLong passed = new AtomicLong();
    private final AtomicLong pieces = new AtomicLong();
    private volatile boolean closed;

    /**
     * Starts one.
     *
     * @param target   where clients are relayed to
     * @param seed     of all that is random
     * @param toServer what happens on the way there
     * @param toClient what happens on the way back
     * @throws IOException if it cannot listen
     */
    public FaultProxy(InetSocketAddress target, long seed, Faults toServer, Faults toClient) throws IOException {
        this.listener = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        this.target = target;
        this.toServer = toServer;
        this.toClient = toClient;
        this.seeds = new Random(seed);
        thread(this::accept);
    }

    private static void thread(Runnable work) {
        Thread thread = new Thread(work, "fault-proxy");
        thread.setDaemon(true);
        thread.start();
    }

    /** Where clients connect to. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listener.getLocalSocketAddress();
    }

    /** Bytes passed on, both ways together. */
    public long passed() {
        return passed.get();
    }

    /** In so many pieces; on their way the kernel may join them again. */
    public long pieces() {
        return pieces.get();
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listener.accept();
                Socket server = new Socket();
                sockets.add(client);
                sockets.add(server);
                client.setTcpNoDelay(true);
                server.setTcpNoDelay(true);
                server.connect(target);
                Random there = new Random(seeds.nextLong());
                Random back = new Random(seeds.nextLong());
                thread(() -> relay(client, server, toServer, there));
                thread(() -> relay(server, client, toClient, back));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void relay(Socket from, Socket to, Faults faults, Random random) {
        byte[] buffer = new byte[faults.chunk() > 0 ? faults.chunk() : 16 << 10];
        long done = 0;
        long start = System.nanoTime();
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int read; (read = in.read(buffer, 0, next(buffer.length, faults, random))) > 0; ) {
                if (faults.delayMs() > 0) {
                    LockSupport.parkNanos(faults.delayMs() * 1_000_000);
                }
                if (faults.bytesPerSecond() > 0) {
                    pace(start, done + read, faults.bytesPerSecond());
                }
                int pass = pass(done, read, faults);
                passed.addAndGet(pass); // before the bytes: a test that sees their answer sees them counted
                pieces.incrementAndGet();
                out.write(buffer, 0, pass);
                if (faults.resetAfter() > 0 && done + read >= faults.resetAfter()) {
                    reset(from);
                    reset(to);
                    return;
                }
                if (faults.endAfter() > 0 && done < faults.endAfter() && done + read >= faults.endAfter()) {
                    to.shutdownOutput();
                }
                while (faults.stallAfter() > 0 && done + read >= faults.stallAfter() && !closed) {
                    LockSupport.parkNanos(10_000_000);
                }
                done += read;
            }
            to.shutdownOutput();
        } catch (IOException e) {
            reset(from); // one side is lost: so is the other
            reset(to);
        }
    }

    private static int next(int most, Faults faults, Random random) {
        return faults.chunk() > 1 ? 1 + random.nextInt(most) : most;
    }

    /** How many of these bytes go through. */
    private static int pass(long done, int read, Faults faults) {
        long most = Long.MAX_VALUE;
        if (faults.resetAfter() > 0) {
            most = faults.resetAfter();
        }
        if (faults.endAfter() > 0) {
            most = Math.min(most, faults.endAfter());
        }
        return (int) Math.max(0, Math.min(read, most - done));
    }

    private static void pace(long startNs, long bytes, long bytesPerSecond) {
        long dueNs = startNs + bytes * 1_000_000_000 / bytesPerSecond;
        for (long wait; (wait = dueNs - System.nanoTime()) > 0; ) {
            LockSupport.parkNanos(wait);
        }
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // gone already
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
