package dev.sluice;

import java.net.SocketAddress;
import java.util.List;

/**
 * What became of the connections that were open when a server was drained.
 *
 * @param connections how many there were, those from the backlog included
 * @param flushed     how many ended with their output taken by the kernel
 * @param cut         how many ended with output unsent
 * @param bytesLost   how many bytes that was
 * @param cuts        one line for each that was cut
 */
public record DrainReport(int connections, int flushed, int cut, long bytesLost, List<Cut> cuts) {

    /**
     * A connection that was cut.
     *
     * @param remote its peer
     * @param reason why, and how many bytes never left
     */
    public record Cut(SocketAddress remote, CloseReason reason) {}
}
