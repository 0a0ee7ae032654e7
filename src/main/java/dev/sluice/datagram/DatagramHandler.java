package dev.sluice.datagram;

import java.net.SocketAddress;
import java.nio.ByteBuffer;

/**
 * A handler of the datagrams of an endpoint. One serves all peers: there are no connections.
 *
 * <p>A datagram from the endpoint's own address and port is counted ({@link DatagramStats#fromSelf}) and not handled: its sender is
 * easily forged, and a handler that answers everything would answer itself for ever. Where the endpoint listens on all addresses, each
 * address of the machine is its own. They are looked up when a datagram comes from the port's own number, at most once a second, and so
 * seldom that it takes at most a thousandth of the time. The endpoint cannot know of an address that the machine got since, of one that
 * no interface has, or of one that a translator of addresses puts in place of ours. Nor can it know whether a peer answers everything,
 * too: a handler that may meet its own kind has to tell questions from answers by their content, as protocols do.
 */
@FunctionalInterface
public interface DatagramHandler {

    /**
     * A whole datagram has arrived; it may be empty. On a reactor one comes at a time, and the handler must not block. On several threads
     * several come at a time.
     *
     * @param endpoint where it arrived, and where answers are sent from
     * @param sender   its source, as the network says
     * @param data     its bytes, between position and limit; lent for the length of this call, and may be changed in place
     * @throws Exception is counted and logged, and harms no other datagram
     */
    void onDatagram(DatagramEndpoint endpoint, SocketAddress sender, ByteBuffer data) throws Exception;
}
