package dev.sluice.datagram;

import java.net.SocketAddress;
import java.nio.ByteBuffer;

/**
 * Handles the datagrams of an endpoint. Has no state of its own kind: there are no connections.
 *
 * <p>A datagram from the endpoint's own address and port is not handled, but counted ({@link DatagramStats#fromSelf}): anybody can forge
 * its sender, and a handler that answers everything would answer itself for ever. Where the endpoint listens on all addresses, each address
 * of the machine is its own. These are looked up when a datagram comes from the port's own number, no more often than once a second, or
 * than takes a thousandth of the time. The endpoint cannot know of an address that the machine got since, of one that no interface has, or
 * of one that a translator of addresses puts in place of ours. Nor can it know whether a peer answers everything, too: a handler that may
 * meet its own kind tells questions from answers by what is in them, as protocols do.
 */
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
