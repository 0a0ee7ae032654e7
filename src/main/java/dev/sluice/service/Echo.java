package dev.sluice.service;

import dev.sluice.Connection;
import dev.sluice.Handler;
import java.nio.ByteBuffer;

/** Every byte back. */
public final class Echo implements Handler {

    /** Makes a handler; it has no state, so one serves every connection. */
    public Echo() {}

    @Override
    public void onRead(Connection connection, ByteBuffer in) {
        connection.write(in);
    }
}
