package dev.sluice.threads;

import dev.sluice.threads.stepping.Line;
import dev.sluice.threads.stepping.Stepper;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/**
 * A peer: sends in pieces, takes in pieces, stops taking for a while, ends its side or resets, as the seed has it; and once all is
 * calm it sends the rest, takes all, and ends.
 */
final class Talker implements Stepper.Actor {

    private final Interleaving all;
    private final SplittableRandom random;
    private final Stepper stepper;
    private final ByteBuffer buffer = ByteBuffer.allocate(16 << 10);
    private final int total;
    private final int piece;
    private final int bite;
    private final boolean endsAfterAll;
    private final boolean endsAfterEnd;
    private final boolean isAccepting;
    private int resetsAfter;
    private int stallsAfter;
    private long stallNs;
    private long stalledUntilNs = Stepper.NEVER;
    private boolean stalled;

    final Frames frames;
    final byte salt;
    Line line;
    Conversation conversation;
    private int sent;
    private boolean hasReset;
    private boolean hasEnded;
    private boolean refused;

    /** One that connects; or, where it has a line already, is connected to. */
    Talker(Interleaving all, SplittableRandom random, Line line) {
        this.all = all;
        this.stepper = all.stepper;
        this.random = random;
        this.line = line;
        this.isAccepting = line != null;
        this.frames = new Frames(stepper);
        this.salt = (byte) random.nextInt();
        this.total = all.isLong ? 60_000 + random.nextInt(60_000) : switch (random.nextInt(16)) {
            case 0 -> 0;
            case 1 -> 5_000 + random.nextInt(20_000);
            case 2 -> 200;
            default -> 1 + random.nextInt(60);
        };
        this.piece = total > 500 ? 500 + random.nextInt(15_000) : 1 + random.nextInt(25);
        this.bite = random.nextInt(3) == 0 && !all.isWide() ? 1 + random.nextInt(20) : 8 << 10;
        this.endsAfterAll = random.nextInt(3) != 0;
        this.endsAfterEnd = random.nextInt(4) != 0;
        this.resetsAfter = random.nextInt(12) == 0 ? 1 + random.nextInt(12) : Integer.MAX_VALUE;
        this.stallsAfter = random.nextInt(3) == 0 ? random.nextInt(4) : Integer.MAX_VALUE;
        this.stallNs = random.nextBoolean() ? 1_000_000L * random.nextInt(600) : Stepper.NEVER;
    }

    /** The byte at an offset of what it sends. */
    byte content(int offset) {
        return (byte) (offset * 167 + (offset >>> 8) * 13 + salt);
    }

    int sent() {
        return sent;
    }

    boolean hasEnded() {
        return hasEnded;
    }

    boolean hasReset() {
        return hasReset;
    }

    /** Whether it is a client that the server's listener did not take. */
    boolean isRefused() {
        return refused;
    }

    // ---- acting -------------------------------------------------------------------------------------------------------------

    private boolean mayConnect() {
        return line == null && !refused;
    }

    private boolean mayAnswer() {
        return isAccepting && !line.isAccepted() && !line.isReset();
    }

    private boolean isConnected() {
        return line != null && (!isAccepting || line.isAccepted()) && !line.isReset() && !hasReset;
    }

    private boolean maySend() {
        return isConnected() && sent < total && !hasEnded;
    }

    private boolean mayTake() {
        return isConnected() && line.forPeer() > 0 && !isStalled();
    }

    private boolean mayEnd() {
        return isConnected() && !hasEnded && sent == total && (endsAfterAll || all.isCalm() || endsAfterEnd && line.isAtItsEnd());
    }

    private boolean mayReset() {
        return isConnected() && resetsAfter <= 0 && !all.isCalm();
    }

    private boolean isStalled() {
        return stalled && !all.isCalm() && stalledUntilNs - stepper.nowNs() > 0;
    }

    @Override
    public boolean isReady() {
        return mayConnect() || mayAnswer() || maySend() || mayTake() || mayEnd() || mayReset();
    }

    @Override
    public long atNs() {
        return isStalled() ? stalledUntilNs : Stepper.NEVER;
    }

    @Override
    public void act() {
        resetsAfter--;
        if (mayConnect()) {
            line = all.connect(this);
            refused = line == null;
        } else if (mayAnswer()) {
            if (random.nextInt(4) == 0) {
                line.reset();
            } else {
                line.accept(stepper.nowNs());
            }
        } else if (mayReset()) {
            hasReset = true;
            line.reset();
            tell("resets");
        } else if (mayTake() && (!maySend() || random.nextBoolean())) {
            take();
        } else if (maySend()) {
            send();
        } else {
            hasEnded = true;
            line.end();
            tell("ends");
        }
    }

    private void send() {
        int length = Math.min(Math.min(1 + random.nextInt(piece), buffer.capacity()), total - sent);
        buffer.clear();
        for (int i = 0; i < length; i++) {
            buffer.put(content(sent++));
        }
        line.send(buffer.flip());
        tell("sends " + length);
    }

    private void take() {
        line.take(buffer.clear().limit(bite));
        tell("takes " + buffer.position());
        frames.receive(buffer.flip());
        if (!stalled && stallsAfter-- == 0) {
            stalled = true;
            stalledUntilNs = stallNs == Stepper.NEVER ? Stepper.NEVER : stepper.nowNs() + stallNs;
        }
    }

    private void tell(String what) {
        if (stepper.isTold()) {
            stepper.tell(this + " " + what);
        }
    }

    @Override
    public String toString() {
        return "peer " + (line == null ? "-" : line.peer.getPort());
    }
}
