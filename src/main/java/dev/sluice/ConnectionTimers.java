package dev.sluice;

import java.time.Duration;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * The timers that handlers have set, by connection, so that none outlives its connection: a timer of an hour on each of a
 * thousand connections a second would else hold them all. Kept here and not with the connection, most of which have none.
 */
final class ConnectionTimers {

    private final Reactor reactor;
    private final Map<ReactorConnection, Set<Timer>> waiting = new IdentityHashMap<>();

    ConnectionTimers(Reactor reactor) {
        this.reactor = reactor;
    }

    Timer schedule(ReactorConnection connection, Duration delay, Runnable task) {
        return connection.isClosed() ? () -> false : new Waiting(connection, delay, task);
    }

    /** The connection has closed. */
    void cancelAll(ReactorConnection connection) {
        Set<Timer> timers = waiting.remove(connection);
        if (timers != null) {
            timers.forEach(Timer::cancel);
        }
    }

    private final class Waiting implements Timer {
        private final ReactorConnection connection;
        private final Timer timer;

        Waiting(ReactorConnection connection, Duration delay, Runnable task) {
            this.connection = connection;
            this.timer = reactor.schedule(delay, () -> {
                forget();
                task.run();
            });
            waiting.computeIfAbsent(connection, c -> new LinkedHashSet<>()).add(timer);
        }

        @Override
        public boolean cancel() {
            boolean waited = timer.cancel();
            forget();
            return waited;
        }

        private void forget() {
            Set<Timer> timers = waiting.get(connection);
            if (timers != null && timers.remove(timer) && timers.isEmpty()) {
                waiting.remove(connection);
            }
        }
    }
}
