package dev.sluice.program.cli;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/** A blocking connection: each address of the host in turn, and all over again while there is time. */
final class Connecting {

    private static final long PAUSE_MS = 50;

    private Connecting() {}

    static SocketChannel connect(HostPort peer, Duration timeout, Duration retry) throws Failure, InterruptedException {
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

    private static SocketChannel once(HostPort peer, Duration timeout) throws IOException {
        IOException failure = null;
        for (InetAddress address : InetAddress.getAllByName(peer.host())) {
            SocketChannel channel = SocketChannel.open();
            try {
                int millis = timeout.isZero() ? 0 : (int) Math.max(1, Math.min(Integer.MAX_VALUE, timeout.toMillis()));
                channel.socket().connect(new InetSocketAddress(address, peer.port()), millis);
                return channel;
            } catch (IOException e) {
                channel.close();
                failure = e;
            }
        }
        throw failure == null ? new UnknownHostException(peer.host()) : failure;
    }

    private static String reason(IOException e, Duration timeout) {
        if (e instanceof UnknownHostException) {
            return "no such host";
        }
        return e instanceof SocketTimeoutException ? "no answer within " + timeout.toMillis() + " ms" : Failure.reason(e);
    }
}
