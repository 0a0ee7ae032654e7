package dev.sluice.threads;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.ServerOptions;
import dev.sluice.threads.stepping.Finding;
import dev.sluice.threads.stepping.Schedule;
import dev.sluice.threads.stepping.Stepper;
import java.nio.ByteBuffer;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The findings of {@link InterleavingsTest}, each with no more than it needs, in a fixed number of fixed orders. */
@Timeout(120)
class InterleavingsFoundTest {

    private static final int SCHEDULES = 3_000;

    /** After which a drain looks again at a thread that is in a read. */
    private static final long GRACE_NS = 50_000_000;

    private static void inEveryOrder(Function<Stage, Script> script) {
        from(0, script);
    }

    /** The orders of so many seeds, from the first on. */
    private static void from(int first, Function<Stage, Script> script) {
        Stepping stepping = new Stepping();
        for (int seed = first; seed < first + SCHEDULES; seed++) {
            Function<Stage, Stepper.Play> making = script::apply;
            Schedule schedule = new Schedule(seed);
            Finding finding = stepping.run(making, schedule, null);
            if (finding != null) {
                throw new AssertionError("schedule " + seed + ": " + finding.getMessage() + "\n" + stepping.explain(making, schedule, finding), finding);
            }
        }
    }

    /** Takes nothing of what it is offered, and counts. */
    private abstract static class Leaving implements Handler {
        final Stage stage;
        int offers;
        int left;

        Leaving(Stage stage) {
            this.stage = stage;
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            offers++;
            offered(self, in);
            left = in.remaining();
        }

        abstract void offered(Connection self, ByteBuffer in);
    }

    /**
     * A helper on its way to offer what a resumption owes comes too late: the connection's own thread has offered it with the next
     * bytes, and the handler was told to stop. So there is nothing to offer until output has left.
     */
    @Test
    void helperThatComesTooLateOffersNothing() {
        inEveryOrder(stage -> {
            Leaving handler = new Leaving(stage) {
                private boolean wasStopped;

                @Override
                void offered(Connection self, ByteBuffer in) {
                    stage.stepper.check(!wasStopped || in.remaining() > left || self.isReading(), "offered again though output waits");
                    if (wasStopped) {
                        in.position(in.limit());
                    } else if (in.remaining() > 1) {
                        self.write(ByteBuffer.allocate(100));
                        wasStopped = !self.isReading();
                    }
                }
            };
            return new Script(stage, ServerOptions.builder().lowWater(0).highWater(1), handler)
                    .sends("a", "b")
                    .takesNothingBut(10)
                    .user(self -> self.execute(self::pauseReading))
                    .user(self -> self.execute(self::resumeReading));
        });
    }

    /** Is not to be offered the same again before the peer's end. */
    private abstract static class Once extends Leaving {
        Script script;

        Once(Stage stage) {
            super(stage);
        }

        @Override
        void offered(Connection self, ByteBuffer in) {
            stage.stepper.check(offers == 1 || in.remaining() > left || script.isLast(), "the same is offered again");
            callOf(self);
        }

        void callOf(Connection self) {}
    }

    /** The copy of what was left counted as taken by the handler. */
    @Test
    void handlerThatResumesWithinItsCallAndTakesNothingHasSeenAll() {
        inEveryOrder(stage -> {
            Once handler = new Once(stage) {
                @Override
                void callOf(Connection self) {
                    self.pauseReading();
                    self.resumeReading();
                }
            };
            return handler.script = new Script(stage, ServerOptions.builder(), handler).sends("a", "b");
        });
    }

    /** Only a handler that is being offered input can leave bytes because it was told to stop. */
    @Test
    void handlerThatIsToldToStopInATaskIsOfferedNothingForThat() {
        inEveryOrder(stage -> {
            Once handler = new Once(stage) {};
            return handler.script = new Script(stage, ServerOptions.builder().lowWater(0).highWater(1), handler)
                    .sends("a")
                    .takesNothingBut(10)
                    .user(self -> {
                        stage.stepper.await("bytes are left", () -> handler.left > 0);
                        self.execute(() -> {
                            self.write(ByteBuffer.allocate(100));
                            self.isReading();
                        });
                    })
                    .then(() -> handler.script.takes());
        });
    }

