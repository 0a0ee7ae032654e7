package dev.sluice.program.service;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.reactor.Connector;
import dev.sluice.reactor.Reactor;
import dev.sluice.reactor.ReactorServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The throughput of {@code record} in bytes a second, with 50 clients that have 100 lines in flight each, against a bare loop that appends
 * and forces the same batches to the same disk right afterwards. Arguments: a directory, rounds (5), bytes a line (64). The first round
 * warms up.
 */
public final class RecordBench {

    private static final int CLIENTS = 50;
    private static final int IN_FLIGHT = 100;
    private static final Duration ROUND = Duration.ofSeconds(3);

    /** A disk that notes the size of each batch. */
    private static final class NotedDisk implements Disk {
        private final Disk disk;
        final List<Integer> batches = new ArrayList<>();
        final AtomicBoolean noting = new AtomicBoolean();

        NotedDisk(Disk disk) {
            this.disk = disk;
        }

        @Override
        public long end(long expected) throws IOException {
            return disk.end(expected);
        }

        @Override
        public void write(ByteBuffer bytes, long offset) throws IOException {
            if (noting.get()) {
                batches.add(bytes.remaining());
            }
            disk.write(bytes, offset);
        }

        @Override
        public void force() throws IOException {
            disk.force();
        }

        @Override
        public void truncate(long offset) throws IOException {
            disk.truncate(offset);
        }

        @Override
        public void close() throws IOException {
            disk.close();
        }
    }

    /** A client that sends as many lines as were answered, and does as little as it can: it shares the cores. */
    private static final class Client implements Handler {
        private final int length;
        private final ByteBuffer lines;

        Client(byte[] line) {
            length = line.length;
            lines = ByteBuffer.allocateDirect(IN_FLIGHT * length);
            while (lines.hasRemaining()) {
                lines.put(line);
            }
        }

        @Override
        public void onOpen(Connection self) {
            self.write(lines.flip());
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            int answers = 0;
            while (in.hasRemaining()) {
                answers += in.get() == '\n' ? 1 : 0;
            }
            self.write(lines.clear().limit(answers * length));
        }
    }

    private RecordBench() {}

    public static void main(String[] args) throws Exception {
        Path directory = Path.of(args[0]);
        int rounds = args.length > 1 ? Integer.parseInt(args[1]) : 5;
        byte[] line = ("x".repeat((args.length > 2 ? Integer.parseInt(args[2]) : 64) - 1) + "\n").getBytes(StandardCharsets.US_ASCII);
        double[] ratios = new double[rounds];
        for (int round = -1; round < rounds; round++) {
            Path file = directory.resolve("record-bench");
            NotedDisk disk = new NotedDisk(new LineFile(file));
            double service = service(disk, line);
            Files.delete(file);
            double bare = bare(file, disk.batches);
            Files.delete(file);
            if (round >= 0) {
                ratios[round] = service / bare;
                System.out.printf("round %d: record %.0f bytes/s, bare loop %.0f bytes/s, ratio %.2f, %.0f lines a batch%n",
                        round + 1, service, bare, ratios[round],
                        disk.batches.stream().mapToInt(Integer::intValue).average().orElse(0) / line.length);
            }
        }
        Arrays.sort(ratios);
        System.out.printf("median ratio %.2f, %.2f to %.2f%n", (ratios[(rounds - 1) / 2] + ratios[rounds / 2]) / 2, ratios[0], ratios[rounds - 1]);
    }

    /** Bytes a second. */
    private static double service(NotedDisk disk, byte[] line) throws Exception {
        Recording recording = new Recording(new Journal(disk, 0, 1_000), 1_000);
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        Reactor reactor = Reactor.open();
        try (ReactorServer server = ReactorServer.start(any, ServerOptions.defaults(), recording.factory())) {
            Connector connector = Connector.open(reactor, ServerOptions.defaults());
            for (int i = 0; i < CLIENTS; i++) {
                connector.connect(server.address(), Duration.ofSeconds(5), self -> new Client(line));
            }
            Thread clients = new Thread(() -> {
                try {
                    reactor.run();
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            clients.start();
            Thread.sleep(ROUND.toMillis() / 2);
            disk.noting.set(true);
            long start = System.nanoTime();
            Thread.sleep(ROUND.toMillis());
            disk.noting.set(false);
            double seconds = (System.nanoTime() - start) / 1e9;
            reactor.stop();
            clients.join();
            server.drain(Duration.ofSeconds(5)).get();
            recording.close();
            return disk.batches.stream().mapToLong(Integer::longValue).sum() / seconds;
        }
    }

    private static double bare(Path file, List<Integer> batches) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(batches.stream().mapToInt(Integer::intValue).max().orElse(0));
        long offset = 0;
        try (FileChannel lines = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            long start = System.nanoTime();
            for (int batch : batches) {
                for (bytes.clear().limit(batch); bytes.hasRemaining(); ) {
                    offset += lines.write(bytes, offset);
                }
                lines.force(false);
            }
            return offset / ((System.nanoTime() - start) / 1e9);
        }
    }
}
