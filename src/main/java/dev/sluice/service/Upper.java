package dev.sluice.service;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramHandler;
import java.net.SocketAddress;
import java.nio.ByteBuffer;

/** Every byte back, a to z of ASCII made A to Z, everything else untouched: a letter of UTF-8 beyond ASCII stays whole. */
public final class Upper implements Handler, DatagramHandler {

    /** Makes a handler; it has no state, so one serves every connection. */
    public Upper() {}

    @Override
    public void onRead(Connection connection, ByteBuffer in) {
        change(in);
        connection.write(in);
    }

    @Override
    public void onDatagram(DatagramEndpoint endpoint, SocketAddress sender, ByteBuffer data) {
        change(data);
        endpoint.send(data, sender);
    }

    /** In place, between position and limit. */
    static void change(ByteBuffer in) {
        for (int i = in.position(); i < in.limit(); i++) {
            byte b = in.get(i);
            if (b >= 'a' && b <= 'z') {
                in.put(i, (byte) (b - 'a' + 'A'));
            }
        }
    }
}
