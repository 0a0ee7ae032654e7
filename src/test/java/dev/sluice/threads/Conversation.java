package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.internal.Patience;
import dev.sluice.threads.stepping.Line;
import dev.sluice.threads.stepping.Stepper;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;

/**
 * A handler that does what the seed says, and knows what the engine owes it: at each callback what may come now, and whenever no thread
 * can go on what must have come before.
 */
final class Conversation implements Handler {

    /** The actions that it may take. */
    private enum Act {
        WRITE, WRITE_MUCH, PAUSE, PAUSE_UNTIL_TASK, PAUSE_UNTIL_TIMER, PAUSE_AND_RESUME, RESUME, TASK, TIMER, CANCEL, HOLD, HOLD_UNTIL_TASK,
        OFFLOAD, CLOSE, SHUTDOWN, ABORT, THROW, CONNECT, INTERRUPT, ASK, NOTHING
    }

    /** How it takes what it is offered. */
    private enum Takes { ALL, SOME, FRAMES }

    private static final Act[][] TEMPERS = {
        {Act.WRITE},
        {Act.WRITE, Act.WRITE, Act.NOTHING, Act.CLOSE},
        {Act.WRITE, Act.PAUSE_UNTIL_TASK, Act.PAUSE_UNTIL_TIMER, Act.PAUSE_AND_RESUME, Act.NOTHING},
        {Act.WRITE, Act.WRITE_MUCH, Act.PAUSE, Act.TASK, Act.RESUME, Act.ASK},
        {Act.WRITE, Act.WRITE_MUCH, Act.WRITE_MUCH, Act.ASK},
        {Act.OFFLOAD, Act.OFFLOAD, Act.HOLD_UNTIL_TASK, Act.HOLD, Act.WRITE, Act.NOTHING, Act.CLOSE},
        {Act.WRITE, Act.SHUTDOWN, Act.NOTHING, Act.NOTHING, Act.TASK},
        {Act.WRITE, Act.TIMER, Act.TIMER, Act.CANCEL, Act.TASK, Act.PAUSE_UNTIL_TIMER},
        {Act.OFFLOAD, Act.OFFLOAD, Act.OFFLOAD, Act.TASK, Act.PAUSE_UNTIL_TASK, Act.PAUSE_AND_RESUME, Act.ASK},
        {Act.CONNECT, Act.WRITE, Act.HOLD_UNTIL_TASK, Act.PAUSE_UNTIL_TASK},
        Act.values(),
        Act.values(),
    };

    /** Thrown on purpose, and the peer's fault. */
    private static final ProtocolException PEERS_FAULT = new ProtocolException("on purpose");

    /** Thrown on purpose. */
    private static final class Thrown extends RuntimeException {
        private static final long serialVersionUID = 1;
        private static final Thrown ONE = new Thrown();

        private Thrown() {
            super("on purpose", null, false, false);
        }
    }

    private static final int NEVER = Integer.MAX_VALUE;

    /** How long one that seems idle may be looked at once more. */
    private static final long SOON_NS = 100_000_000;

    /** The time by which a wait may be longer: a loop's is a whole number of milliseconds. */
    private static final long ROUNDING_NS = 2_000_000;

    private final Interleaving all;
    private final Stepper stepper;
    private final SplittableRandom random;
    private final Act[] temper;
    private final Takes takes;
    private final int frame;
    private final boolean obeys;
    private final boolean reads;
    private int acts;

    final int number;
    final boolean isOutbound;
    Connection self;
    Talker peer;
    CloseReason reason;

    // the grammar
    private int inside = -1;
    private boolean wasOpen;
    private boolean wasClosedInside;
    private long lastCallbackNs;
    private boolean opened;
    private boolean ended;

    // input
    private int consumed;
    private int seen;
    private int left;
    private boolean tookNothing;
    private boolean inRead;
    private boolean toldToStop;

    /** Whether a write or an offload has told it that there is no room: then it may be offered the same again. */
    private boolean lacksRoom;

    private boolean owedByResumption;
    private boolean owedByRoom;
    private boolean offeredAfterEnd;
    private boolean offeredForTheEnd;
    private boolean paused;

    // output
    private int lastRefused = -1;
    private int lastWritable = -1;
    private int writing;
    private long lastWriteNs;
    private long lastCloseNs;
    private long lastReleaseNs;
    private int refusals;
    private int writables;

