package dev.sluice.simulation;

import java.net.BindException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * The ports of the one host of a simulated network. Unless a certain one is asked for, they are given out in turn from a range, as Linux
 * does, and used again once they are free. A client's port is taken for one server only, a listener's for all.
 */
final class Ports {

    /** The range of Linux ({@code net.ipv4.ip_local_port_range}). */
    private static final int FIRST = 32_768;
    private static final int LAST = 60_999;

    private final Map<Integer, SimulatedListener> listeners = new HashMap<>();

    /** Servers' ports, by clients'. */
    private final Map<Integer, Set<Integer>> clients = new HashMap<>();

    private int next = FIRST;

    /** The listener at a port, or null. */
    SimulatedListener listener(int port) {
        return listeners.get(port);
    }

    /** Gives a listener a port, a free one for 0; returns which. */
    int listen(SimulatedListener listener, int wanted) throws BindException {
        int port = wanted == 0 ? free("Address already in use", candidate -> !clients.containsKey(candidate)) : wanted;
        if (listeners.putIfAbsent(port, listener) != null) {
            throw new BindException("Address already in use (simulated)");
        }
        return port;
    }

    void close(int port) {
        listeners.remove(port);
    }

    /** Gives a client a port from which none is connected to that server. */
    int connect(int server) throws BindException {
        int port = free("Cannot assign requested address", candidate ->
                candidate != server && !clients.getOrDefault(candidate, Set.of()).contains(server));
        clients.computeIfAbsent(port, p -> new HashSet<>()).add(server);
        return port;
    }

    void disconnect(int client, int server) {
        clients.computeIfPresent(client, (port, servers) -> servers.remove(server) && servers.isEmpty() ? null : servers);
    }

    private int free(String otherwise, IntPredicate isFree) throws BindException {
        for (int tries = FIRST; tries <= LAST; tries++) {
            int port = next;
            next = port == LAST ? FIRST : port + 1;
            if (!listeners.containsKey(port) && isFree.test(port)) {
                return port;
            }
        }
        throw new BindException(otherwise + " (simulated)");
    }
}
