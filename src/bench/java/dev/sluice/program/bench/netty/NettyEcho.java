package dev.sluice.program.bench.netty;

import dev.sluice.program.bench.Contender;
import dev.sluice.program.bench.EngineSpec;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.SocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * Netty's echo as its own example writes it: write when read, flush when a read is complete. Two things are added, which ours has, too: it
 * does not read while the outbound buffer is above its high water mark, and it answers the end of input only after the last byte.
 *
 * <p>By default it reads once more whenever a read has filled the buffer, whose size it guesses: after one in eight messages of 64 bytes, and
 * after each of 64 KiB. Told to read once an event, it reads short messages as all others here do, and one of 64 KiB in two reads.
 */
abstract class NettyEcho implements Contender {

    /** The most reads for an event: Netty's own default. */
    static final int DEFAULT_READS = 16;

    private final String name;
    private final Class<? extends ServerChannel> channel;
    private final int mostReads;

    NettyEcho(String name, Class<? extends ServerChannel> channel, int mostReads) {
        this.name = name;
        this.channel = channel;
        this.mostReads = mostReads;
    }

    abstract IoHandlerFactory transport();

    @Override
    public String name() {
        return name;
    }

    @Override
    public Running start(EngineSpec spec, InetSocketAddress address) throws IOException {
        EventLoopGroup acceptor = new MultiThreadIoEventLoopGroup(1, transport());
        EventLoopGroup loops = spec.sizeOr(0) == 0 ? acceptor : new MultiThreadIoEventLoopGroup(spec.size(), transport());
        Echo echo = new Echo();
        Channel listener = new ServerBootstrap()
                .group(acceptor, loops)
                .channel(channel)
                .option(ChannelOption.SO_BACKLOG, 1024)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childOption(ChannelOption.RECVBUF_ALLOCATOR, new AdaptiveRecvByteBufAllocator().maxMessagesPerRead(mostReads))
                // by default a read of 64 KiB is above it, and every echo would stop reading and begin again
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, new WriteBufferWaterMark(64 << 10, 256 << 10))
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel connection) {
                        connection.pipeline().addLast(echo);
                    }
                })
                .bind(address)
                .syncUninterruptibly()
                .channel();
        return new Running() {
            @Override
            public InetSocketAddress address() {
                return (InetSocketAddress) listener.localAddress();
            }

            @Override
            public void close() {
                listener.close().syncUninterruptibly();
                acceptor.shutdownGracefully(0, 1, TimeUnit.SECONDS);
                loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
            }
        };
    }

    @Sharable
    private static final class Echo extends ChannelInboundHandlerAdapter {

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.write(message, context.voidPromise());
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void channelWritabilityChanged(ChannelHandlerContext context) {
            context.channel().config().setAutoRead(context.channel().isWritable());
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event == ChannelInputShutdownEvent.INSTANCE) {
                context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(done -> context.close()); // after all that waits
            }
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }
}
