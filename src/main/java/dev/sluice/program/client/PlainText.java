package dev.sluice.program.client;

import dev.sluice.program.service.Printable;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * A decoder of a peer's bytes into text that cannot control a terminal. Each control character except tab and the end of a line, and each that
 * changes the direction of writing, becomes a question mark; bytes that are not UTF-8 become the replacement character.
 */
public final class PlainText {

    private final CharsetDecoder decoder = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    /** The first bytes of a character whose last ones have not come. */
    private ByteBuffer begun = ByteBuffer.allocate(0);
    /** True after a carriage return: it ends a line if a line feed follows, and moves the cursor otherwise. */
    private boolean carriageReturn;

    /** Decodes all bytes of the next piece. After the last piece, the next one begins another text. */
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

    /** The text on one line: line feeds and tabs are question marks too. */
    public static String line(String text) {
        StringBuilder line = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            line.append(Printable.steers(c) || c == '\t' ? Printable.SUBSTITUTE : c);
        }
        return line.toString();
    }
}
