package dev.sluice.reactor;

/** The attachment of a key of a {@link Reactor}: a connection, an attempt to connect, or the way to a {@link Reactor.Callback}. */
interface ReadyHandler {

    /** Its channel is ready. */
    void ready(int readyOps) throws Exception;

    /** A connection, which also has work at the end of a turn. */
    interface AtEndOfTurn extends ReadyHandler {

        /** Step 6, after {@link Reactor#flushLater}. */
        void flush();

        /** Step 7, after {@link Reactor#reapLater}. Called again in a later turn if it throws, and perhaps once too often. */
        void reap();

        /** Whether it has closed, and {@link #reap} has not been through. */
        boolean isToReap();
    }
}
