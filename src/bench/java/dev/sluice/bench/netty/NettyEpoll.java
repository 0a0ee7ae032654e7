package dev.sluice.bench.netty;

import io.netty.channel.IoHandlerFactory;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;

/** Netty on its own native library. */
public final class NettyEpoll extends NettyEcho {

    /** For the service loader. */
    public NettyEpoll() {
        super("netty-epoll", EpollServerSocketChannel.class);
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
