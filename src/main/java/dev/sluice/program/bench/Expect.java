package dev.sluice.program.bench;

/** What a server does to a request's bytes. */
public enum Expect {
    /** Nothing. */
    ECHO,
    /** a to z becomes A to Z. */
    UPPER;

    byte answerTo(byte sent) {
        return this == UPPER && sent >= 'a' && sent <= 'z' ? (byte) (sent - 'a' + 'A') : sent;
    }
}
