package dev.sluice.program.bench;

import java.util.Locale;

/** The answer that a load expects to its bytes. */
public enum Expect {
    /** The same bytes. */
    ECHO,
    /** The same bytes, with a to z made A to Z. */
    UPPER;

    byte answerTo(byte sent) {
        return this == UPPER && sent >= 'a' && sent <= 'z' ? (byte) (sent - 'a' + 'A') : sent;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
