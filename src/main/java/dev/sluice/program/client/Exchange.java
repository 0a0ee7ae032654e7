package dev.sluice.program.client;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;

/** Sends each text and prints its answer, which ends when no byte came for a while. */
public final class Exchange {

    private final Socket socket;
    private final Answers answers = new Answers();
    private final byte[] buffer = new byte[64 << 10];
    private boolean hasAnswer;

    /** On a blocking channel, which the caller closes. */
    public Exchange(SocketChannel channel) {
        this.socket = channel.socket();
    }

    /**
     * Sends all texts, one after the other's answer.
     *
     * @param wait an answer is over when no byte came for so long
     * @throws Failure if the peer closed before the last text was sent, or without a byte of any answer
     */
    public void run(List<String> texts, String eol, Duration wait) throws IOException, Failure {
        socket.setSoTimeout(Connecting.millis(wait));
        for (Iterator<String> left = texts.iterator(); left.hasNext(); ) {
            socket.getOutputStream().write((left.next() + eol).getBytes(StandardCharsets.UTF_8));
            boolean open = answered();
            if (!open && left.hasNext()) {
                throw Failure.endedEarly();
            }
            if (!open && !hasAnswer) {
                throw new Failure("the peer closed without an answer");
            }
        }
    }

    /** Prints until no byte came for the length of the wait; false if the peer has closed. */
    private boolean answered() throws IOException {
        InputStream in = socket.getInputStream();
        while (true) {
            int length;
            try {
                length = in.read(buffer);
            } catch (SocketTimeoutException e) {
                answers.end();
                return true;
            }
            if (length < 0) {
                answers.end();
                return false;
            }
            hasAnswer = true;
            answers.print(ByteBuffer.wrap(buffer, 0, length), false);
        }
    }
}
