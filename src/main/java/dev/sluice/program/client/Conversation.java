package dev.sluice.program.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** A prompt on a terminal, with history and editing; the peer's answers are printed above it as they come. */
public final class Conversation {

    private final SocketChannel channel;
    private final Place peer;
    private final String eol;
    private volatile boolean peerEnded;
    private volatile IOException failure;
    /** Guarded by this: true while an interrupt would end the prompt and nothing else. */
    private boolean typing = true;

    /** On a blocking channel, which the caller closes. */
    public Conversation(SocketChannel channel, Place peer, String eol) {
        this.channel = channel;
        this.peer = peer;
        this.eol = eol;
    }

    /** Returns when both sides have ended; false if Ctrl-C ended it. */
    public boolean run() throws IOException, InterruptedException {
        // "exec" asks stty, and so needs no native code of its own
        try (Terminal terminal = TerminalBuilder.builder()
                .system(true)
                .provider(TerminalBuilder.PROP_PROVIDER_EXEC)
                .dumb(true)
                .build()) {
            LineReader reader = LineReaderBuilder.builder()
                    .terminal(terminal)
                    .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true) // a "!" is sent as it is
                    .build();
            Thread typist = Thread.currentThread();
            Thread answers = new Thread(() -> print(reader, typist), "sluice-client-receive");
            answers.setDaemon(true);
            answers.start();
            boolean interrupted = type(reader);
            if (interrupted && !peerEnded) {
                return false;
            }
            if (!peerEnded) {
                channel.shutdownOutput();
                answers.join();
            }
            if (failure != null) {
                throw failure;
            }
            return true;
        }
    }

    /** Sends each line until Ctrl-D, or until the peer ends; true if Ctrl-C or the peer's end interrupted it. */
    private boolean type(LineReader reader) throws IOException {
        try {
            while (!peerEnded) {
                String line = reader.readLine(peer + "> ");
                ByteBuffer bytes = StandardCharsets.UTF_8.encode(line + eol);
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
            }
            return false;
        } catch (EndOfFileException e) {
            return false;
        } catch (UserInterruptException e) {
            return true;
        } finally {
            stopTyping();
        }
    }

    private synchronized void stopTyping() {
        typing = false;
        Thread.interrupted();
    }

    /** Ends the prompt, as the peer has ended, and says so unless a failure will. */
    private synchronized void interrupt(LineReader reader, Thread typist) {
        peerEnded = true;
        if (typing) {
            if (failure == null) {
                printAbove(reader, "the peer closed the connection");
            }
            typist.interrupt();
        }
    }

    private void print(LineReader reader, Thread typist) {
        PlainText plain = new PlainText();
        ByteBuffer bytes = ByteBuffer.allocate(64 << 10);
        try {
            while (channel.read(bytes) >= 0) {
                printAbove(reader, plain.of(bytes.flip(), false));
                bytes.clear();
            }
            printAbove(reader, plain.of(bytes.flip(), true));
        } catch (IOException e) {
            failure = e;
        }
        interrupt(reader, typist);
    }

    private static void printAbove(LineReader reader, String text) {
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == '\n') {
            end--; // the prompt starts a line of its own anyway
        }
        if (!text.isEmpty()) {
            reader.printAbove(text.substring(0, end));
        }
    }
}
