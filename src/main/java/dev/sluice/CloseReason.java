package dev.sluice;

/**
 * The reason why a connection ended, and the number of bytes that were lost with it.
 *
 * @param kind   the reason
 * @param cause  the failure behind it, or null
 * @param unsent bytes that were in the outbound queue and never left; zero says that the kernel took everything
 */
public record CloseReason(Kind kind, Throwable cause, long unsent) {

    /** The reasons. More may be added. */
    public enum Kind {
        /** The peer ended its side first, and we ours. */
        PEER,
        /** We ended it first: {@code close}, {@code abort}, or the server's drain. */
        LOCAL,
        /** An I/O error on the connection. */
        RESET,
        /** No byte was read, and none taken by the kernel, for {@link ServerOptions#idleTimeout}, and the connection was not held. */
        IDLE,
        /** The peer did not send within {@link Connection#inputDeadline} what the handler waited for, such as the rest of a frame. */
        INPUT_TIMEOUT,
        /** Output waited, and the kernel took none of it for {@link ServerOptions#writeTimeout}. */
        WRITE_STALL,
        /** Queued output passed {@link ServerOptions#maxPending}. */
        QUEUE_LIMIT,
        /**
         * The connections of the server held more memory than {@link ServerOptions#maxMemory} allows, and this one more than an equal share
         * of it, so that the others could go on: there is no cause. Or the engine found no memory for the connection, on the heap or off it,
         * or no thread for its work: the cause is an {@link OutOfMemoryError}. A callback or task that throws one is a
         * {@link #HANDLER_FAILURE}.
         */
        MEMORY,
        /** A callback or task threw. */
        HANDLER_FAILURE,
        /**
         * The peer's bytes make no sense: the handler left {@link ServerOptions#maxRemainder} of them unread, or threw a
         * {@link java.net.ProtocolException}.
         */
        PROTOCOL,
        /** An outbound connection that never came to be; the only kind without an {@code onOpen}. */
        CONNECT_FAILURE,
        /** The server was drained, and this connection's output had not left by the deadline. */
        DRAIN_DEADLINE
    }
}
