package dev.sluice;

/** What a key of a {@link Reactor} carries: the way to a {@link Reactor.Callback}, or a connection itself. */
interface Tenant {

    /** Its channel is ready. */
    void ready(int readyOps) throws Exception;

    /** One that asks for something at the end of a turn, too. */
    interface AtEndOfTurn extends Tenant {

        /** Step 6, for whoever called {@link Reactor#flushLater}. */
        void flush();

        /** Step 7, for whoever called {@link Reactor#reapLater}. */
        void reap();
    }
}
