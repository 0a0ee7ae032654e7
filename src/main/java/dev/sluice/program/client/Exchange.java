package dev.sluice.program.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;

/** Sends each text and prints its answer, which ends when no byte came for a while. */
public final class Exchange {

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final Answers answers = new Answers();
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(64 << 10);
    private boolean hasAnswer;

    /** On a channel that the caller closes, and that does not block any more. */
    public Exchange(SocketChannel channel) throws IOException {
        this.channel = channel;
        this.selector = Selector.open(); // a socket of the Unix family has no time-outs of its own
        channel.configureBlocking(false);
        this.key = channel.register(selector, 0);
    }

    /**
     * Sends all texts, one after the other's answer.
     *
     * @param wait an answer is over when no byte came for so long
     * @throws Failure if the peer closed before the last text was sent, or without a byte of any answer
     */
    public void run(List<String> texts, String eol, Duration wait) throws IOException, Failure {
        for (Iterator<String> left = texts.iterator(); left.hasNext(); ) {
            send(ByteBuffer.wrap((left.next() + eol).getBytes(StandardCharsets.UTF_8)));
            boolean open = answered(Connecting.millis(wait));
            if (!open && left.hasNext()) {
                throw Failure.endedEarly();
            }
            if (!open && !hasAnswer) {
                throw new Failure("the peer closed without an answer");
            }
        }
    }

    private void send(ByteBuffer text) throws IOException {
        key.interestOps(SelectionKey.OP_WRITE);
        while (text.hasRemaining()) {
            if (channel.write(text) == 0) {
                selector.select(ready -> {});
            }
        }
        key.interestOps(SelectionKey.OP_READ);
    }

    /** Prints until no byte came for the length of the wait; false if the peer has closed. */
    private boolean answered(int waitMs) throws IOException {
        while (selector.select(ready -> {}, waitMs) > 0) {
            if (channel.read(buffer.clear()) < 0) {
                answers.end();
                return false;
            }
            hasAnswer = true;
            answers.print(buffer.flip(), false);
        }
        answers.end();
        return true;
    }
}