    /** The drain's deadline passes while the connection's thread is about to make the handler: rare, in order 4,540. */
    @Test
    void connectionThatIsCutBeforeItsThreadComesHasNoHandler() {
        from(3_000, stage -> new Script(stage, ServerOptions.builder(), new Handler() {
            private boolean isOpen;

            @Override
            public void onOpen(Connection self) {
                isOpen = true;
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
            }

            @Override
            public void onClose(Connection self, CloseReason reason) {
                stage.stepper.check(isOpen, "is closed and was never open");
            }
        }).sends("a").isCutAtOnce());
    }

    /**
     * A thread that waits for output to leave before it offers what was left has nothing to offer any more when a task has resumed
     * reading meanwhile, and was offered it.
     */
    @Test
    void threadThatWaitedForRoomOffersNothingThatWasOfferedMeanwhile() {
        inEveryOrder(stage -> {
            Twice handler = new Twice(stage);
            return handler.script = new Script(stage, ServerOptions.builder().lowWater(0).highWater(1), handler)
                    .sends("a")
                    .takesNothingBut(10)
                    .then(handler::letOutputLeave);
        });
    }

    /** Is told to stop at the first offer, and resumes reading when it may write again. */
    private static final class Twice extends Leaving {
        private Script script;
        private boolean hasResumed;
        private int sinceResumption;

        Twice(Stage stage) {
            super(stage);
        }

        void letOutputLeave() {
            script.takes();
        }

        @Override
        void offered(Connection self, ByteBuffer in) {
            if (offers == 1) {
                self.write(ByteBuffer.allocate(100));
                self.isReading();
            }
            sinceResumption += hasResumed ? 1 : 0;
            stage.stepper.check(sinceResumption < 2 || script.isLast(), "offered twice after a resumption");
        }

        @Override
        public void onWritable(Connection self) {
            self.pauseReading();
            self.resumeReading();
            hasResumed = true;
        }
    }

    /** Leaves its bytes until it has resumed, and says so if it is closed before it was offered them again. */
    private static final class Resuming extends Leaving {
        private boolean isOwed;
        private boolean takes;
        private boolean hasEnded;
        private Script script;
        private Hold hold = () -> {};

        Resuming(Stage stage) {
            super(stage);
        }

        @Override
        void offered(Connection self, ByteBuffer in) {
            isOwed = false;
            if (takes) {
                in.position(in.limit());
            }
        }

        /** A task. */
        void resume() {
            Connection self = script.connection();
            self.pauseReading();
            takes = left > 0;
            isOwed = left > 0 && !hasEnded && self.isOpen();
            self.resumeReading();
            hold.close();
        }

        @Override
        public void onEof(Connection self) {
            hasEnded = true;
            self.close();
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            stage.stepper.check(!isOwed, "closed before it was offered what it left");
        }
    }

    /** The connection's own thread has found that it may leave, and a task has the turn before it. */
    @Test
    void handlerThatPausesAndResumesAsItsServerDrainsIsOfferedWhatItLeft() {
        inEveryOrder(stage -> {
            Resuming handler = new Resuming(stage);
            handler.script = new Script(stage, ServerOptions.builder(), handler)
                    .sends("abc")
                    .user(self -> handler.script.drain())
                    .user(self -> {
                        stage.stepper.await("bytes are left", () -> handler.left > 0 || !self.isOpen());
                        self.execute(handler::resume);
                    });
            return handler.script;
        });
    }

    /** As above, but more has come meanwhile: a helper leaves the offer to the own thread, which is about to leave and not to read. */
    @Test
    void handlerThatPausesAndResumesAsItsServerDrainsIsOfferedWhatItLeftWithWhatHasComeSince() {
        inEveryOrder(stage -> {
            Resuming handler = new Resuming(stage);
            handler.script = new Script(stage, ServerOptions.builder(), handler)
                    .sends("abc")
                    .user(self -> handler.script.drain())
                    .user(self -> {
                        stage.stepper.await("bytes are left", () -> handler.left > 0 || !self.isOpen());
                        handler.script.send("d");
                        self.execute(handler::resume);
                    });
            return handler.script;
        });
    }

    /** A helper is to leave for a connection that is held, and a task is before it. */
    @Test
    void handlerThatResumesAndReleasesAsItsServerDrainsIsOfferedWhatItLeft() {
        inEveryOrder(stage -> {
            Resuming handler = new Resuming(stage);
            handler.script = new Script(stage, ServerOptions.builder(), handler)
                    .sends("abc")
                    .user(self -> self.execute(() -> handler.hold = self.hold()))
                    .then(() -> {
                        handler.script.drain();
                        stage.stepper.sleep(GRACE_NS);
                        handler.script.connection().execute(handler::resume);
                    });
            return handler.script;
        });
    }
}
