package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.Seed;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Anything at any time leaves a server whose books balance. Handlers and clients draw from a seed, and race: the seed repeats what each of them draws, not when. */
class AnythingContractTest extends EngineContract {

    /** Does whatever chance says, in every callback, task and timer. */
    private static final class Whim implements Handler {
        private final Random random;

        Whim(long seed) {
            this.random = new Random(seed);
        }

        private void act(Connection self) {
            switch (random.nextInt(40)) {
                case 0 -> self.close();
                case 1 -> self.abort();
                case 2 -> self.shutdownOutput();
                case 3 -> throw new IllegalStateException("a whim");
                case 4, 5 -> {
                    self.pauseReading();
                    self.schedule(Duration.ofMillis(random.nextInt(5)), self::resumeReading);
                }
                case 6, 7 -> self.execute(() -> act(self));
                case 8, 9 -> self.schedule(Duration.ofMillis(random.nextInt(20)), () -> act(self)).cancel();
                case 10, 11 -> self.schedule(Duration.ofMillis(random.nextInt(20)), () -> act(self));
                case 12 -> self.write(ByteBuffer.allocate(200_000));
                case 13 -> Thread.currentThread().interrupt();
                case 14 -> self.holdMemory(random.nextInt(400_000));
                case 15 -> self.inputDeadline(Duration.ofMillis(random.nextInt(20)));
                default -> self.write(ByteBuffer.allocate(random.nextInt(3_000)));
            }
        }

        @Override
        public void onOpen(Connection self) {
            act(self);
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            in.position(in.position() + random.nextInt(in.remaining() + 1));
            act(self);
        }

        @Override
        public void onWritable(Connection self) {
            act(self);
        }

        @Override
        public void onEof(Connection self) {
            if (random.nextBoolean()) {
                self.close();
            } else {
                act(self);
                self.schedule(Duration.ofMillis(random.nextInt(20)), self::close);
            }
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            act(self);
        }
    }

    /** Afterwards the check of every test: nothing is left, callbacks were in order, the books balance. */
    @ExpectsLog("handler failed on")
    @Test
    void anythingAtAnyTime() throws Exception {
        long seed = Seed.VALUE;
        AtomicInteger count = new AtomicInteger();
        serve(
                ServerOptions.builder()
                        .maxConnections(60)
                        .idleTimeout(Duration.ofMillis(400))
                        .writeTimeout(Duration.ofMillis(150))
                        .lingerTimeout(Duration.ofMillis(100))
                        .lowWater(8 << 10)
                        .highWater(32 << 10)
                        .maxPending(300_000)
                        .maxMemory(3 << 20)
                        .maxRemainder(64 << 10)
                        .sendBuffer(16 << 10)
                        .receiveBuffer(16 << 10),
                connection -> new Whim(seed + count.getAndIncrement()));
        long end = System.nanoTime() + 2_000_000_000L;
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int t = 0; t < 20; t++) {
            Random random = new Random(seed - 1 - t);
            all.add(Rig.inBackground(() -> {
                while (System.nanoTime() < end) {
                    try (java.net.Socket socket = new java.net.Socket()) {
                        socket.connect(rig.server.address());
                        socket.setSoTimeout(random.nextInt(10) == 0 ? 600 : 50); // some stay until they are idle
                        visit(socket, random);
                    } catch (IOException e) {
                        // closed, reset, refused, or nothing to read: all of it is to be expected here
                    }
                }
                return null;
            }));
        }
        all.add(Rig.inBackground(() -> {
            Random random = new Random(seed);
            while (System.nanoTime() < end) {
                int there = rig.recorders.size(); // once: it grows
                if (there > 0) {
                    meddle(rig.recorders.get(there - 1 - random.nextInt(Math.min(20, there))).connection, random);
                }
            }
            return null;
        }));
        for (CompletableFuture<Void> each : all) {
            each.get(30, TimeUnit.SECONDS);
        }
        assertTrue(count.get() > 50, count + " connections");
    }

    private static void visit(java.net.Socket socket, Random random) throws IOException {
        int steps = random.nextInt(20);
        for (int i = 0; i < steps; i++) {
            int step = random.nextInt(10);
            if (step < 5) {
                socket.getOutputStream().write(new byte[1 + random.nextInt(5_000)]);
            } else if (step < 9) {
                socket.getInputStream().read(new byte[1 + random.nextInt(20_000)]);
            } else {
                socket.shutdownOutput();
                socket.getInputStream().readAllBytes();
                return;
            }
        }
        if (random.nextInt(4) == 0) {
            socket.setSoLinger(true, 0);
        }
    }

    private static void meddle(Connection connection, Random random) {
        switch (random.nextInt(200)) {
            case 0 -> connection.close();
            case 1 -> connection.abort();
            case 2 -> connection.shutdownOutput();
            case 3 -> connection.execute(() -> {
                throw new IllegalStateException("a whim from elsewhere");
            });
            default -> {
                connection.write(ByteBuffer.allocate(random.nextInt(200)));
                connection.pending();
            }
        }
    }
}
