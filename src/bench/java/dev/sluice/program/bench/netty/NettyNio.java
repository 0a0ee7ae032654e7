package dev.sluice.program.bench.netty;

import io.netty.channel.IoHandlerFactory;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;

/** Netty on java.nio. */
public class NettyNio extends NettyEcho {

    /** For the service loader. */
    public NettyNio() {
        this("netty", DEFAULT_READS);
    }

    private NettyNio(String name, int mostReads) {
        super(name, NioServerSocketChannel.class, mostReads);
    }

    /** The same with one read an event. */
    public static final class OneRead extends NettyNio {

        /** For the service loader. */
        public OneRead() {
            super("netty-one-read", 1);
        }
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
