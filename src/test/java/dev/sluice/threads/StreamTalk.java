package dev.sluice.threads;

import dev.sluice.threads.stepping.Stepper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/** A handler that reads and writes streams as the seed says, and checks what comes of it. */
final class StreamTalk {

    private static final int ON_PURPOSE = 24;

    private final Interleaving all;
    private final Stepper stepper;
    private final SplittableRandom random;
    private final Talker peer;
    private final byte[] bytes = new byte[60];
    private int consumed;
    private boolean inRead;
    private boolean ended;
    private boolean returned;
    private boolean threw;
    private boolean wasToldOfLoss;
    private long written;

    StreamTalk(Interleaving all, SplittableRandom random, Talker peer) {
        this.all = all;
        this.stepper = all.stepper;
        this.random = random;
        this.peer = peer;
    }

    /** Serves the connection. */
    void handle(InputStream in, OutputStream out) throws IOException {
        try {
            for (int acts = random.nextInt(20); acts > 0 && !ended && !all.isCalm(); acts--) {
                act(in, out);
            }
            while (!ended && (all.isCalm() || random.nextInt(3) != 0)) {
                read(in);
            }
            if (random.nextBoolean()) {
                write(out, random.nextInt(20));
            }
            returned = true;
        } catch (IOException e) {
            wasToldOfLoss = true;
            stepper.check(peer.hasReset() || all.mayLose(), "a stream throws: " + e);
            throw e;
        } catch (VirtualMachineError e) {
            wasToldOfLoss = true;
            stepper.check(all.isScarce, "there is no memory: " + e);
            throw e;
        } finally {
            ended = true;
        }
    }

    private void act(InputStream in, OutputStream out) throws IOException {
        switch (random.nextInt(8)) {
            case 0 -> write(out, random.nextInt(all.large()));
            case 1, 2 -> write(out, random.nextInt(30));
            case 3 -> flush(out);
            case 4 -> stepper.check(in.available() >= 0, "less than nothing is available");
            case 5 -> {
                if (random.nextInt(ON_PURPOSE) == 0) {
                    threw = true;
                    throw new IllegalStateException("on purpose");
                }
                stepper.step("thinks");
            }
            default -> read(in);
        }
    }

    private void read(InputStream in) throws IOException {
        inRead = true;
        int read;
        if (random.nextInt(4) == 0) {
            read = in.read();
            if (read >= 0) {
                bytes[0] = (byte) read;
                read = 1;
            }
        } else {
            read = in.read(bytes, 0, 1 + random.nextInt(bytes.length));
        }
        inRead = false;
        stepper.check(!all.isTerminated(), "a read after the server's termination");
        for (int i = 0; i < read; i++) {
            stepper.check(bytes[i] == peer.content(consumed++), "a byte from the peer is not the next");
        }
        if (read < 0) {
            ended = true;
            int arrived = peer.line.isEndRead() ? peer.sent() : all.arrivedBeforeDrain(peer);
            stepper.check(peer.line.isEndRead() || all.isDraining(), "the input ends though the peer has not");
            stepper.check(consumed >= arrived, "the input ends before all that had arrived");
        }
    }

    private void write(OutputStream out, int length) throws IOException {
        int number = peer.frames.count(0);
        ByteBuffer frame = peer.frames.next(0, length);
        written += frame.remaining();
        out.write(frame.array(), 0, frame.remaining());
        peer.frames.returned(0, number);
    }

    private void flush(OutputStream out) throws IOException {
        out.flush();
        stepper.check(peer.line.taken() == written || peer.line.isReset(), "a flush has not sent all");
    }

    /** Says what is amiss when no thread can go on; null if nothing is. */
    String whatIsAmiss() {
        boolean waits = inRead && !ended && peer.line.isReadable() && !peer.line.isBeingWritten();
        return waits ? "a stream waits for bytes that are there" : null;
    }

    /** The loss on the way, at the end of all; null if nothing was. */
    String whatIsLost() {
        if (!peer.line.isEnded() || peer.line.isReset()) {
            return null;
        }
        if (peer.frames.isWithin() && !threw && !wasToldOfLoss) {
            return "a part looks like the whole";
        }
        return returned && !peer.frames.hasAllBefore(stepper.steps() + 1) ? "output is lost" : null;
    }

    boolean hasEnded() {
        return ended;
    }

    long written() {
        return written;
    }

    boolean hasThrown() {
        return threw;
    }
}
