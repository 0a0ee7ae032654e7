package dev.sluice.fault;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.ServerStats.Counter;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorOptions;
import dev.sluice.reactor.ReactorServer;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.IntBinaryOperator;

/**
 * A program that serves on one engine and runs out of memory at a step that its seed chooses, for a while. {@link StarvedProcess} is its
 * client. What it counts, it counts in memory that was allocated beforehand. Its classes are loaded beforehand, too: so what fails for
 * want of memory is the server, or a handler that asks the server for something.
 *
 * <pre>
 *   standard input    f fill now        d drain     b fill, then drain     r tell the books now
 *   standard output   the port, then    F is full   R has memory again    then "books", a line for each fault of them, and "done"
 * </pre>
 */
final class StarvedServer {

    private static final int MOST_CONNECTIONS = 20_000;
    private static final Duration DRAIN = Duration.ofSeconds(3);
    private static final Duration SOON = Duration.ofMillis(15);

    private static final AtomicInteger steps = new AtomicInteger();
    private static final AtomicInteger drawn = new AtomicInteger();
    private static final AtomicIntegerArray made = new AtomicIntegerArray(MOST_CONNECTIONS);
    private static final AtomicIntegerArray opened = new AtomicIntegerArray(MOST_CONNECTIONS);
    private static final AtomicIntegerArray closed = new AtomicIntegerArray(MOST_CONNECTIONS);
    private static final AtomicReferenceArray<Connection> connections = new AtomicReferenceArray<>(MOST_CONNECTIONS);
    private static final AtomicInteger latest = new AtomicInteger();
    private static final Hog hog = new Hog(200_000);
    private static final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
    private static final FileInputStream in = new FileInputStream(FileDescriptor.in);
    private static final byte[] BIG = new byte[100_000];
    private static final byte[] SMALL = new byte[30];
    private static final Handler SERVING = new Serving();
    private static final Handler CALLING = new Calling();
    private static final IntBinaryOperator MAX = Math::max;
    private static final Callable<Object> WORK = new Work();
    private static final Handler.Factory OUTBOUND = new Outbound();

    private static long seed;
    private static int fillAt;
    private static int releaseAfterSteps;
    private static long releaseAfterNs;
    private static int slack;
    private static boolean fillsElsewhere;
    private static boolean insists;
    private static InetSocketAddress address;
    private static volatile boolean fillAsked;
    private static volatile boolean hasFilled;
    private static volatile boolean isOver;

    private StarvedServer() {}

    public static void main(String[] args) throws Exception {
        seed = Long.parseLong(args[1]);
        SplittableRandom random = new SplittableRandom(seed);
        fillAt = 1 + random.nextInt(random.nextBoolean() ? 40 : 400);
        releaseAfterSteps = random.nextInt(3) == 0 ? 1 + random.nextInt(50) : Integer.MAX_VALUE / 2;
        releaseAfterNs = random.nextInt(random.nextBoolean() ? 20 : 1_000) * 1_000_000L;
        slack = random.nextInt(3) == 0 ? 0 : random.nextInt(random.nextBoolean() ? 500 : 8_000);
        fillsElsewhere = random.nextInt(4) == 0;
        insists = random.nextInt(3) == 0;
        rehearse();
        Server server = start(args[0]);
        address = server.address();
        CompletableFuture<?> termination = server.termination();
        daemon("hog", StarvedServer::starve);
        daemon("meddler", StarvedServer::meddle);
        daemon("orders", () -> obey(server));
        out.write((address.getPort() + "\n").getBytes());
        int status = await(termination);
        isOver = true;
        hog.release();
        if (status == 0) {
            report(server);
        }
        Runtime.getRuntime().halt(status);
    }

