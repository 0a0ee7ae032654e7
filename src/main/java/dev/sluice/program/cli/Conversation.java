package dev.sluice.program.cli;

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

/** A person at a terminal: a prompt with history and editing, and the peer's answers above it as they come. */
final class Conversation {

    private static final int SIGINT = 2;

    private final SocketChannel channel;
    private final HostPort peer;
    private final String eol;
    private volatile boolean peerEnded;
    private volatile IOException failure;
    /** Guarded by this: whether an interrupt would end a prompt, and nothing else. */
    private boolean typing = true;

    Conversation(SocketChannel channel, HostPort peer, String eol) {
        this.channel = channel;
        this.peer = peer;
        this.eol = eol;
    }

    int run() throws IOException, InterruptedException {
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
                return Status.SIGNAL + SIGINT;
            }
            if (!peerEnded) {
                channel.shutdownOutput();
                answers.join();
            }
            if (failure != null) {
                throw failure;
            }
            return Status.DONE;
        }
    }

    /** Sends each line until Ctrl-D, or until the peer ends; true if something interrupted it. */
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

    /** The peer has ended: so does the prompt. */
    private synchronized void interrupt(Thread typist) {
        peerEnded = true;
        if (typing) {
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
        interrupt(typist);
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
