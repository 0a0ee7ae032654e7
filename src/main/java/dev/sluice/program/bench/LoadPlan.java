package dev.sluice.program.bench;

import dev.sluice.InvalidOption;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;

/**
 * The plan of a load: connections, size, time.
 *
 * @param host        the server's address; or {@code unix:PATH}
 * @param port        the server's; 0 with a path
 * @param connections open at the same time
 * @param size        bytes of a request, and of its answer
 * @param pipeline    requests in flight on a connection, at most
 * @param warmUpMs    milliseconds of the same load before anything is measured
 * @param durationMs  milliseconds that are measured
 * @param rate        requests a second over all connections, sent at planned times (open loop); 0: each connection sends the next
 *                    request when an answer has come (closed loop)
 * @param expect      the answers that are right
 * @param serverPid   process whose processor time is measured, or 0
 */
public record LoadPlan(
        String host,
        int port,
        int connections,
        int size,
        int pipeline,
        long warmUpMs,
        long durationMs,
        double rate,
        Expect expect,
        long serverPid) {

    /** Bytes in flight on one connection, at most: 64 MiB. */
    public static final int MOST_IN_FLIGHT = 64 << 20;

    private static final String UNIX = "unix:";
    private static final long LONGEST_MS = 86_400_000;

    /**
     * Checks every value.
     *
     * @throws InvalidOption naming the first that is out of its range
     */
    public LoadPlan {
        InvalidOption.within("connections", connections, 1, 60_000);
        InvalidOption.within("size", size, 1, MOST_IN_FLIGHT);
        InvalidOption.within("pipeline", pipeline, 1, 1_000_000);
        if ((long) size * pipeline > MOST_IN_FLIGHT) {
            throw new InvalidOption("size", "at most " + MOST_IN_FLIGHT / pipeline + " with %s " + pipeline, "pipeline", size);
        }
        if (warmUpMs < 0 || warmUpMs > LONGEST_MS) {
            throw new InvalidOption("warmUp", "at most 1d", warmUpMs);
        }
        if (durationMs < 1 || durationMs > LONGEST_MS) {
            throw new InvalidOption("duration", "between 1ms and 1d", durationMs);
        }
        if (rate < 0 || rate > 1e9) {
            throw new InvalidOption("rate", "between 0 and 1000000000", rate);
        }
    }

    /**
     * Where the server is.
     *
     * @return the address of its port, or of its Unix-domain socket
     */
    public SocketAddress server() {
        return host.startsWith(UNIX) ? UnixDomainSocketAddress.of(host.substring(UNIX.length())) : new InetSocketAddress(host, port);
    }

    /**
     * Whether requests have planned times.
     *
     * @return true with a rate
     */
    public boolean isOpenLoop() {
        return rate > 0;
    }
}
