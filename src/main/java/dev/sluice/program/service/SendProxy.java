package dev.sluice.program.service;

import dev.sluice.Connection;
import dev.sluice.ProxyHeader;
import dev.sluice.internal.HeaderEncoder;
import java.nio.ByteBuffer;
import java.util.Locale;

/** Which PROXY header {@link Proxy} sends to a target, ahead of all that the client sends. */
public enum SendProxy {
    /** None: the target takes the relay for the client. */
    NONE,
    /** A line of version 1. */
    V1,
    /** A binary header of version 2, with the client's unique id where a proxy in front of us told one. */
    V2;

    /**
     * The header for a client's connection. It tells of the client what a proxy in front of us has told, so that chains of them work.
     *
     * @param client the connection
     * @return has bytes, unless this is {@link #NONE}
     */
    ByteBuffer header(Connection client) {
        return switch (this) {
            case NONE -> ByteBuffer.allocate(0);
            case V1 -> HeaderEncoder.version1(client.remoteAddress(), client.localAddress());
            case V2 -> HeaderEncoder.version2(
                    client.remoteAddress(), client.localAddress(), client.proxyHeader().flatMap(ProxyHeader::uniqueId).orElse(null));
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
