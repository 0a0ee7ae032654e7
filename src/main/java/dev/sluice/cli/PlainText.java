package dev.sluice.cli;

/** Text that steers no terminal: each control character, and each that turns the direction of writing, is a question mark. */
final class PlainText {

    private static final char INSTEAD = '?';

    private PlainText() {}

    /** On one line, whatever the text holds. */
    static String line(String text) {
        StringBuilder line = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            line.append(steers(c) ? INSTEAD : c);
        }
        return line.toString();
    }

    /** Tabulators and line feeds do, too. */
    private static boolean steers(char c) {
        return Character.isISOControl(c) // C0, DEL, C1
                || c == '\u061c' || c == '\u200e' || c == '\u200f' // marks of a direction
                || c == '\u2028' || c == '\u2029' // separators of lines and paragraphs
                || c >= '\u202a' && c <= '\u202e' // embeddings and overrides of a direction
                || c >= '\u2066' && c <= '\u2069'; // isolates
    }
}
