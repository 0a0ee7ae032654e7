package dev.sluice.program.client;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;

/**
 * Copies standard input to the peer and the peer's bytes to standard output. Each direction has a thread, so that a peer that answers before it
 * reads on does not block us for ever.
 */
public final class Pipe {

    private static final int BUFFER = 64 << 10;

    private final SocketChannel channel;
    /** Set before the peer sees our end, so that an end that answers ours is not taken for an early one. */
    private volatile boolean inputEnded;

    private volatile IOException sendFailure;

    /** Set before the connection is reset because of it, so that this is reported and not the reset. */
    private volatile IOException inputFailure;

    /** On a blocking channel, which the caller closes. */
    public Pipe(SocketChannel channel) {
        this.channel = channel;
    }

    /** Returns when both sides have ended. Does not wait for standard input to end once the peer has. */
    public void run() throws IOException, Failure {
        Thread sender = new Thread(this::send, "sluice-client-send");
        sender.setDaemon(true);
        sender.start();
        try {
            receive();
        } catch (ClosedChannelException e) {
            if (inputFailure == null) {
                throw e;
            }
        }
        if (inputFailure != null) {
            throw new Failure("standard input: " + Failure.reason(inputFailure), inputFailure);
        }
        if (sendFailure != null) {
            throw sendFailure;
        }
        if (!inputEnded) {
            throw Failure.endedEarly();
        }
    }

    private void receive() throws IOException {
        Answers answers = new Answers();
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        while (channel.read(buffer) >= 0) {
            answers.print(buffer.flip(), false);
            buffer.clear();
        }
        answers.end();
    }

    private void send() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        try (FileInputStream in = new FileInputStream(FileDescriptor.in);
                FileChannel source = in.getChannel()) {
            while (read(source, buffer)) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                buffer.clear();
            }
            inputEnded = true;
            channel.shutdownOutput();
        } catch (IOException e) {
            sendFailure = e;
        }
    }

    /** False at the end of standard input. */
    private boolean read(FileChannel source, ByteBuffer buffer) throws IOException {
        try {
            return source.read(buffer) >= 0;
        } catch (IOException e) {
            inputFailure = e;
            try (channel) { // only this ends the read of the other thread
                channel.setOption(StandardSocketOptions.SO_LINGER, 0); // a reset, so that the peer does not take a part for the whole
            }
            throw e;
        }
    }
}
