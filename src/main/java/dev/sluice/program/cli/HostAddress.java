package dev.sluice.program.cli;

import dev.sluice.program.client.Failure;
import dev.sluice.program.client.HostPort;
import dev.sluice.program.client.Place;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Resolves a host within half a second, and formats addresses as people write them. */
final class HostAddress {

    /** A resolver without a network may try for many seconds, but a server that cannot start has to say so within one. */
    private static final long TIMEOUT_MS = 500;

    private HostAddress() {}

    static InetAddress resolve(String name, String option) throws Failure, InterruptedException {
        FutureTask<InetAddress> look = new FutureTask<>(() -> InetAddress.getByName(name));
        Thread thread = new Thread(look, "sluice-resolve");
        thread.setDaemon(true);
        thread.start();
        try {
            return look.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new Failure("cannot resolve '" + name + "', given with " + option + ": no answer within " + TIMEOUT_MS + " ms", e);
        } catch (ExecutionException e) {
            String why = e.getCause() instanceof UnknownHostException ? "no such host" : Failure.reason(e.getCause());
            throw new Failure("cannot resolve '" + name + "', given with " + option + ": " + why, e);
        }
    }

    /** The address of a place, whose host is resolved. */
    static SocketAddress of(Place place, String option) throws Failure, InterruptedException {
        return place.file() == null
                ? new InetSocketAddress(resolve(place.port().host(), option), place.port().port())
                : UnixDomainSocketAddress.of(place.file());
    }

    static String text(InetAddress address, int port) {
        return HostPort.text(address instanceof Inet6Address ? compressed((Inet6Address) address) : address.getHostAddress(), port);
    }

    /** Java's own text, with the longest run of zero groups made {@code ::} as in RFC 5952. */
    private static String compressed(Inet6Address address) {
        String[] groups = address.getHostAddress().split("%", 2);
        String[] parts = groups[0].split(":");
        int start = -1;
        int longest = 1;
        for (int i = 0; i < parts.length; i++) {
            int end = i;
            while (end < parts.length && parts[end].equals("0")) {
                end++;
            }
            if (end - i > longest) {
                start = i;
                longest = end - i;
            }
        }
        String scope = groups.length == 1 ? "" : "%" + groups[1];
        if (start < 0) {
            return groups[0] + scope;
        }
        return join(parts, 0, start) + "::" + join(parts, start + longest, parts.length) + scope;
    }

    private static String join(String[] parts, int from, int to) {
        StringBuilder text = new StringBuilder();
        for (int i = from; i < to; i++) {
            text.append(i > from ? ":" : "").append(parts[i]);
        }
        return text.toString();
    }
}
