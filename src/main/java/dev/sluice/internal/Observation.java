package dev.sluice.internal;

import dev.sluice.Server;
import dev.sluice.ServerObserver;
import java.util.function.Consumer;
import org.slf4j.LoggerFactory;

/** A server's observer, kept from harming the server: what it throws is logged, once a second at most. Any thread. */
public final class Observation {

    private final ServerObserver observer;
    private final RateLimitedLog log = new RateLimitedLog(LoggerFactory.getLogger(Server.class));

    /**
     * Guards an observer.
     *
     * @param observer the user's
     */
    public Observation(ServerObserver observer) {
        this.observer = observer;
    }

    /**
     * Tells the observer something.
     *
     * @param nowNs the time
     * @param event calls one of its methods
     */
    public void tell(long nowNs, Consumer<ServerObserver> event) {
        try {
            event.accept(observer);
        } catch (Throwable t) {
            log.warn(nowNs, "the server's observer failed", t);
        }
    }
}
