package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.contract.Rig.Client;
import dev.sluice.harness.Figures;
import dev.sluice.harness.Seed;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Bytes arrive as they were sent, in the order in which they were written, from any thread. */
class BytesContractTest extends EngineContract {

    @Test
    void megabyteInRandomPiecesComesBackExactly() throws Exception {
        Random random = new Random(Seed.VALUE);
        byte[] sent = new byte[1 << 20];
        random.nextBytes(sent);
        Client client = serve(ECHO).connect();
        CompletableFuture<Void> sending = Rig.inBackground(() -> {
            for (int at = 0; at < sent.length; ) {
                int piece = Math.min(1 + random.nextInt(random.nextBoolean() ? 100 : 20_000), sent.length - at);
                client.out.write(sent, at, piece);
                at += piece;
            }
            client.socket.shutdownOutput();
            return null;
        });
        assertArrayEquals(sent, client.in.readAllBytes());
        sending.get();
        assertEquals(new CloseReason(Kind.PEER, null, 0), client.awaitClose());
    }

    @Test
    void manyClientsAtOnceAreEchoedExactly() throws Exception {
        serve(ECHO);
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            int number = i;
            Client client = rig.connectOnly();
            all.add(Rig.inBackground(() -> {
                for (int round = 0; round < 20; round++) {
                    String question = "client " + number + " round " + round + "\n";
                    assertEquals(question, client.send(question).receive(question.length()));
                }
                client.socket.close();
                return null;
            }));
        }
        for (CompletableFuture<Void> each : all) {
            each.get(30, TimeUnit.SECONDS);
        }
        rig.await(() -> rig.server.stats().get(ServerStats.Counter.CLOSED) == 50, "all have closed");
    }

    @Test
    void hundredSmallWritesArriveInOrder() throws Exception {
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            expected.append("line ").append(i).append('\n');
        }
        Client client = serve((self, in) -> {
            in.position(in.limit());
            for (int i = 0; i < 100; i++) {
                self.write(text("line " + i + "\n"));
            }
        }).connect();
        assertEquals(expected.toString(), client.send("go").receive(expected.length()));
    }

    @Test
    void writesOfEightThreadsKeepTheirOrder() throws Exception {
        int threads = 8;
        int writes = 2_000;
        Client client = serve(ServerOptions.builder().maxPending(64 << 20), connection -> DEAF).connect();
        for (int t = 0; t < threads; t++) {
            int number = t;
            Rig.inBackground(() -> {
                for (int i = 0; i < writes; i++) {
                    client.connection().write(ByteBuffer.allocate(8).putInt(number).putInt(i).flip());
                }
                return null;
            });
        }
        ByteBuffer all = ByteBuffer.wrap(client.in.readNBytes(8 * threads * writes));
        int[] next = new int[threads];
        while (all.hasRemaining()) {
            assertEquals(next[all.getInt()]++, all.getInt(), "the thread's sequence has no gap");
        }
    }

    @Test
    void writeFromElsewhereDoesNotWaitForAReadToReturn() throws Exception {
        Client client = serve(DEAF).connect();
        long[] tookNs = new long[21];
        for (int i = 0; i < tookNs.length; i++) {
            CompletableFuture<Long> sending = Rig.inBackground(() -> {
                long start = System.nanoTime();
                client.connection().write(text("now"));
                return start;
            });
            assertEquals("now", client.receive(3));
            tookNs[i] = System.nanoTime() - sending.get();
        }
        Arrays.sort(tookNs);
        Figures.tell("%s: a write from elsewhere reaches the peer in %.3f ms (median of %d; longest %.3f)",
                name(), tookNs[10] / 1e6, tookNs.length, tookNs[20] / 1e6);
        Figures.check(tookNs[10] < 10_000_000, tookNs[10] + " ns");
    }

    @Test
    void writeNeverWaits() throws Exception {
        Client client = serve(ServerOptions.builder().maxPending(64 << 20).maxMemory(256 << 20), connection -> DEAF)
                .connect();
        CompletableFuture<Long> writing = Rig.inBackground(() -> {
            long most = 0;
            for (int i = 0; i < 600; i++) {
                long start = System.nanoTime();
                client.connection().write(ByteBuffer.allocate(64 << 10));
                most = Math.max(most, System.nanoTime() - start);
            }
            return most;
        });
        assertTrue(writing.get(20, TimeUnit.SECONDS) < 5_000_000_000L, "the peer reads nothing, and nobody waits for it");
        assertTrue(client.connection().pending() > 16 << 20);
        assertEquals(600 * (64 << 10), client.in.readNBytes(600 * (64 << 10)).length);
        client.connection().close();
        assertEquals(-1, client.in.read());
    }

    @Test
    void interruptedWriterHarmsNobody() throws Exception {
        Client client = serve(ECHO).connect();
        Rig.inBackground(() -> {
            Thread.currentThread().interrupt();
            client.connection().write(text("abc"));
            client.connection().execute(() -> client.connection().write(text("def")));
            return null;
        });
        assertEquals("abcdef", client.receive(6));
        assertEquals("ghi", client.send("ghi").receive(3));
    }

    @Test
    void handlerThatInterruptsItsThreadLosesNothing() throws Exception {
        Client client = serve((self, in) -> {
            Thread.currentThread().interrupt();
            self.write(in);
        }).connect();
        for (int i = 0; i < 20; i++) {
            assertEquals("x", client.send("x").receive(1));
        }
    }

    @Test
    void everyCallbackFindsItsBufferInNetworkOrder() throws Exception {
        List<ByteOrder> found = new CopyOnWriteArrayList<>();
        Client client = serve(spoiling(found, 1)).connect();
        for (int i = 0; i < 3; i++) {
            assertEquals("x", client.send("?").receive(1));
        }
        client.socket.close();
        client.awaitClose();
        Client other = rig.connect();
        assertEquals("x", other.send("?").receive(1));
        assertEquals(Collections.nCopies(4, ByteOrder.BIG_ENDIAN), found);
    }

    /** Notes in which byte order it finds its buffer, and leaves it in the other one. */
    private static Handler spoiling(List<ByteOrder> found, int atLeast) {
        return (self, in) -> {
            found.add(in.order());
            in.order(ByteOrder.LITTLE_ENDIAN);
            if (in.remaining() >= atLeast) {
                self.write(text("x"));
                in.position(in.limit());
            }
        };
    }
}
