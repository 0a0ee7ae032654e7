package dev.sluice.codec;

import dev.sluice.internal.UnreadInput;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Feeds a decoder with bytes in pieces, which are kept and joined as a reactor does it, and tells the frames. */
final class Cut {

    private static final String REJECTED = "<rejected>";
    private static final int MOST = 4 << 20;

    /** One for all: tests take turns. */
    private static final ByteBuffer LENT = ByteBuffer.allocateDirect(64 << 10);

    private final Decoder decoder;
    private final List<String> found = new ArrayList<>();
    private ByteBuffer remainder;

    private Cut(Decoder decoder) {
        this.decoder = decoder;
    }

    /** The frames in order, then whether the rest was rejected. */
    static List<String> decode(Decoder decoder, byte[] bytes, int... cuts) throws Exception {
        Cut cut = new Cut(decoder);
        int from = 0;
        for (int i = 0; i <= cuts.length; i++) {
            int to = i == cuts.length ? bytes.length : cuts[i];
            if (!cut.offer(bytes, from, to)) {
                break;
            }
            from = to;
        }
        return cut.found;
    }

    static List<String> decodeByteByByte(Decoder decoder, byte[] bytes) throws Exception {
        Cut cut = new Cut(decoder);
        for (int i = 0; i < bytes.length && cut.offer(bytes, i, i + 1); i++) {
            continue;
        }
        return cut.found;
    }

    /** False once a frame was rejected: nothing after it counts. */
    private boolean offer(byte[] bytes, int from, int to) throws Exception {
        ByteBuffer in = UnreadInput.before(remainder, LENT, MOST);
        int some = Math.min(in.remaining(), to - from); // a read takes what there is room for
        in.put(bytes, from, some).flip();
        try {
            while (decoder.decode(in, this::take)) {
                continue;
            }
        } catch (ProtocolException e) {
            found.add(REJECTED);
            return false;
        }
        remainder = UnreadInput.after(remainder, in, LENT);
        return from + some == to || offer(bytes, from + some, to);
    }

    private void take(ByteBuffer frame) {
        int half = frame.remaining() / 2; // what is left unread is skipped
        byte[] content = new byte[frame.remaining()];
        frame.get(frame.position(), content);
        frame.position(frame.position() + half);
        found.add(new String(content, StandardCharsets.ISO_8859_1));
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }
}