    // the end; by step
    private int endAsked = NEVER;
    private boolean closeAsked;
    private boolean closedInTurn;
    private boolean shutdownAsked;
    private boolean abortAsked;
    private boolean abortedInTurn;
    private boolean threw;
    private int failures;
    private long written;

    // work
    private final List<Hold> holds = new ArrayList<>();
    private final List<dev.sluice.Timer> timers = new ArrayList<>();
    private boolean wasHeld;
    private int tasks;
    private int tasksRun;
    private final boolean worksInOrder;
    private int offloads;
    private int offloadsRun;
    private int offloadsTold;

    Conversation(Interleaving all, SplittableRandom random, int number, boolean isOutbound) {
        this.all = all;
        this.stepper = all.stepper;
        this.random = random;
        this.number = number;
        this.isOutbound = isOutbound;
        this.temper = TEMPERS[random.nextInt(TEMPERS.length)];
        this.takes = Takes.values()[random.nextInt(3)];
        this.frame = all.isLong ? 90_000 : 1 + random.nextInt(random.nextInt(8) == 0 ? 3_000 : 12);
        this.obeys = random.nextInt(4) != 0;
        this.reads = random.nextInt(4) == 0;
        this.worksInOrder = random.nextInt(3) == 0;
        this.acts = random.nextInt(temper[0] == Act.OFFLOAD ? 20 : 9);
    }

    boolean isClosed() {
        return reason != null;
    }

    boolean isOpened() {
        return opened;
    }

    // ---- callbacks ----------------------------------------------------------------------------------------------------------

    private void enter(String what) {
        tell(what);
        boolean mayBeLate = isOutbound && !opened && what.equals("onClose"); // that of a connection which was refused
        stepper.check(!all.isTerminated() || mayBeLate, "a callback after the server's termination");
        stepper.check(inside < 0, "callbacks overlap");
        stepper.check(reason == null, what + " after onClose");
        stepper.check(!abortedInTurn || what.equals("onClose"), what + " after an abort");
        inside = stepper.who();
        wasOpen = self.isOpen();
        stepper.step(what);
    }

    private void leave() {
        stepper.step("leaves");
        stepper.check(inside == stepper.who(), "another is inside");
        wasClosedInside |= wasOpen && !self.isOpen();
        lastCallbackNs = stepper.nowNs();
        inside = -1;
    }

    @Override
    public void onOpen(Connection connection) {
        enter("onOpen");
        try {
            stepper.check(!opened, "onOpen twice");
            opened = true;
            doSomething();
        } finally {
            leave();
        }
    }

    @Override
    public void onRead(Connection connection, ByteBuffer in) {
        enter("onRead");
        try {
            read(in);
        } finally {
            inRead = false;
            leave();
        }
    }

    private void read(ByteBuffer in) {
        int offered = in.remaining();
        tell("is offered " + offered);
        stepper.check(opened && !ended, "onRead out of order");
        stepper.check(!closedInTurn, "onRead after close");
        stepper.check(!paused, "onRead while paused");
        stepper.check(in.order() == ByteOrder.BIG_ENDIAN, "a buffer in another order");
        stepper.check(offered > 0, "onRead without bytes");
        stepper.check(offered >= left, "less is offered than was left");
        boolean isSame = offered == left && tookNothing && !owedByResumption && !owedByRoom && !lacksRoom;
        if (isSame) {
            stepper.check(peer.line.isEndRead() && !offeredForTheEnd, "the same is offered again");
        }
        offeredForTheEnd = isSame;
        for (int i = 0; i < offered; i++) {
            if (in.get(in.position() + i) != peer.content(consumed + i)) {
                stepper.fail("a byte from the peer is not the next");
            }
        }
        seen = Math.max(seen, consumed + offered);
        offeredAfterEnd |= peer.line.isEndRead();
        owedByResumption = false;
        owedByRoom = false;
        inRead = true;
        tookNothing = true;
        toldToStop = false;
        lacksRoom = false;
        take(in);
        if (acts > 0 && random.nextBoolean()) {
            doSomething();
        }
        left = in.remaining();
        consumed += offered - left;
        owedByRoom = toldToStop && left > 0;
        owedByResumption &= left > 0 && !tookNothing;
    }

    private void take(ByteBuffer in) {
        if (all.isCalm() || takes == Takes.ALL) {
            took(in, in.remaining());
        } else if (takes == Takes.SOME) {
            took(in, random.nextInt(in.remaining() + 1));
        } else {
            while (in.remaining() >= frame) {
                if (obeys && !ask()) {
                    return;
                }
                took(in, frame);
                if (acts > 0) {
                    doSomething();
                }
            }
            if (in.remaining() > 0 && obeys) {
                ask();
            }
        }
    }

