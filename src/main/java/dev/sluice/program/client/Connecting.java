package dev.sluice.program.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/** Opens a blocking connection: tries each address of the host in turn, and starts again while there is time. */
public final class Connecting {

    private static final long PAUSE_MS = 50;

    private Connecting() {}

    /**
     * Connects.
     *
     * @param peer    where to
     * @param timeout of one attempt; zero leaves it to the system
     * @param retry   how long to go on trying; zero tries once
     * @return a blocking channel
     * @throws Failure              if no attempt succeeded in time
     * @throws InterruptedException if interrupted between two attempts
     */
    public static SocketChannel connect(Place peer, Duration timeout, Duration retry) throws Failure, InterruptedException {
        long start = System.nanoTime();
        while (true) {
            try {
                return once(peer, timeout);
            } catch (IOException e) {
                if (System.nanoTime() - start >= retry.toNanos()) {
                    throw new Failure("cannot connect to " + peer + ": " + reason(e, timeout), e);
                }
            }
            Thread.sleep(PAUSE_MS);
        }
    }

    private static SocketChannel once(Place peer, Duration timeout) throws IOException {
        if (peer.file() != null) {
            return toFile(peer.file());
        }
        IOException failure = null;
        for (InetAddress address : InetAddress.getAllByName(peer.port().host())) {
            SocketChannel channel = SocketChannel.open();
            try {
                channel.socket().connect(new InetSocketAddress(address, peer.port().port()), timeout.isZero() ? 0 : millis(timeout));
                return channel;
            } catch (IOException e) {
                channel.close();
                failure = e;
            }
        }
        throw failure == null ? new UnknownHostException(peer.port().host()) : failure;
    }

    /** Has an answer at once: a connect that blocks would wait for room in a full backlog for ever. */
    private static SocketChannel toFile(Path file) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.configureBlocking(false);
            channel.connect(UnixDomainSocketAddress.of(file));
            channel.configureBlocking(true);
            return channel;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** A timeout as sockets take it: at least 1 ms, as 0 would wait without limit. */
    static int millis(Duration timeout) {
        return (int) Math.max(1, Math.min(Integer.MAX_VALUE, timeout.toMillis()));
    }

    private static String reason(IOException e, Duration timeout) {
        if (e instanceof UnknownHostException) {
            return "no such host";
        }
        return e instanceof SocketTimeoutException ? "no answer within " + timeout.toMillis() + " ms" : Failure.reason(e);
    }
}
