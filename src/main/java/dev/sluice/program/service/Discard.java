package dev.sluice.program.service;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.datagram.DatagramEndpoint;
import dev.sluice.datagram.DatagramHandler;
import java.net.SocketAddress;
import java.nio.ByteBuffer;

/** Reads all bytes and sends none. */
public final class Discard implements Handler, DatagramHandler {

    /** Makes a handler; it has no state, so one serves every connection. */
    public Discard() {}

    @Override
    public void onRead(Connection connection, ByteBuffer in) {
        in.position(in.limit());
    }

    @Override
    public void onDatagram(DatagramEndpoint endpoint, SocketAddress sender, ByteBuffer data) {}
}