    /** Returns whether more is welcome; notes when it is not. */
    private boolean ask() {
        boolean isReading = self.isReading();
        toldToStop |= !isReading;
        return isReading;
    }

    private void took(ByteBuffer in, int bytes) {
        in.position(in.position() + bytes);
        tookNothing &= bytes == 0;
    }

    @Override
    public void onWritable(Connection connection) {
        enter("onWritable");
        try {
            stepper.check(opened, "onWritable out of order");
            stepper.check(++writables <= refusals + writing, "onWritable though no write was refused");
            lastWritable = stepper.steps();
            doSomething();
        } finally {
            leave();
        }
    }

    @Override
    public boolean readsWhileOutputWaits() {
        return reads;
    }

    @Override
    public void onEof(Connection connection) {
        enter("onEof");
        try {
            stepper.check(opened && !ended, "onEof out of order");
            stepper.check(!closedInTurn, "onEof after close");
            ended = true;
            if (peer.line.isEndRead()) {
                stepper.check(!paused, "onEof while paused");
                stepper.check(seen == peer.sent(), "onEof before all was offered");
                stepper.check(left == 0 || offeredAfterEnd, "the rest is not offered once more before onEof");
            } else {
                stepper.check(all.isDraining() && wasHeld, "onEof though the peer has not ended");
            }
            if (all.isCalm() || random.nextInt(3) != 0) {
                close();
            } else {
                doSomething();
            }
        } finally {
            leave();
        }
    }

    @Override
    public void onClose(Connection connection, CloseReason why) {
        enter("onClose");
        try {
            tell("is closed: " + why);
            reason = why;
            checkReason(why);
            if (random.nextInt(8) == 0) {
                self.write(ByteBuffer.allocate(1));
                self.close();
                self.shutdownOutput();
                self.abort();
                stepper.check(!self.execute(() -> {}), "a task is taken after the end");
            }
        } finally {
            leave();
        }
    }

    private void checkReason(CloseReason why) {
        stepper.check(peer == null || !peer.line.isBeingWritten(), "onClose while the kernel takes bytes");
        Throwable cause = why.cause();
        boolean isExpected = switch (why.kind()) {
            case PEER -> peer.line.isEndRead() && (why.unsent() == 0 || abortAsked);
            case LOCAL -> closeAsked || abortAsked || all.isDraining();
            case RESET -> cause instanceof IOException && peer.hasReset();
            case MEMORY -> isWantOfMemory(cause) || cause == null && all.written() + all.sent() > all.options.maxMemory() / 8; // in chunks, or doubled
            case IDLE -> all.options.idleTimeout().toNanos() > 0 && idleNs() >= all.options.idleTimeout().toNanos();
            case INPUT_TIMEOUT -> false; // none is set
            case WRITE_STALL -> all.options.writeTimeout().toNanos() > 0 && stalledNs() >= all.options.writeTimeout().toNanos();
            case QUEUE_LIMIT -> all.written() > all.options.maxPending();
            case HANDLER_FAILURE -> threw && cause == Thrown.ONE || isWantOfMemory(cause); // thrown by offload
            case PROTOCOL -> threw && cause == PEERS_FAULT || left >= all.options.maxRemainder() && cause == null;
            case CONNECT_FAILURE -> isOutbound && !opened;
            case DRAIN_DEADLINE -> all.isPastDrain();
        };
        stepper.check(isExpected, "closed for no reason: " + why.kind() + (cause == null ? "" : ", " + cause));
        boolean mayNotOpen = isOutbound && why.kind() == Kind.CONNECT_FAILURE || all.isScarce;
        stepper.check(opened || mayNotOpen, "never opened, and closed: " + why.kind());
        stepper.check(why.kind() != Kind.LOCAL || why.unsent() == 0 || abortAsked, "output is lost at a close");
        if (why.kind() == Kind.PEER && ended || all.isDraining() && why.kind() == Kind.LOCAL && !closeAsked && !abortAsked) {
            stepper.check(why.kind() == Kind.PEER || !wasClosedInside || wasHeld, "a drain closes it within a callback");
            int arrived = why.kind() == Kind.PEER ? peer.sent() : all.arrivedBeforeDrain(peer);
            int inHand = shutdownAsked ? arrived : peer.line.readBeforeEnd();
            int has = Interleaving.BYTES_IN_HAND && stepper.hasHurried() ? inHand : seen;
            stepper.check(ended || has >= arrived, "closed before all was offered that had arrived");
            boolean isOwed = left > 0 && (paused || owedByResumption || owedByRoom);
            stepper.check(ended || !isOwed, "closed though the handler was still to be offered something");
        }
    }

