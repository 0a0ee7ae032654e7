package dev.sluice.cli;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** The client on a terminal: a prompt with history and editing, answers above it as they come. */
final class Prompt {

    private final Socket socket;
    private final String eol;

    Prompt(Socket socket, String eol) {
        this.socket = socket;
        this.eol = eol;
    }

    void run() throws IOException, InterruptedException {
        try (Terminal terminal = TerminalBuilder.builder().system(true).build()) {
            LineReader reader = LineReaderBuilder.builder().terminal(terminal).build();
            Thread typist = Thread.currentThread();
            boolean[] peerEnded = new boolean[1];
            Thread printer = new Thread(
                    () -> {
                        print(reader);
                        peerEnded[0] = true;
                        typist.interrupt(); // a prompt to nobody
                    },
                    "sluice-client-printer");
            printer.setDaemon(true);
            printer.start();
            try {
                while (true) {
                    String line = reader.readLine("> ") + eol;
                    socket.getOutputStream().write(line.getBytes(StandardCharsets.UTF_8));
                }
            } catch (EndOfFileException e) {
                socket.shutdownOutput();
                printer.join(); // what still comes
            } catch (UserInterruptException e) {
                if (peerEnded[0]) {
                    reader.printAbove("the server has closed the connection");
                }
            }
        }
    }

    private void print(LineReader reader) {
        try {
            InputStream in = socket.getInputStream();
            byte[] buffer = new byte[64 << 10];
            for (int n; (n = in.read(buffer)) >= 0; ) {
                reader.printAbove(new String(buffer, 0, n, StandardCharsets.UTF_8).stripTrailing());
            }
        } catch (IOException e) {
            // the connection is gone; the prompt ends with it
        }
    }
}
