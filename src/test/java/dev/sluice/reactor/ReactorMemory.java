package dev.sluice.reactor;

/** Shows tests of other packages what the connections of a server on reactors hold. */
public final class ReactorMemory {

    private ReactorMemory() {}

    /** Bytes that count against the server's memory budget. Any thread. */
    public static long held(ReactorServer server) {
        return server.heldMemory();
    }
}