    private boolean isWantOfMemory(Throwable cause) {
        return all.isScarce && Patience.helps(cause);
    }

    private long idleNs() {
        long movedNs = peer.line.isWrittenWhole() ? peer.line.readNs() : Math.max(peer.line.readNs(), peer.line.takenNs());
        return peer.line.closedNs() - movedNs;
    }

    /** Of a call that takes all, the kernel tells when it returns. */
    private long stalledNs() {
        return peer.line.isWrittenWhole() ? Stepper.NEVER : peer.line.closedNs() - peer.line.takenNs();
    }

    // ---- what it does -------------------------------------------------------------------------------------------------------

    private void doSomething() {
        if (all.isCalm() || acts <= 0 || isClosed()) {
            return;
        }
        acts--;
        act(temper[random.nextInt(temper.length)]);
    }

    private void act(Act act) {
        tell(act.toString());
        switch (act) {
            case WRITE -> write(0, random.nextInt(30));
            case WRITE_MUCH -> write(0, random.nextInt(all.large()));
            case PAUSE -> pause();
            case PAUSE_UNTIL_TASK -> {
                pause();
                task(this::resume);
            }
            case PAUSE_UNTIL_TIMER -> {
                pause();
                timer(this::resume);
            }
            case PAUSE_AND_RESUME -> {
                pause();
                resume();
            }
            case RESUME -> resume();
            case TASK -> task(this::doSomething);
            case TIMER -> timer(this::doSomething);
            case CANCEL -> cancel();
            case HOLD -> hold();
            case HOLD_UNTIL_TASK -> {
                hold();
                task(this::release);
            }
            case OFFLOAD -> offload();
            case CLOSE -> close();
            case SHUTDOWN -> shutdownOutput();
            case ABORT -> abort();
            case THROW -> {
                threw = true;
                endAsked = Math.min(endAsked, stepper.steps());
                if (random.nextBoolean()) {
                    throw Conversation.<RuntimeException>unchecked(PEERS_FAULT);
                }
                failures++;
                throw Thrown.ONE;
            }
            case CONNECT -> all.connectFrom(self);
            case INTERRUPT -> Thread.currentThread().interrupt();
            case ASK -> ask();
            case NOTHING -> { }
        }
    }

    /** Tasks may not declare it, and may throw it all the same. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T unchecked(Throwable thrown) throws T {
        throw (T) thrown;
    }

    /** Any thread, each with a number of its own. */
    void write(int writer, int bytes) {
        int begun = stepper.steps();
        if (peer == null) {
            self.write(ByteBuffer.allocate(bytes));
            return;
        }
        int frameNumber = peer.frames.count(writer);
        ByteBuffer data = peer.frames.next(writer, bytes);
        written += data.remaining();
        lastWriteNs = stepper.nowNs();
        writing++;
        boolean more = self.write(data);
        writing--;
        peer.frames.returned(writer, frameNumber);
        stepper.check(!data.hasRemaining(), "a write that left bytes");
        if (!more) {
            lacksRoom |= writer == 0;
            refusals++;
            lastRefused = Math.max(lastRefused, begun);
        }
    }

    private void pause() {
        self.pauseReading();
        paused = self.isOpen();
    }

    void resume() {
        if (paused) {
            paused = false;
            owedByResumption = left > 0 || inRead;
        }
        self.resumeReading();
    }

    /** Any thread. */
    void task(Runnable work) {
        tasks++;
        boolean taken = false;
        try {
            taken = self.execute(() -> {
                enter("task");
                try {
                    tasksRun++;
                    work.run();
                } finally {
                    leave();
                }
            });
        } finally {
            tasks -= taken ? 0 : 1;
        }
    }

    private void timer(Runnable work) {
        long delayNs = random.nextInt(4) * 10_000_000L;
        long dueNs = stepper.nowNs() + delayNs;
        boolean[] taken = new boolean[1];
        taken(taken, self.schedule(Duration.ofNanos(delayNs), () -> {
            enter("timer");
            try {
                stepper.check(!taken[0], "a timer that was taken back");
                stepper.check(stepper.nowNs() - dueNs >= 0, "a timer before its time");
                work.run();
            } finally {
                leave();
            }
        }));
    }

