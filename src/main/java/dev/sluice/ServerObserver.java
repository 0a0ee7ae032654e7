package dev.sluice;

import java.net.SocketAddress;
import java.time.Duration;

/**
 * Is told of events that no single connection sees: newcomers that were refused, pauses of accepting, stalled loops. A server is given one
 * by {@link ServerOptions.Builder#observer}.
 *
 * <p>Calls about accepting come on the loop that accepts, calls about loops on a thread that watches them; so two calls may overlap. None may
 * block. An exception that one throws is logged, once a second at most, and changes nothing. Methods will be added here: all of them do nothing by
 * default.
 */
public interface ServerObserver {

    /** The reasons why a newcomer is refused. More will be added. */
    enum Refusal {
        /** As many connections are open as {@link ServerOptions#maxConnections} allows. */
        CONNECTION_LIMIT,
        /** Its address has as many connections as {@link ServerOptions#maxConnectionsPerAddress} allows. */
        ADDRESS_LIMIT,
        /** There was no thread to be had for it; on threads. */
        NO_THREAD,
        /** The connections hold all the memory that {@link ServerOptions#maxMemory} allows. */
        MEMORY
    }

    /**
     * A newcomer was accepted by the kernel and closed at once: {@link ServerStats.Counter#REFUSED}.
     *
     * @param remote its address; null if it was gone already
     * @param why    the reason
     */
    default void refused(SocketAddress remote, Refusal why) {}

    /**
     * A newcomer was closed for its PROXY header, before it was a connection: {@link ServerStats.Counter#HEADERS_REJECTED}.
     *
     * @param remote the address of the socket's peer
     * @param why    the reason
     */
    default void headerRejected(SocketAddress remote, ProxyHeader.Fault why) {}

    /**
     * Accepting has stopped for a while because it failed: {@link ServerStats.Counter#ACCEPT_PAUSES}.
     *
     * @param cause the failure, such as want of descriptors
     * @param most  how long it will pause, unless a connection closes before
     */
    default void acceptPaused(Throwable cause, Duration most) {}

    /**
     * Accepting goes on. A server that ends during a pause does not tell it.
     *
     * @param paused how long it had stopped
     */
    default void acceptResumed(Duration paused) {}

    /**
     * A loop has not come round for the stall threshold; on a reactor with threads of its own. Told once for each stall: always
     * if it lasts more than one and a half times the threshold, perhaps if it is shorter.
     *
     * @param loop   its thread's name
     * @param waited how long, until this was seen
     * @param keptBy the handler whose callback is running, with its connection; or a few words if it is no handler
     */
    default void stalled(String loop, Duration waited, String keptBy) {}

    /**
     * A stalled loop has come round.
     *
     * @param loop   its thread's name
     * @param lasted how long the stall lasted, to within half the threshold
     */
    default void stallEnded(String loop, Duration lasted) {}
}
