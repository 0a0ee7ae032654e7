package dev.sluice.threads;

/** Shows tests of other packages what the connections of a server on threads hold. */
public final class ThreadMemory {

    private ThreadMemory() {}

    /** Bytes that count against the server's memory budget. Any thread. */
    public static long held(ThreadServer server) {
        return server.heldMemory();
    }
}
