package dev.sluice.reactor;

import dev.sluice.Timer;
import dev.sluice.internal.Deadlines;

/** A task of {@link Reactor#schedule}. */
final class TimedTask extends Deadlines.Entry implements Timer {

    private final Reactor reactor;
    private final Runnable task;

    TimedTask(Reactor reactor, Runnable task) {
        this.reactor = reactor;
        this.task = task;
    }

    @Override
    public void expired(long nowNs) {
        task.run();
    }

    @Override
    public boolean cancel() {
        reactor.checkInLoop();
        boolean waited = isSet();
        reactor.removeDeadline(this);
        return waited;
    }
}
