package dev.sluice.program.service;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Decides which characters could control a terminal, and replaces them. Services that pass text on, the client and the logs use it for the
 * text of a peer.
 */
public final class Printable {

    /** Replaces a character that controls a terminal, and bytes that are not UTF-8. It is no longer than what it replaces. */
    public static final char SUBSTITUTE = '?';

    /** The JDK's decoder puts this in place of bytes that are not UTF-8. One that was sent is replaced too. */
    private static final char MALFORMED = '\uFFFD';

    private static final int DEL = 0x7F;

    private Printable() {}

    /**
     * True for a character that has an effect beyond its own place: control characters (C0 except TAB, DEL, C1), separators of lines and
     * paragraphs, and those that change the direction of the text around them. LF is one: the caller splits text of several lines. Any
     * thread.
     *
     * @param character of UTF-16; no character outside the basic plane is one, so half of a pair is not either
     * @return false if a terminal shows it, or ignores it
     */
    public static boolean steers(char character) {
        return switch (Character.getType(character)) {
            case Character.CONTROL -> character != '\t';
            case Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
            case Character.FORMAT -> turnsTheText(character);
            default -> false;
        };
    }

    /** Unicode's Bidi_Control. */
    private static boolean turnsTheText(char format) {
        return format == '\u061C' || format == '\u200E' || format == '\u200F'
                || format >= '\u202A' && format <= '\u202E' || format >= '\u2066' && format <= '\u2069';
    }

    /**
     * A line that cannot control a terminal. Any thread.
     *
     * @param line UTF-8, perhaps malformed, without its ending; is not changed
     * @return the same buffer if nothing in it has to be replaced; else UTF-8, never longer than the line, with a {@link #SUBSTITUTE} for
     *     each character that {@linkplain #steers controls} a terminal, and for malformed bytes
     */
    public static ByteBuffer line(ByteBuffer line) {
        if (isPlain(line)) {
            return line;
        }
        CharBuffer text = StandardCharsets.UTF_8.decode(line.duplicate());
        return substitute(text) ? StandardCharsets.UTF_8.encode(text) : line;
    }

    /** True for ASCII that a terminal shows. Most lines are; they are neither decoded nor copied. */
    private static boolean isPlain(ByteBuffer line) {
        for (int i = line.position(); i < line.limit(); i++) {
            byte b = line.get(i);
            if (b < ' ' && b != '\t' || b == DEL) { // bytes beyond ASCII are negative
                return false;
            }
        }
        return true;
    }

    /** Replaces in place; returns true if anything was replaced. */
    private static boolean substitute(CharBuffer text) {
        boolean any = false;
        for (int i = 0; i < text.limit(); i++) {
            if (text.get(i) == MALFORMED || steers(text.get(i))) {
                text.put(i, SUBSTITUTE);
                any = true;
            }
        }
        return any;
    }
}