    private static Server start(String engine) throws IOException {
        List<Listener> here = List.of(Listener.at(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)));
        ServerOptions options = ServerOptions.builder()
                .lowWater(4 << 10)
                .highWater(16 << 10)
                .writeTimeout(Duration.ofSeconds(4))
                .lingerTimeout(Duration.ofMillis(300))
                .offloadThreads(3)
                .offloadQueue(4)
                .sendBuffer(16 << 10)
                .build();
        Handler.Factory factory = new Serves();
        return switch (engine) {
            case "reactor" -> ReactorServer.start(here, ReactorOptions.builder().server(options).build(), factory);
            case "sub-reactors" -> ReactorServer.start(here, ReactorOptions.builder().server(options).subReactors(2).build(), factory);
            case "callers-reactor" -> onReactor(here, options, factory);
            case "threads" -> ThreadServer.start(here, options, Threads.platform(), factory);
            case "pool" -> ThreadServer.start(here, options, Threads.pool(100), factory);
            case "virtual" -> ThreadServer.start(here, options, Threads.virtual(), factory);
            default -> throw new IllegalArgumentException(engine);
        };
    }

    private static Server onReactor(List<Listener> here, ServerOptions options, Handler.Factory factory) throws IOException {
        Reactor reactor = Reactor.open();
        Server server = ReactorServer.open(reactor, SelectorProvider.provider(), here, options, factory);
        daemon("loop", () -> {
            try {
                reactor.run();
            } catch (IOException e) {
                // the server has told
            }
        });
        return server;
    }

    /** Loads and links what this class needs when there is no memory. */
    private static void rehearse() throws Exception {
        hog.fill(0);
        hog.release();
        hog.refill();
        for (Class<?> each : List.of(Answer.class, Later.class, Resumed.class, Released.class, Posted.class)) {
            Class.forName(each.getName(), true, each.getClassLoader());
        }
        mix(1);
        LockSupport.parkNanos(1);
    }

    private static void daemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    // ---- hunger -------------------------------------------------------------------------------------------------------

    private static void step() {
        int now = steps.incrementAndGet();
        if (now == fillAt) {
            if (fillsElsewhere) {
                fillAsked = true;
            } else {
                fill();
            }
        } else if (now == fillAt + releaseAfterSteps) {
            hog.release();
        }
    }

    private static void fill() {
        hog.fill(slack);
        hasFilled = true;
    }

    /** A thread: fills on demand, fills what has become free, releases in time, and tells of both. */
    private static void starve() {
        while (!hasFilled) {
            if (fillAsked) {
                fill();
            }
            LockSupport.parkNanos(200_000);
        }
        tell('F');
        long start = System.nanoTime();
        while (hog.isFull() && System.nanoTime() - start < releaseAfterNs) {
            if (insists) {
                hog.refill();
            }
            LockSupport.parkNanos(1_000_000);
        }
        hog.release();
        tell('R');
    }

    private static void tell(int letter) {
        try {
            out.write(letter);
        } catch (IOException e) {
            Runtime.getRuntime().halt(3); // the parent has gone
        }
    }

    private static void obey(Server server) {
        while (true) {
            int order;
            try {
                order = in.read();
            } catch (IOException e) {
                order = -1;
            }
            if (order < 0) {
                Runtime.getRuntime().halt(3);
            }
            if (order == 'f' || order == 'b') {
                if (steps.getAndAdd(1_000_000) < fillAt) { // else it is on its way
                    fill();
                }
            }
            if (order == 'r') {
                report(server);
            }
            if (order == 'd' || order == 'b') {
                drain(server);
            }
        }
    }

    /** The caller of a drain is told if there is no memory to ask for it. */
    private static void drain(Server server) {
        while (true) {
            try {
                server.drain(DRAIN);
                return;
            } catch (Error e) { // not always an OutOfMemoryError: a lambda may not have been linked
                LockSupport.parkNanos(5_000_000);
            }
        }
    }

    private static int await(CompletableFuture<?> termination) throws InterruptedException {
        while (true) {
            try {
                termination.get();
                return 0;
            } catch (OutOfMemoryError e) {
                LockSupport.parkNanos(5_000_000); // to wait needs memory
            } catch (ExecutionException e) {
                hog.release();
                System.err.println("starved: the server has failed: " + e.getCause());
                return 1;
            }
        }
    }

    // ---- the books ----------------------------------------------------------------------------------------------------

    private static void report(Server server) {
        ServerStats stats = server.stats();
        StringBuilder faults = new StringBuilder("\nbooks\n");
        int none = faults.length();
        for (int id = 0; id < MOST_CONNECTIONS; id++) {
            int ends = closed.get(id);
            if (ends != (made.get(id) == 0 ? 0 : 1)) {
                faults.append("connection ").append(id).append(made.get(id) == 0 ? " never made" : " made")
                        .append(opened.get(id) > 0 ? ", opened" : ", not opened").append(", onClose ").append(ends).append(" times\n");
            }
            if (opened.get(id) > 1) {
                faults.append("connection ").append(id).append(" opened ").append(opened.get(id)).append(" times\n");
            }
        }
        if (stats.get(Counter.OPENED) != stats.get(Counter.CLOSED)) {
            faults.append("opened is not closed\n");
        }
        long reasons = 0;
        for (CloseReason.Kind kind : CloseReason.Kind.values()) {
            reasons += stats.closedBy(kind);
        }
        if (reasons != stats.get(Counter.CLOSED)) {
            faults.append("closed connections have ").append(reasons).append(" reasons\n");
        }
        if (stats.pending() != 0) {
            faults.append("enqueued is not written and discarded\n");
        }
        if (stats.get(Counter.WAITING) != 0) {
            faults.append("some wait for a thread\n");
        }
        if (faults.length() > none) {
            faults.append("counted: ").append(stats).append('\n');
        }
        faults.append("accepts that failed: ").append(stats.get(Counter.FAILED_ACCEPTS)).append('\n');
        System.out.print(faults.append("done\n"));
        System.out.flush();
    }

    // ---- what handlers do ---------------------------------------------------------------------------------------------

    private static long mix(long value) {
        long z = (value ^ value >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }

    private static int draw(int bound) {
        return (int) Long.remainderUnsigned(mix(seed + drawn.incrementAndGet() * 0x9e3779b97f4a7c15L), bound);
    }

    /** A thread of the user's. */
    private static void meddle() {
        ByteBuffer bytes = ByteBuffer.wrap(SMALL);
        while (!isOver) {
            LockSupport.parkNanos(300_000);
            Connection some = connections.get(1 + draw(latest.get() + 1));
            if (some == null) {
                continue;
            }
            try {
                switch (draw(20)) {
                    case 0 -> some.close();
                    case 1 -> some.abort();
                    case 2, 3, 4 -> some.execute(new Posted(some));
                    case 5, 6 -> some.whenWritten(new Posted(some));
                    case 7 -> some.shutdownOutput();
                    default -> some.write(bytes.clear());
                }
            } catch (Throwable t) {
                // the caller's to see, perhaps within an InternalError
            }
        }
    }

    private static final class Serves implements Handler.Factory {
        @Override
        public Handler create(Connection connection) {
            step();
            return made(connection, SERVING);
        }
    }

    private static final class Outbound implements Handler.Factory {
        @Override
        public Handler create(Connection connection) {
            step();
            return made(connection, CALLING);
        }
    }

    private static Handler made(Connection connection, Handler handler) {
        int id = (int) connection.id();
        latest.accumulateAndGet(id, MAX);
        made.incrementAndGet(id);
        return handler;
    }

    private static final class Serving implements Handler {
        @Override
        public void onOpen(Connection self) {
            opened.incrementAndGet((int) self.id());
            connections.set((int) self.id(), self);
            step();
        }

        @Override
        public void onRead(Connection self, ByteBuffer input) {
            step();
            if (input.get(input.position()) == '!') {
                self.write(input); // a client that checks the answer
                return;
            }
            switch (draw(24)) {
                case 0, 1 -> {
                    if (input.remaining() > 2_000) {
                        self.write(input);
                    }
                }
                case 2, 3 -> input.position(input.position() + (input.remaining() + 1) / 2);
                case 4, 5 -> {
                    input.position(input.limit());
                    self.offload(WORK, new Answer(self));
                }
                case 6 -> {
                    input.position(input.limit());
                    self.offloadInOrder(WORK, new Answer(self));
                    self.offloadInOrder(WORK, new Answer(self));
                }
                case 7, 8 -> {
                    input.position(input.limit());
                    self.schedule(SOON, new Later(self));
                }
                case 9, 10 -> {
                    self.write(input);
                    self.whenWritten(new Posted(self));
                }
                case 11 -> {
                    self.pauseReading();
                    self.schedule(SOON, new Resumed(self));
                }
                case 12, 13 -> {
                    input.position(input.limit());
                    self.write(ByteBuffer.wrap(BIG));
                }
                case 14 -> {
                    input.position(input.limit());
                    Hold hold = self.hold();
                    self.schedule(SOON, new Released(self, hold));
                }
                case 15 -> {
                    input.position(input.limit());
                    self.connect(address, DRAIN, OUTBOUND);
                }
                case 16 -> {
                    if (draw(4) == 0) {
                        self.close();
                    }
                }
                default -> self.write(input);
            }
        }

        @Override
        public void onWritable(Connection self) {
            step();
        }

        @Override
        public void onEof(Connection self) {
            step();
            self.close();
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            closed.incrementAndGet((int) self.id());
            connections.set((int) self.id(), null);
            step();
        }
    }

    /** The handler of a connection that this server made to itself. */
    private static final class Calling implements Handler {
        @Override
        public void onOpen(Connection self) {
            opened.incrementAndGet((int) self.id());
            step();
            self.write(ByteBuffer.wrap(SMALL));
            self.schedule(SOON, new Later(self));
        }

        @Override
        public void onRead(Connection self, ByteBuffer input) {
            step();
            input.position(input.limit());
            self.close();
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            closed.incrementAndGet((int) self.id());
            step();
        }
    }

    private static final class Work implements Callable<Object> {
        @Override
        public Object call() {
            step();
            return null;
        }
    }

    private record Answer(Connection self) implements BiConsumer<Object, Throwable> {
        @Override
        public void accept(Object result, Throwable failure) {
            step();
            self.write(ByteBuffer.wrap(SMALL));
        }
    }

    /** A timer's task that ends its connection if that called. */
    private record Later(Connection self) implements Runnable {
        @Override
        public void run() {
            step();
            self.write(ByteBuffer.wrap(SMALL));
        }
    }

    private record Resumed(Connection self) implements Runnable {
        @Override
        public void run() {
            step();
            self.resumeReading();
        }
    }

    private record Released(Connection self, Hold hold) implements Runnable {
        @Override
        public void run() {
            step();
            self.write(ByteBuffer.wrap(SMALL));
            hold.close();
        }
    }

    private record Posted(Connection self) implements Runnable {
        @Override
        public void run() {
            step();
            self.pending();
        }
    }
}
