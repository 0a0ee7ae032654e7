package dev.sluice.threads;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.ServerOptions;
import dev.sluice.threads.stepping.Line;
import dev.sluice.threads.stepping.SteppedNetwork;
import dev.sluice.threads.stepping.Stepper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;

/**
 * A server with one connection and one peer, of which a test says what each does; only the order of steps is a schedule's. The peer
 * sends its pieces when it likes. Each time that no thread can go on, the next of its actions begins; in the end the peer takes all and
 * ends its side, and the server drains.
 */
final class Script implements Stepper.Play {

    private static final int MOST_STEPS = 5_000;
    private static final int BITE = 8 << 10;

    /** Longer than anything that a script waits for, and not so long that the ticks of a drain were its most steps. */
    private static final Duration LONG = Duration.ofSeconds(30);

    private final Stage stage;
    private final Stepper stepper;
    private final ServerOptions options;
    private final Handler handler;
    private final Deque<String> pieces = new ArrayDeque<>();
    private final List<Consumer<Connection>> users = new ArrayList<>();
    private final Deque<Runnable> next = new ArrayDeque<>();
    private int room = 1 << 16;
    private boolean takes = true;
    private boolean ends;
    private boolean isBusy;
    private boolean isCutAtOnce;
    private boolean isLast;
    private Connection connection;
    private ThreadServer server;
    private Line line;

    Script(Stage stage, ServerOptions.Builder options, Handler handler) {
        this.stage = stage;
        this.stepper = stage.stepper;
        this.options = options.idleTimeout(Duration.ZERO).writeTimeout(Duration.ZERO).build();
        this.handler = handler;
    }

    /** The peer sends these, one by one. */
    Script sends(String... all) {
        pieces.addAll(Arrays.asList(all));
        return this;
    }

    /** The peer takes nothing until {@link #takes}, and the kernel so many bytes for it. */
    Script takesNothingBut(int bytes) {
        room = bytes;
        takes = false;
        return this;
    }

    /** A thread of the user's does something once there is a connection. */
    Script user(Consumer<Connection> does) {
        users.add(does);
        return this;
    }

    /** The server drains without any time, as soon as it has accepted. */
    Script isCutAtOnce() {
        isCutAtOnce = true;
        return this;
    }

    /** This follows once no thread can go on and all actions before have been done. */
    Script then(Runnable what) {
        next.add(what);
        return this;
    }

    /** The peer takes what comes. */
    void takes() {
        takes = true;
    }

    /** Whether all that was to follow has begun, and the peer ends its side. */
    boolean isLast() {
        return isLast;
    }

    /** The peer sends one more. */
    void send(String piece) {
        pieces.add(piece);
    }

    /** The server drains, and takes its time. */
    void drain() {
        server.drain(LONG);
    }

    Connection connection() {
        return connection;
    }

    @Override
    public void begin() throws IOException {
        server = ThreadServer.start(List.of(Listener.at(SteppedNetwork.address(0))), options, stage.seams(0), ThreadService.callbacks(self -> {
            connection = self;
            return handler;
        }));
        line = stage.network.connect(room, false);
        stepper.add(new Peer());
        if (isCutAtOnce) {
            stepper.spawn("user", () -> {
                stepper.await("accept", () -> line.isAccepted());
                server.drain(Duration.ZERO);
            });
        }
        for (Consumer<Connection> user : users) {
            stepper.spawn("user", () -> {
                stepper.await("a connection", () -> connection != null);
                user.accept(connection);
            });
        }
    }

    private final class Peer implements Stepper.Actor {
        private final ByteBuffer taken = ByteBuffer.allocate(BITE);

        @Override
        public boolean isReady() {
            return !line.isReset() && (!pieces.isEmpty() || takes && line.forPeer() > 0 || ends);
        }

        @Override
        public void act() {
            if (!pieces.isEmpty()) {
                line.send(ByteBuffer.wrap(pieces.poll().getBytes(StandardCharsets.ISO_8859_1)));
            } else if (takes && line.forPeer() > 0) {
                line.take(taken.clear());
            } else {
                ends = false;
                line.end();
            }
        }

        @Override
        public String toString() {
            return "peer";
        }
    }

    @Override
    public Stepper.Next quiet(boolean mayWait) {
        if (isBusy && mayWait) {
            return Stepper.Next.WAIT;
        }
        if (!next.isEmpty()) {
            Runnable what = next.poll();
            isBusy = true;
            stepper.spawn("then", () -> {
                what.run();
                isBusy = false;
            });
            return Stepper.Next.GO_ON;
        }
        if (!isLast) {
            isLast = true;
            takes = true;
            ends = true;
            stepper.spawn("last", this::drain);
            return Stepper.Next.GO_ON;
        }
        return mayWait ? Stepper.Next.WAIT : Stepper.Next.END;
    }

    @Override
    public boolean mayHurry() {
        return isCutAtOnce;
    }

    @Override
    public int mostSteps() {
        return MOST_STEPS;
    }

    @Override
    public void check() {
        stage.checkThatNothingIsLeft();
    }

    @Override
    public String toString() {
        return String.valueOf(connection);
    }
}
