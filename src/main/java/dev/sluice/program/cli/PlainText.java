package dev.sluice.program.cli;

import dev.sluice.program.service.Printable;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Text that steers no terminal, made of what a peer sends, piece by piece: each control character but the tabulator and the end of a line,
 * and each that turns the direction of writing, is a question mark. Bytes that are no UTF-8 are a replacement character.
 */
final class PlainText {

    private final CharsetDecoder decoder = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    /** The beginning of a character whose end has not come. */
    private ByteBuffer begun = ByteBuffer.allocate(0);
    /** One that ends a line if a line feed follows, and goes back to its beginning otherwise. */
    private boolean carriageReturn;

    /** Takes all bytes. With the last of them nothing is left of a character, and the next piece is the first of another text. */
    String of(ByteBuffer piece, boolean last) {
        ByteBuffer bytes = ByteBuffer.allocate(begun.remaining() + piece.remaining()).put(begun).put(piece).flip();
        CharBuffer chars = CharBuffer.allocate(bytes.remaining() + 1);
        decoder.decode(bytes, chars, last);
        begun = bytes;
        if (last) {
            decoder.flush(chars);
            decoder.reset();
        }
        return plain(chars.flip(), last);
    }

    private String plain(CharBuffer chars, boolean last) {
        StringBuilder text = new StringBuilder(chars.remaining() + 1);
        while (chars.hasRemaining()) {
            char c = chars.get();
            if (carriageReturn && c != '\n') {
                text.append(Printable.SUBSTITUTE);
            }
            carriageReturn = c == '\r';
            if (!carriageReturn) {
                text.append(Printable.steers(c) && c != '\n' ? Printable.SUBSTITUTE : c);
            }
        }
        if (last && carriageReturn) {
            text.append(Printable.SUBSTITUTE);
            carriageReturn = false;
        }
        return text.toString();
    }

    /** On one line, whatever the text holds: of it, line feeds and tabulators are question marks, too. */
    static String line(String text) {
        StringBuilder line = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            line.append(Printable.steers(c) || c == '\t' ? Printable.SUBSTITUTE : c);
        }
        return line.toString();
    }
}
