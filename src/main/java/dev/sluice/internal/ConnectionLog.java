package dev.sluice.internal;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import java.nio.channels.SocketChannel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the beginning and the end of each connection to the flight recorder, and to the log at debug level. Costs a look at both while they
 * are off. A failure here, such as want of memory or a cause that cannot be told, is dropped: it must not keep a connection from its end.
 * Any thread.
 */
public final class ConnectionLog {

    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    private ConnectionLog() {}

    /**
     * A connection has opened.
     *
     * @param connection the one
     * @param channel    its socket; null if it could not be made
     */
    public static void opened(Connection connection, SocketChannel channel) {
        try {
            JfrEvents.opened(connection, channel);
            if (LOG.isDebugEnabled() && connection.localAddress() != null) { // else its end tells that it could not be made
                String peer = PeerText.of(connection.remoteAddress(), channel);
                LOG.debug("connection {} opened: {} with {}", connection.id(), PeerText.of(connection.localAddress()), peer);
            }
        } catch (Throwable t) {
            // goes untold
        }
    }

    /**
     * A connection has ended.
     *
     * @param connection the one
     * @param reason     why
     */
    public static void closed(Connection connection, CloseReason reason) {
        try {
            JfrEvents.closed(connection, reason);
            if (LOG.isDebugEnabled()) {
                String cause = reason.cause() == null ? "" : ", " + reason.cause();
                LOG.debug(
                        "connection {} closed: {} with {}, {}, {} bytes unsent{}",
                        connection.id(), PeerText.of(connection.localAddress()), PeerText.of(connection.remoteAddress()), reason.kind(),
                        reason.unsent(), cause);
            }
        } catch (Throwable t) {
            // goes untold
        }
    }
}
