package dev.sluice.program;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.ServerOptions;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.reactor.Connector;
import dev.sluice.reactor.Reactor;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * Clients of a chat in a process of their own: port, how many, how many lines they wait for. One in ten never reads. On standard
 * output {@code here} once all are connected, {@code all N} when every reader has line N, {@code wrong ...} when anything is.
 */
public final class ChatCrowd implements FrameHandler {

    private static final int SILENT = 10;
    private static int clients;
    private static int lines;
    private static int connected;
    private static int[] heard;

    private final boolean silent;
    private int next;

    private ChatCrowd(boolean silent) {
        this.silent = silent;
    }

    @Override
    public void onOpen(Connection self) {
        if (silent) {
            self.pauseReading();
        }
        if (++connected == clients) {
            System.out.println("here");
        }
    }

    @Override
    public void onFrame(Connection self, ByteBuffer frame) {
        if (frame.get(frame.position()) == '*') {
            return; // somebody joined, or left
        }
        String line = StandardCharsets.US_ASCII.decode(frame).toString();
        String number = line.substring(line.indexOf(": ") + 2, line.indexOf(' ', line.indexOf(": ") + 2));
        if (!number.equals(Integer.toString(next))) {
            System.out.println("wrong: line " + number + " instead of " + next);
        }
        if (++heard[next] == clients - (clients + SILENT - 1) / SILENT) {
            System.out.println("all " + next);
        }
        next++;
    }

    @Override
    public void onClose(Connection self, CloseReason reason) {
        if (!silent && next < lines) {
            System.out.println("wrong: a reader was closed after " + next + " lines, " + reason);
        }
    }

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        clients = Integer.parseInt(args[1]);
        lines = Integer.parseInt(args[2]);
        heard = new int[lines];
        Reactor reactor = Reactor.open();
        ServerOptions options = ServerOptions.builder().receiveBuffer(4 << 10).build();
        Connector connector = Connector.open(reactor, options);
        for (int i = 0; i < clients; i++) {
            boolean silent = i % SILENT == 0;
            connector.connect(new InetSocketAddress("127.0.0.1", port), Duration.ofSeconds(60),
                    connection -> new Framed(connection, new Lines(2_000), new ChatCrowd(silent)));
            while (i - connected > 50) {
                reactor.runOnce(Duration.ofSeconds(1)); // no more than the backlog holds
            }
        }
        reactor.run(); // until it is killed
    }
}
