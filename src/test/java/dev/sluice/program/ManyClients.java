package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Thousands of clients of a server, on one selector whose turns the test's thread runs. They read all that comes, and count. */
final class ManyClients implements AutoCloseable {

    /** Fewer than a backlog holds. */
    private static final int CONNECTING_AT_ONCE = 200;

    private final InetSocketAddress address;
    private final byte[] answer;
    private final Selector selector = Selector.open();
    private final ByteBuffer input = ByteBuffer.allocateDirect(256 << 10);
    private final List<Client> all = new ArrayList<>();
    private int connecting;
    private long lastEnd;
    private long lastRead;

    /**
     * None is connected yet.
     *
     * @param answer what counts as an answer wherever it comes; its first character occurs in it once; empty: nothing is looked at
     */
    ManyClients(int port, String answer) throws IOException {
        this.address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        this.answer = answer.getBytes(StandardCharsets.US_ASCII);
    }

    /** One client. The server's end of output, or a reset, closes it. */
    final class Client {
        private final SocketChannel channel = SocketChannel.open();
        private final SelectionKey key;
        private ByteBuffer output;
        private boolean ended;
        private long received;
        private int matched;
        private int answers;

        private Client() throws IOException {
            channel.configureBlocking(false);
            key = channel.register(selector, SelectionKey.OP_CONNECT, this);
            connecting++;
            channel.connect(address);
        }

        /** Sends bytes behind those before, as soon as the server takes them. */
        void send(ByteBuffer bytes) {
            if (!ended) {
                output = output == null
                        ? bytes.duplicate()
                        : ByteBuffer.allocate(output.remaining() + bytes.remaining()).put(output).put(bytes.duplicate()).flip();
                key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
            }
        }

        boolean hasSent() {
            return output == null;
        }

        boolean hasEnded() {
            return ended;
        }

        long received() {
            return received;
        }

        int answers() {
            return answers;
        }

        private void ready() {
            try {
                if (key.isConnectable()) {
                    channel.finishConnect();
                    connecting--;
                    key.interestOps(SelectionKey.OP_READ);
                } else {
                    if (key.isWritable()) {
                        write();
                    }
                    if (key.isReadable()) {
                        read();
                    }
                }
            } catch (IOException e) {
                end();
            }
        }

        private void write() throws IOException {
            channel.write(output);
            if (!output.hasRemaining()) {
                output = null;
                key.interestOps(SelectionKey.OP_READ);
            }
        }

        private void read() throws IOException {
            int length = channel.read(input.clear());
            if (length < 0) {
                end();
                return;
            }
            received += length;
            lastRead = System.nanoTime();
            for (int i = 0; answer.length > 0 && i < length; i++) {
                byte next = input.get(i);
                matched = next == answer[matched] ? matched + 1 : next == answer[0] ? 1 : 0;
                if (matched == answer.length) {
                    answers++;
                    matched = 0;
                }
            }
        }

        private void end() {
            connecting -= key.isValid() && (key.interestOps() & SelectionKey.OP_CONNECT) != 0 ? 1 : 0;
            ended = true;
            output = null;
            lastEnd = System.nanoTime();
            close();
        }

        private void close() {
            try {
                channel.close();
            } catch (IOException e) {
                // it is closed
            }
        }
    }

    /** Connects so many more. Returns when the kernel has connected them, which says nothing about the server. */
    List<Client> connect(int clients) throws IOException {
        int first = all.size();
        for (int i = 0; i < clients; i++) {
            all.add(new Client());
            until(Duration.ofSeconds(60), () -> connecting < CONNECTING_AT_ONCE, () -> connecting + " connects without an answer");
        }
        until(Duration.ofSeconds(60), () -> connecting == 0, () -> connecting + " connects without an answer");
        return new ArrayList<>(all.subList(first, all.size()));
    }

    /** Runs turns until something is so. */
    void until(Duration most, BooleanSupplier condition, Supplier<String> what) throws IOException {
        for (long end = System.nanoTime() + most.toNanos(); !condition.getAsBoolean(); ) {
            assertTrue(System.nanoTime() < end, what);
            turn();
        }
    }

    /** Runs turns until no client has been ended by the server for so long. */
    void untilNoneEndsFor(Duration quiet, Duration most) throws IOException {
        lastEnd = System.nanoTime();
        until(most, () -> System.nanoTime() - lastEnd > quiet.toNanos(), () -> "clients are closed all the time");
    }

    /** Runs turns until nothing has come from the server for so long. */
    void untilQuietFor(Duration quiet, Duration most) throws IOException {
        lastRead = System.nanoTime();
        until(most, () -> System.nanoTime() - lastRead > quiet.toNanos(), () -> "the server is never quiet");
    }

    void turn() throws IOException {
        selector.select(key -> ((Client) key.attachment()).ready(), 10);
    }

    List<Client> open() {
        return all.stream().filter(client -> !client.ended).toList();
    }

    @Override
    public void close() throws IOException {
        all.forEach(Client::close);
        selector.close();
    }
}
