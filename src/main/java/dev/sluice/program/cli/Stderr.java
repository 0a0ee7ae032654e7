package dev.sluice.program.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;

/** Standard error without {@code System.err}: a thread that waits for a full pipe would hold its lock, and stop all others. */
final class Stderr {

    private static final long LAST_WORDS_MS = 1000;

    private Stderr() {}

    /** A stream that ignores close, as the last lines follow the end of the logs. */
    static OutputStream stream() {
        return new FileOutputStream(FileDescriptor.err) {
            @Override
            public void close() {}
        };
    }

    /** Writes a line, in one system call. */
    static void line(String text) {
        try {
            stream().write((text + System.lineSeparator()).getBytes(Charset.defaultCharset()));
        } catch (IOException e) {
            // standard error is closed
        }
    }

    /** Writes a line, but waits a second at most, so that a reader that has stopped does not keep the process from ending. */
    static void lastWords(String text) throws InterruptedException {
        Thread writer = new Thread(() -> line(text), "sluice-last-words");
        writer.setDaemon(true);
        writer.start();
        writer.join(LAST_WORDS_MS);
    }
}
