package dev.sluice.reactor;

/** What a key of a {@link Reactor} carries: the way to a {@link Reactor.Callback}, or a connection itself. */
interface ReadyHandler {

    /** Its channel is ready. */
    void ready(int readyOps) throws Exception;

    /** One that asks for something at the end of a turn, too. */
    interface AtEndOfTurn extends ReadyHandler {

        /** Step 6, after {@link Reactor#flushLater}. */
        void flush();

        /** Step 7, after {@link Reactor#reapLater}. */
        void reap();
    }
}
