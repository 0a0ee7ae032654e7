package dev.sluice.program.service;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramHandler;
import java.net.SocketAddress;
import java.nio.ByteBuffer;

/** Sends every byte back. */
public final class Echo implements Handler, DatagramHandler {

    /** Makes a handler; it has no state, so one serves every connection. */
    public Echo() {}

    @Override
    public void onRead(Connection connection, ByteBuffer in) {
        connection.write(in);
    }

    @Override
    public void onDatagram(DatagramEndpoint endpoint, SocketAddress sender, ByteBuffer data) {
        endpoint.send(data, sender);
    }
}