    private void taken(boolean[] taken, dev.sluice.Timer timer) {
        timers.add(() -> taken[0] |= timer.cancel());
    }

    private void cancel() {
        timers.forEach(dev.sluice.Timer::cancel);
        timers.clear();
    }

    private void offload() {
        offloads++;
        wasHeld = true;
        boolean waits = random.nextInt(4) == 0;
        boolean taken = false;
        try {
            offload(waits);
            taken = true;
        } finally {
            offloads -= taken ? 0 : 1;
        }
    }

    private void offload(boolean waits) {
        int place = offloads;
        Callable<String> task = () -> {
            stepper.step("works");
            if (waits) {
                stepper.sleep(5_000_000);
            }
            offloadsRun++;
            return "done";
        };
        BiConsumer<String, Throwable> callback = (done, failure) -> {
            enter("offloaded");
            try {
                offloadsTold++;
                lastReleaseNs = stepper.nowNs();
                stepper.check("done".equals(done) && failure == null, "another result");
                stepper.check(!worksInOrder || offloadsTold == place, "work is answered out of its order");
                doSomething();
            } finally {
                leave();
            }
        };
        if (worksInOrder) {
            lacksRoom |= !self.offloadInOrder(task, callback);
        } else {
            lacksRoom |= !self.offload(task, callback);
        }
    }

    private void hold() {
        wasHeld = true;
        holds.add(self.hold());
    }

    private void release() {
        if (!holds.isEmpty()) {
            lastReleaseNs = stepper.nowNs();
            holds.remove(0).close();
        }
    }

    /** Any thread. */
    void releaseAll() {
        while (!holds.isEmpty()) {
            lastReleaseNs = stepper.nowNs();
            holds.remove(holds.size() - 1).close();
        }
    }

    /** Any thread. */
    void close() {
        endAsked = Math.min(endAsked, stepper.steps());
        lastCloseNs = stepper.nowNs();
        closeAsked = true;
        boolean inTurn = inside == stepper.who();
        self.close();
        closedInTurn |= inTurn;
    }

    /** Any thread. */
    void shutdownOutput() {
        endAsked = Math.min(endAsked, stepper.steps());
        shutdownAsked = true;
        self.shutdownOutput();
    }

    /** Any thread. */
    void abort() {
        endAsked = Math.min(endAsked, stepper.steps());
        abortAsked = true;
        boolean inTurn = inside == stepper.who();
        self.abort();
        abortedInTurn |= inTurn;
    }

    /** Any thread. From now on it takes all, and owes nothing. */
    void calmDown() {
        if (self != null && !isClosed()) {
            task(() -> {
                releaseAll();
                resume();
                if (ended) {
                    close();
                }
            });
        }
    }

    /** The actions of a thread of the user's. */
    void meddle(SplittableRandom chance, int writer) {
        if (self == null) {
            return;
        }
        int what = chance.nextInt(16);
        tell("from elsewhere: " + what);
        switch (what) {
            case 0 -> close();
            case 1 -> shutdownOutput();
            case 2 -> {
                if (chance.nextInt(3) == 0) {
                    abort();
                }
            }
            case 3 -> releaseAll();
            case 4, 5 -> task(this::doSomething);
            case 6 -> task(this::resume);
            case 7 -> task(() -> act(temper[chance.nextInt(temper.length)]));
            case 8 -> write(writer, chance.nextInt(all.large()));
            case 9 -> {
                stepper.check(self.pending() >= 0, "less than nothing is pending");
                self.isOpen();
            }
            default -> write(writer, chance.nextInt(40));
        }
    }

    // ---- what must have come when no thread can go on ----------------------------------------------------------------------------

