package dev.sluice.program.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;

/**
 * Standard error without {@code System.err}, whose lock a thread that is stuck in a full pipe would hold against all
 * others.
 */
final class Stderr {

    private static final long LAST_WORDS_MS = 1000;

    private Stderr() {}

    /** A stream that cannot be closed: the logs end before the last words. */
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
            // nobody listens
        }
    }

    /** Writes a line, but does not let a reader that has stopped keep the process from ending. */
    static void lastWords(String text) throws InterruptedException {
        Thread writer = new Thread(() -> line(text), "sluice-last-words");
        writer.setDaemon(true);
        writer.start();
        writer.join(LAST_WORDS_MS);
    }
}
