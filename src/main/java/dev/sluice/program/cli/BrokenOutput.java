package dev.sluice.program.cli;

import java.io.IOException;

/** Standard output takes no more, as opposed to the connection. */
final class BrokenOutput extends IOException {

    private static final long serialVersionUID = 1;

    BrokenOutput(IOException cause) {
        super(cause);
    }

    /** Nothing but the text tells a pipe without a reader from a full disk; a mistake costs one line too many. */
    boolean readerLeft() {
        return String.valueOf(getCause().getMessage()).contains("Broken pipe");
    }
}
