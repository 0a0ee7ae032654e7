package dev.sluice.program.cli;

/** The exit statuses of the program. */
final class Status {

    static final int DONE = 0;
    static final int FAILED = 1;
    static final int BAD_USAGE = 2;
    /** A limit of {@code bench} was missed. */
    static final int MISSED = 3;
    /** Connections were cut while draining. */
    static final int CUT = 4;
    /** Added to a signal's number: that signal ended the program. */
    static final int SIGNAL = 128;

    private Status() {}
}
