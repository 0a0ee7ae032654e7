package dev.sluice.threads;

import dev.sluice.threads.stepping.Stepper;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The output of a connection's writers, made so that the peer can tell of every byte whether it is the next: a frame has its writer, a number
 * that counts up, its length, and bytes that follow from these.
 */
final class Frames {

    /** The writer, the number of its frame, and how many bytes follow. */
    static final int HEADER = 4;

    private static final int MOST = 0xffff;

    /** One that a writer has handed in. */
    private record Sent(int length, int returnedAt) {}

    private final Stepper stepper;
    private final List<List<Sent>> sent = new ArrayList<>();
    private final List<Integer> received = new ArrayList<>();
    private final byte[] header = new byte[HEADER];
    private int at;
    private int length;

    Frames(Stepper stepper) {
        this.stepper = stepper;
    }

    /** The next frame of a writer, with so many bytes behind its header. */
    ByteBuffer next(int writer, int bytes) {
        while (sent.size() <= writer) {
            sent.add(new ArrayList<>());
            received.add(0);
        }
        int payload = Math.min(bytes, MOST);
        int number = sent.get(writer).size();
        sent.get(writer).add(new Sent(payload, Integer.MAX_VALUE));
        ByteBuffer frame = ByteBuffer.allocate(HEADER + payload).put((byte) writer).put((byte) number).putShort((short) payload);
        for (int i = 0; i < payload; i++) {
            frame.put(content(writer, number, i));
        }
        return frame.flip();
    }

    /** The last frame of a writer has been handed in. */
    void returned(int writer, int number) {
        Sent last = sent.get(writer).get(number);
        sent.get(writer).set(number, new Sent(last.length, stepper.steps()));
    }

    /** How many frames a writer has begun to hand in. */
    int count(int writer) {
        return writer < sent.size() ? sent.get(writer).size() : 0;
    }

    private static byte content(int writer, int number, int at) {
        return (byte) (writer * 71 + number * 13 + at * 7 + (at >>> 8));
    }

    /** The peer takes bytes. */
    void receive(ByteBuffer in) {
        while (in.hasRemaining()) {
            byte next = in.get();
            if (at < HEADER) {
                header[at++] = next;
                if (at == HEADER) {
                    begin();
                }
            } else {
                int number = received.get(header[0]);
                stepper.check(next == content(header[0], number, at++ - HEADER), "a byte for the peer is not the next");
            }
            if (at >= HEADER && at == HEADER + length) {
                received.set(header[0], received.get(header[0]) + 1);
                at = 0;
            }
        }
    }

    private void begin() {
        int writer = header[0];
        length = Short.toUnsignedInt(ByteBuffer.wrap(header).getShort(2));
        stepper.check(writer >= 0 && writer < sent.size(), "bytes for the peer are nobody's");
        int number = received.get(writer);
        stepper.check(
                number < sent.get(writer).size() && header[1] == (byte) number && length == sent.get(writer).get(number).length,
                "a frame for the peer is not its writer's next");
    }

    /** Whether what was received ends within a frame. */
    boolean isWithin() {
        return at > 0;
    }

    /** Whether all have arrived that were handed in before a step. */
    boolean hasAllBefore(int step) {
        for (int writer = 0; writer < sent.size(); writer++) {
            List<Sent> frames = sent.get(writer);
            int next = received.get(writer);
            if (next < frames.size() && frames.get(next).returnedAt < step) {
                return false;
            }
        }
        return true;
    }
}
