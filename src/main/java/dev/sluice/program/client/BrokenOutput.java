package dev.sluice.program.client;

import java.io.IOException;

/** Standard output failed, not the connection. */
public final class BrokenOutput extends IOException {

    private static final long serialVersionUID = 1;

    BrokenOutput(IOException cause) {
        super(cause);
    }

    /** True if the reader of our output has closed its end of the pipe. Only the text tells this from a full disk; a mistake costs one line too many. */
    public boolean readerLeft() {
        return String.valueOf(getCause().getMessage()).contains("Broken pipe");
    }
}
