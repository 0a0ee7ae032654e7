package dev.sluice.program.client;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/** Standard output for a peer's bytes: unchanged in a pipe or file, {@link PlainText} on a terminal, which a peer must not control. */
final class Answers {

    private final FileChannel out = new FileOutputStream(FileDescriptor.out).getChannel();
    private final PlainText plain = Terminals.hasOutputTerminal() ? new PlainText() : null;

    /** Prints all bytes. If they are the last of an answer, the next byte begins another text. */
    void print(ByteBuffer bytes, boolean last) throws BrokenOutput {
        ByteBuffer printed = plain == null ? bytes : ByteBuffer.wrap(plain.of(bytes, last).getBytes(StandardCharsets.UTF_8));
        try {
            while (printed.hasRemaining()) {
                out.write(printed);
            }
        } catch (IOException e) {
            throw new BrokenOutput(e);
        }
    }

    void end() throws BrokenOutput {
        print(ByteBuffer.allocate(0), true);
    }
}
