package dev.sluice.datagram;

import java.net.SocketAddress;
import java.nio.ByteBuffer;

/** What to do with a datagram. Has no state of its own kind: there are no connections. */
@FunctionalInterface
public interface DatagramHandler {

    /**
     * A datagram has arrived, whole; it may be empty. On a reactor one at a time and without blocking; on several threads
     * several at a time.
     *
     * @param endpoint where it arrived, and where answers are sent from
     * @param sender   who sent it, as the network says
     * @param data     its bytes, between position and limit; lent for the length of this call, and may be changed in place
     * @throws Exception is counted and logged, and harms no other datagram
     */
    void onDatagram(DatagramEndpoint endpoint, SocketAddress sender, ByteBuffer data) throws Exception;
}
