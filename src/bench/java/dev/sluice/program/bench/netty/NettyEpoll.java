package dev.sluice.program.bench.netty;

import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;

/** Netty on its own native epoll library. */
public class NettyEpoll extends NettyEcho {

    /** For the service loader. */
    public NettyEpoll() {
        this("netty-epoll", DEFAULT_READS);
    }

    private NettyEpoll(String name, int mostReads) {
        super(name, EpollServerSocketChannel.class, mostReads);
    }

    /** The same with one read an event. */
    public static final class OneRead extends NettyEpoll {

        /** For the service loader. */
        public OneRead() {
            super("netty-epoll-one-read", 1);
        }
    }

    @Override
    public String whyNot() {
        return Epoll.isAvailable() ? null : "its native library does not load: " + Epoll.unavailabilityCause().getMessage();
    }

    @Override
    IoHandlerFactory transport() {
        return EpollIoHandler.newFactory();
    }
}