    /** Says what is amiss; null if nothing is. */
    String whatIsAmiss() {
        if (self == null || isClosed() || peer == null) {
            return null;
        }
        Line line = peer.line;
        long pending = self.pending();
        boolean isWelcome = (left == 0 || !all.isUnderPressure()) && (reads || pending == 0 || pending <= all.options.lowWater() && hasWrittenNothingItself() && !all.isUnderPressure());
        boolean mayRead = opened && self.isOpen() && !closeAsked && !paused && !ended && isWelcome && !all.isOffloading() && !all.isDraining();
        boolean owesNothing = holds.isEmpty() && offloads == offloadsTold;
        if (tasks > tasksRun) {
            return "a task waits";
        }
        if (mayRead && line.isReadable()) {
            return "bytes wait, and no thread reads";
        }
        if (mayRead && left > 0 && owedByResumption) {
            return "what was left unread is not offered after a resumption";
        }
        if (mayRead && left > 0 && owedByRoom) {
            return "what was left unread is not offered though there is room";
        }
        if (pending > 0 && line.hasRoom()) {
            return "output waits though there is room";
        }
        if (lastRefused > lastWritable && pending == 0 && self.isOpen() && !closeAsked && !shutdownAsked && opened && !all.isDraining()) {
            return "onWritable does not come";
        }
        if ((closeAsked || shutdownAsked) && pending == 0 && owesNothing && !line.isEnded() && opened) {
            return "the end is not told";
        }
        if (line.isEnded() && line.isEndRead() && owesNothing && (ended || closeAsked)) {
            return "both sides have ended, and it is not closed";
        }
        boolean isOwed = left > 0 && (owedByResumption || owedByRoom || all.isUnderPressure());
        if (all.isDraining() && opened && !isOutbound && !paused && !isOwed && owesNothing && !all.isOffloading() && pending == 0 && !line.isEnded() && !line.isReadable()
                && (!line.isBeingRead() || !stepper.hasHurried() && stepper.nowNs() - quietNs(line) > SOON_NS)) {
            return "a drain does not end one that is quiet";
        }
        return whatIsLate(line);
    }

    /** Since when there has been nothing that keeps a drain from ending it. */
    private long quietNs(Line line) {
        long movedNs = Math.max(line.readNs(), line.takenNs());
        return Math.max(Math.max(all.drainAskedNs(), lastReleaseNs), Math.max(movedNs, lastCallbackNs));
    }

    /** Which deadline has passed. */
    private String whatIsLate(Line line) {
        if (stepper.hasHurried()) {
            return null;
        }
        long nowNs = stepper.nowNs();
        long idleNs = all.options.idleTimeout().toNanos();
        long writeNs = all.options.writeTimeout().toNanos();
        boolean isHeld = !holds.isEmpty() || offloads > offloadsTold;
        boolean isLingering = closeAsked && line.isEnded() && !isHeld;
        long movedNs = Math.max(Math.max(lastReleaseNs, lastCallbackNs), Math.max(line.readNs(), line.takenNs()));
        if (idleNs > 0 && !isHeld && !isLingering && nowNs - movedNs > idleNs + SOON_NS) {
            return "the idle limit has passed";
        }
        if (writeNs > 0 && self.pending() > 0 && nowNs - Math.max(line.takenNs(), lastWriteNs) > writeNs + ROUNDING_NS) {
            return "the write limit has passed";
        }
        if (isLingering && nowNs - Math.max(line.endedNs(), Math.max(lastCloseNs, lastReleaseNs)) > all.options.lingerTimeout().toNanos() + ROUNDING_NS) {
            return "the linger limit has passed";
        }
        return null;
    }

    private boolean hasWrittenNothingItself() {
        return peer.frames.count(0) == 0;
    }

    /** The loss on the way, at the end of all; null if nothing was. */
    String whatIsLost() {
        if (peer == null || peer.line == null || reason == null || !peer.line.isEnded() || peer.line.isReset()) {
            return null;
        }
        if (peer.frames.isWithin()) {
            return "a part looks like the whole";
        }
        boolean isWell = reason.kind() == Kind.PEER || reason.kind() == Kind.LOCAL;
        return isWell && !peer.frames.hasAllBefore(Math.min(endAsked, all.drainAsked())) ? "output is lost" : null;
    }

    /** Tasks that were taken and not run. */
    int dropped() {
        return tasks - tasksRun;
    }

    /** Offloaded work whose connection closed before it was told. */
    int untold() {
        return offloads - offloadsTold;
    }

    int offloadsLeft() {
        return offloads - offloadsRun;
    }

    /** How often it failed on purpose. */
    int failures() {
        return failures;
    }

    long written() {
        return written;
    }

    private void tell(String what) {
        if (stepper.isTold()) {
            stepper.tell("connection " + number + " " + what);
        }
    }

    String state() {
        return "connection " + number + (peer == null || peer.line == null ? "" : " with " + peer.line.peer.getPort())
                + ": consumed " + consumed + ", left " + left + (paused ? ", paused" : "") + (ended ? ", ended" : "")
                + (closeAsked ? ", close asked" : "") + (reason == null ? "" : ", " + reason.kind()) + "; " + self;
    }
}
