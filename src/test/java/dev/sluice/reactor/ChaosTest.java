package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.Seed;
import dev.sluice.internal.SocketIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Handlers and clients do anything at any time, over sockets that take and give little, while the clock leaps: callbacks keep to the
 * grammar, the books balance, and nothing is left. The seed repeats all that is drawn. The sockets are the kernel's, which decides what has
 * arrived when a turn looks, so that a run with the same seed is nearly the same, not always; {@code SimulationTest} repeats exactly.
 */
class ChaosTest {

    private Random random;
    private final Loop loop = new Loop();
    private final List<Loop.Client> clients = new ArrayList<>();
    private final List<Connection> connections = new ArrayList<>();
    private final Map<SocketChannel, Boolean> deaf = new HashMap<>();
    private final byte[] bytes = new byte[70_000];
    private boolean calm;

    /** Cuts reads and writes short, and fails now and then. */
    private final class Moody implements SocketIo {
        @Override
        public int read(SocketChannel channel, ByteBuffer into) throws IOException {
            if (random.nextInt(3_000) == 0) {
                throw new IOException("moody");
            }
            int limit = into.limit();
            into.limit(into.position() + 1 + random.nextInt(into.remaining()));
            try {
                return channel.read(into);
            } finally {
                into.limit(limit);
            }
        }

        @Override
        public int write(SocketChannel channel, ByteBuffer from) throws IOException {
            if (deaf.computeIfAbsent(channel, first -> random.nextInt(8) == 0)) {
                return 0; // a peer that never reads
            }
            if (random.nextInt(3_000) == 0) {
                throw new IOException("moody");
            }
            int limit = from.limit();
            from.limit(from.position() + random.nextInt(from.remaining() + 1));
            try {
                return channel.write(from);
            } finally {
                from.limit(limit);
            }
        }

        @Override
        public long write(SocketChannel channel, ByteBuffer[] from, int count) throws IOException {
            return write(channel, from[0]);
        }
    }

    private final class Anything implements Handler {
        @Override
        public void onOpen(Connection self) {
            connections.add(self);
            something(self);
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            int take = random.nextInt(in.remaining() + 1);
            in.position(in.position() + take);
            something(self);
        }

        @Override
        public void onWritable(Connection self) {
            something(self);
        }

        @Override
        public void onEof(Connection self) {
            if (random.nextBoolean()) {
                self.close();
            } else {
                something(self);
                self.schedule(Duration.ofMillis(random.nextInt(100)), self::close);
            }
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            connections.remove(self);
            something(self);
        }
    }

    private void something(Connection self) {
        if (calm) {
            return;
        }
        Connection other = connections.isEmpty() ? self : connections.get(random.nextInt(connections.size()));
        Connection target = random.nextInt(4) == 0 ? other : self;
        switch (random.nextInt(100)) {
            case 0 -> target.close();
            case 1 -> target.abort();
            case 2 -> target.shutdownOutput();
            case 3 -> target.pauseReading();
            case 4, 5, 6 -> target.resumeReading();
            case 7 -> target.execute(() -> something(target));
            case 8 -> self.schedule(Duration.ofMillis(random.nextInt(50)), () -> something(self));
            case 9 -> throw new IllegalStateException("chaos");
            case 10 -> connections.forEach(connection -> connection.write(ByteBuffer.wrap(bytes, 0, 10)));
            case 11, 12, 13, 14, 15 -> target.write(ByteBuffer.allocateDirect(random.nextInt(bytes.length)));
            case 16 -> target.holdMemory(random.nextInt(300_000));
            case 17 -> target.inputDeadline(Duration.ofMillis(random.nextInt(200)));
            default -> target.write(ByteBuffer.wrap(bytes, 0, random.nextInt(2_000)));
        }
    }

    private void fromElsewhere() throws InterruptedException {
        List<Connection> targets = List.copyOf(connections);
        Random elsewhere = new Random(random.nextLong());
        Thread other = new Thread(() -> {
            for (Connection target : targets) {
                switch (elsewhere.nextInt(20)) {
                    case 0 -> target.close();
                    case 1 -> target.abort();
                    case 2 -> target.shutdownOutput();
                    case 3 -> target.execute(target::resumeReading);
                    default -> target.write(ByteBuffer.wrap(bytes, 0, 500));
                }
            }
        });
        other.start();
        other.join();
    }

    @ExpectsLog("handler failed on")
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5})
    void anythingAtAnyTimeLeavesNothingAndTheBooksBalance(int round) throws Exception {
        random = new Random(Seed.VALUE + round);
        ServerOptions.Builder options = ServerOptions.builder()
                .maxConnections(60)
                .highWater(20_000)
                .lowWater(5_000)
                .maxPending(200_000)
                .maxMemory(2 << 20)
                .maxRemainder(64 << 10)
                .idleTimeout(round == 5 ? Duration.ZERO : Duration.ofSeconds(20))
                .writeTimeout(Duration.ofSeconds(5))
                .lingerTimeout(Duration.ofSeconds(1));
        loop.serve(options, new Moody(), connection -> new Anything());
        ByteBuffer scratch = ByteBuffer.allocate(100_000);
        for (int step = 0; step < 6_000; step++) {
            if (clients.size() < 70 && random.nextInt(4) == 0) {
                clients.add(loop.connectOnly());
            }
            if (!clients.isEmpty()) {
                act(clients.get(random.nextInt(clients.size())), scratch);
            }
            if (random.nextInt(20) == 0) {
                fromElsewhere();
            }
            loop.nowNs += random.nextInt(10) == 0 ? random.nextInt(2_000_000_000) : random.nextInt(1_000_000);
            loop.turn();
        }
        calm = true;
        ServerStats stats = loop.server.stats();
        assertTrue(stats.get(ServerStats.Counter.CLOSED) > 20, () -> "much has happened: " + stats);
        loop.close();
    }

    private void act(Loop.Client client, ByteBuffer scratch) {
        try {
            switch (random.nextInt(60)) {
                case 0 -> {
                    clients.remove(client);
                    client.resetNow();
                }
                case 1 -> {
                    clients.remove(client);
                    client.channel.close();
                }
                case 2 -> client.channel.shutdownOutput();
                case 3, 4, 5, 6, 7, 8 -> client.channel.read(scratch.clear().limit(1 + random.nextInt(scratch.capacity())));
                default -> client.channel.write(ByteBuffer.wrap(bytes, 0, random.nextInt(5_000)));
            }
        } catch (IOException e) {
            clients.remove(client); // reset, or its end was told before
        }
    }
}
