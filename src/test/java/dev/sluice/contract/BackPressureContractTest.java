package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** A connection is read no further than its handler and its output allow, and its output has bounds. */
class BackPressureContractTest extends EngineContract {

    @Test
    void clientThatDoesNotReadIsNotReadEither() throws Exception {
        AtomicLong read = new AtomicLong();
        Client client = serve(
                ServerOptions.builder().sendBuffer(32 << 10).receiveBuffer(32 << 10), connection -> (self, in) -> {
                    read.addAndGet(in.remaining());
                    self.write(in);
                }).connect();
        long sent = client.sendUntilStuck();
        assertTrue(sent < 16 << 20, sent + " bytes went in");
        assertTrue(client.connection().pending() <= 128 << 10, client.connection().pending() + " bytes pending");
        assertTrue(client.connection().isOpen());
        assertEquals(2 << 20, client.in.readNBytes(2 << 20).length, "and is, once it reads");
        rig.await(() -> read.get() > 2 << 20, "the server reads on");
    }

    @Test
    void pausedConnectionIsNotToldOfInputUntilItIsResumed() throws Exception {
        StringBuffer heard = new StringBuffer();
        Client client = serve((self, in) -> {
            heard.append((char) in.get());
            self.pauseReading();
        }).connect();
        client.send("abc");
        rig.await(() -> heard.toString().equals("a"), "the first");
        CountDownLatch ran = new CountDownLatch(1);
        client.connection().execute(ran::countDown);
        assertTrue(ran.await(10, TimeUnit.SECONDS));
        assertEquals("a", heard.toString());
        for (String expected : List.of("ab", "abc")) {
            client.connection().execute(() -> client.connection().resumeReading());
            rig.await(() -> heard.toString().equals(expected), expected);
        }
        client.socket.shutdownOutput();
        assertTrue(client.connection().isOpen(), "the end waits like other input");
        client.connection().execute(() -> client.connection().resumeReading());
        assertEquals(Kind.PEER, client.awaitClose().kind());
    }

    @Test
    void pausesAndResumptionsInQuickTurnEndNothing() throws Exception {
        int bytes = 60_000_000;
        AtomicInteger read = new AtomicInteger();
        Client client = serve((self, in) -> {
            if (read.getAndAdd(in.remaining()) == 0) {
                self.execute(() -> pauseAndResume(self, read, bytes));
            }
            in.position(in.limit());
        }).connect();
        CompletableFuture<Void> sending = Rig.inBackground(() -> {
            try {
                byte[] block = new byte[500]; // many reads, many of them while reading is paused
                for (int sent = 0; sent < bytes; sent += block.length) {
                    client.out.write(block);
                }
                client.socket.shutdownOutput();
            } catch (IOException e) {
                // it was closed, which is told below
            }
            return null;
        });
        CloseReason reason = client.awaitClose();
        sending.get(20, TimeUnit.SECONDS);
        assertEquals(new CloseReason(Kind.PEER, null, 0), reason, "after " + read + " bytes");
        assertEquals(bytes, read.get());
    }

    private static void pauseAndResume(Connection self, AtomicInteger read, int bytes) {
        self.pauseReading();
        self.execute(() -> {
            self.resumeReading();
            if (read.get() < bytes) {
                self.execute(() -> pauseAndResume(self, read, bytes));
            }
        });
    }

    @Test
    void writerIsToldWhenItMayGoOn() throws Exception {
        int rounds = 200;
        Client client = serve(new Handler() {
            private int round;

            @Override
            public void onOpen(Connection self) {
                onWritable(self);
            }

            @Override
            public void onWritable(Connection self) {
                while (round < rounds) {
                    round++;
                    if (!self.write(ByteBuffer.allocate(50_000))) {
                        return;
                    }
                }
                self.close();
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {}
        }).connect();
        assertEquals(rounds * 50_000, client.in.readAllBytes().length);
        client.socket.close();
        assertEquals(0, client.awaitClose().unsent());
        assertTrue(client.recorder.callbacks().contains("w"));
    }

    @Test
    void queueAboveItsLimitClosesTheConnection() throws Exception {
        Client client = serve(ServerOptions.builder().maxPending(1 << 20), connection -> DEAF).connect();
        Connection connection = client.connection();
        ByteBuffer bytes = ByteBuffer.allocate(100_000);
        while (connection.isOpen()) {
            connection.write(bytes.clear());
        }
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.QUEUE_LIMIT, reason.kind());
        // on a reactor, a write that is just taken from the messages to the queue is in neither for an instant
        // and the kernel may have taken all of them before the loop hears of the write that was too much
        assertTrue(reason.unsent() <= (1 << 20) + 100_000, reason.toString());
        assertTrue(client.awaitReset(), "a part must not look like the whole");
    }

    @Test
    void queuesOfAllAboveTheirLimitCloseTheLongest() throws Exception {
        serve(ServerOptions.builder().maxPending(8 << 20).maxMemory(6 << 20), connection -> DEAF);
        Client large = rig.connect();
        Client small = rig.connect();
        rig.fill(large, 4 << 20);
        rig.fill(small, 1 << 20);
        assertTrue(small.connection().isOpen());
        small.connection().write(ByteBuffer.allocate(1_500_000));
        assertEquals(Kind.MEMORY, large.awaitClose().kind());
        assertTrue(small.connection().isOpen());
        assertTrue(small.in.readNBytes(1 << 20).length == 1 << 20);
    }

    @Test
    void writeFromElsewhereDoesNotKeepTheConnectionFromReading() throws Exception {
        AtomicInteger reads = new AtomicInteger();
        serve(
                ServerOptions.builder().sendBuffer(16 << 10).highWater(4 << 20).maxPending(8 << 20),
                connection -> (self, in) -> {
                    in.position(in.limit());
                    if (reads.incrementAndGet() == 1) {
                        Rig.inBackground(() -> self.write(ByteBuffer.allocate(2 << 20))).join(); // more than the kernel takes
                    }
                });
        Client client = rig.connectOnly(16 << 10);
        client.send("a");
        rig.await(() -> reads.get() == 1, "the first");
        client.send("b"); // a relay has to read on, or two peers that write before they read would wait for ever
        rig.await(() -> reads.get() == 2, "the second");
        assertEquals(2 << 20, client.in.readNBytes(2 << 20).length);
    }

    @Test
    void connectionThatIsReadWhileOutputWaitsReadsOnBehindItsHandlersWrite() throws Exception {
        AtomicInteger reads = new AtomicInteger();
        serve(ServerOptions.builder().sendBuffer(16 << 10).highWater(4 << 20).maxPending(8 << 20), connection -> new Handler() {
            @Override
            public boolean readsWhileOutputWaits() {
                return true;
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                if (reads.incrementAndGet() == 1) {
                    self.write(ByteBuffer.allocate(2 << 20)); // more than the kernel takes
                }
            }
        });
        Client client = rig.connectOnly(16 << 10);
        client.send("a");
        rig.await(() -> reads.get() == 1, "the first");
        client.send("b");
        rig.await(() -> reads.get() == 2, "the second");
        assertEquals(2 << 20, client.in.readNBytes(2 << 20).length);
    }
}
