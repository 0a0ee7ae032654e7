package dev.sluice.bench.netty;

import io.netty.channel.IoHandlerFactory;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;

/** Netty on java.nio. */
public final class NettyNio extends NettyEcho {

    /** For the service loader. */
    public NettyNio() {
        super("netty", NioServerSocketChannel.class);
    }

    @Override
    public String whyNot() {
        return null;
    }

    @Override
    IoHandlerFactory transport() {
        return NioIoHandler.newFactory();
    }
}
