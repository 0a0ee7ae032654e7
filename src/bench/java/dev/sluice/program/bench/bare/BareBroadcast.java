package dev.sluice.program.bench.bare;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/**
 * A broadcast without anything else: the bytes of one client are written to each of the others, with one call and no queue. A client whose
 * socket does not take all of them at once misses the rest. {@code chat} is compared with it.
 */
public final class BareBroadcast {

    private static final int BUFFER = 64 << 10;

    private BareBroadcast() {}

    /**
     * Prints READY and its port, and runs until it is killed.
     *
     * @param args none
     * @throws IOException if there is no port to be had
     */
    public static void main(String[] args) throws IOException {
        Selector selector = Selector.open();
        ServerSocketChannel listener = ServerSocketChannel.open();
        listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024).configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        System.out.println("READY " + ((InetSocketAddress) listener.getLocalAddress()).getPort());
        List<SocketChannel> room = new ArrayList<>();
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        while (true) {
            selector.select(key -> {
                try {
                    if (key.isAcceptable()) {
                        admit(selector, listener, room);
                    } else {
                        tell(room, (SocketChannel) key.channel(), buffer);
                    }
                } catch (IOException e) {
                    room.remove(key.channel());
                    key.cancel();
                }
            });
        }
    }

    private static void admit(Selector selector, ServerSocketChannel listener, List<SocketChannel> room) throws IOException {
        for (SocketChannel channel; (channel = listener.accept()) != null; ) {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false).register(selector, SelectionKey.OP_READ);
            room.add(channel);
        }
    }

    private static void tell(List<SocketChannel> room, SocketChannel from, ByteBuffer buffer) throws IOException {
        if (from.read(buffer.clear()) < 0) {
            throw new IOException("has left");
        }
        buffer.flip();
        for (SocketChannel member : room) {
            if (member != from) {
                member.write(buffer.rewind());
            }
        }
    }
}
