package dev.sluice.threads;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Timer;
import dev.sluice.internal.OutboundQueue;
import dev.sluice.internal.Patience;
import java.io.IOException;
import java.time.Duration;

/**
 * The one timer of a connection, on the server's loop, for idle, stall and linger alike, and, while its thread does not read, for a look
 * whether the peer still lives. It is set lazily: activity only notes the time, and the timer, when it comes due, looks at it.
 */
final class Watch {

    /**
     * When to look again at a connection that seems idle: 50 ms. If the machine was paused, its bytes may be there, or already
     * with its thread, which only has to be given the processor.
     */
    private static final long SOON_NS = 50_000_000;

    private final ThreadConnection connection;
    private final Patience patience;

    /** When the timer is due, or {@link Patience#NEVER}. Under the connection's lock. */
    private long dueNs = Patience.NEVER;

    // on the loop
    private boolean suspected;
    private Timer timer;

    Watch(ThreadConnection connection) {
        this.connection = connection;
        this.patience = connection.group.patience;
    }

    /** Begins, unless the connection has closed already. */
    void begin() {
        connection.lock.lock();
        try {
            if (!connection.life.isClosed()) {
                set(System.nanoTime());
            }
        } finally {
            connection.lock.unlock();
        }
    }

    /** Under the lock. Sets the timer to what can come due first, unless it is set to something earlier already. */
    void set(long nowNs) {
        long lookNs = connection.ownThread.isInRead() ? Patience.NEVER : nowNs + connection.group.livenessNs;
        long atNs = patience.deadline(
                connection.output.queue, connection.life.isLingering(), connection.obligations.isHeld(), connection.activeNs, lookNs);
        if (atNs != Patience.NEVER && (dueNs == Patience.NEVER || atNs - dueNs < 0)) {
            connection.group.reactor.execute(this::arm); // on the loop, where it waits for the lock
            dueNs = atNs;
        }
    }

    /** Under the lock. The connection has closed. */
    void end() {
        dueNs = Patience.NEVER;
        connection.group.reactor.execute(this::arm);
    }

    private void arm() {
        if (timer != null) {
            timer.cancel();
        }
        connection.lock.lock();
        try {
            timer = null;
            if (!connection.life.isClosed() && dueNs != Patience.NEVER) {
                timer = connection.group.reactor.schedule(Duration.ofNanos(dueNs - System.nanoTime()), this::expired);
                connection.group.probe.prepare(connection.channel.provider());
            }
        } finally {
            connection.lock.unlock();
        }
    }

    private void expired() {
        connection.lock.lock();
        try {
            dueNs = Patience.NEVER;
            if (connection.life.isClosed()) {
                return;
            }
            OutboundQueue output = connection.output.queue;
            long nowNs = System.nanoTime();
            if (patience.isStalled(output, nowNs)) {
                connection.life.end(Kind.WRITE_STALL, null);
            } else if (connection.life.isLingering()) {
                if (nowNs - output.sinceNs() >= patience.lingerNs()) {
                    connection.life.end(Kind.LOCAL, null);
                }
            } else if (isIdle(nowNs)) {
                if (!suspected || connection.ownThread.isAboutToRead()) {
                    suspected = true;
                    dueNs = nowNs + SOON_NS;
                    connection.group.reactor.execute(this::arm);
                    return;
                }
                connection.life.end(Kind.IDLE, null);
            } else {
                suspected = false;
            }
            if (!connection.life.isClosed()) {
                set(nowNs); // first: a look that fails must not be the last
                look();
            }
        } finally {
            connection.lock.unlock();
        }
    }

    /** Under the lock. A handler that takes its time, as it may here, works for its peer: the time begins anew. */
    private boolean isIdle(long nowNs) {
        if (connection.style.isAtWork()) {
            connection.activeNs = nowNs;
        }
        return patience.isIdle(connection.activeNs, nowNs) && !connection.obligations.isHeld();
    }

    /** Under the lock, which a call that blocks is announced under. It tells of the end itself, and a look would wait for it. */
    private void look() {
        boolean inACall = connection.ownThread.isInRead() || connection.output.isWriting();
        if (!inACall && connection.group.probe.isLost(connection.channel)) {
            connection.life.end(Kind.RESET, new IOException("lost while nothing was awaited of it"));
        }
    }
}
