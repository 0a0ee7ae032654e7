package dev.sluice.program.service;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Text as a terminal may be given it: what a stranger wrote is shown there, and steers nothing. All that decides what steers is here;
 * the services that pass text on, the client and the logs ask.
 */
public final class Printable {

    /** Stands for a character that steers, and for bytes that are no UTF-8: no longer than what it replaces. */
    public static final char SUBSTITUTE = '?';

    /** The JDK's decoder makes this of bytes that are no UTF-8; one that was sent says that some were not. */
    private static final char MALFORMED = '\uFFFD';

    private static final int DEL = 0x7F;

    private Printable() {}

    /**
     * Whether a character changes more than the place where it stands: control characters (C0 but TAB, DEL, C1), the separators of
     * lines and paragraphs, and what changes the direction of the text around it. LF is among them: text of several lines is for its
     * owner to split. Any thread.
     *
     * @param character of UTF-16; none outside the basic plane steers, so half a pair does not either
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
     * A line without what steers. Any thread.
     *
     * @param line UTF-8, or what claims to be, without its ending; stays as it is
     * @return the same buffer if it is UTF-8 and nothing in it steers; else UTF-8, never longer than the line, with a
     *     {@link #SUBSTITUTE} for each character that does, and for what is malformed
     */
    public static ByteBuffer line(ByteBuffer line) {
        if (isPlain(line)) {
            return line;
        }
        CharBuffer text = StandardCharsets.UTF_8.decode(line.duplicate());
        return substitute(text) ? StandardCharsets.UTF_8.encode(text) : line;
    }

    /** Whether it is ASCII that a terminal shows, as most lines are: these are neither decoded nor copied. */
    private static boolean isPlain(ByteBuffer line) {
        for (int i = line.position(); i < line.limit(); i++) {
            byte b = line.get(i);
            if (b < ' ' && b != '\t' || b == DEL) { // what is beyond ASCII is negative
                return false;
            }
        }
        return true;
    }

    /** In place; true if anything had to be. */
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
