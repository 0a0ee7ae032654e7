package dev.sluice.service;

import dev.sluice.Connection;
import dev.sluice.Handler;
import java.nio.ByteBuffer;

/** Reads all, sends nothing. */
public final class Discard implements Handler {

    /** Makes a handler; it has no state, so one serves every connection. */
    public Discard() {}

    @Override
    public void onRead(Connection connection, ByteBuffer in) {
        in.position(in.limit());
    }
}
