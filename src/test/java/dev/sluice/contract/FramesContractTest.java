package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.codec.Decoder;
import dev.sluice.codec.Delimited;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.contract.Rig.Client;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Frames reach their handler one by one and in order, whatever pauses, waiting output and limits come between them. */
class FramesContractTest extends EngineContract {

    @Test
    void connectionsThatShareLinesDoNotShareTheirState() throws Exception {
        share(new Lines(10));
    }

    @Test
    void connectionsThatShareADelimiterDoNotShareTheirState() throws Exception {
        share(new Delimited(new byte[] {'\n'}, 10));
    }

    private void share(Decoder decoder) throws Exception {
        serve(ServerOptions.builder(), connection -> new Framed(connection, decoder, (self, frame) -> self.write(text(text(frame) + ";"))));
        Client first = rig.connect();
        assertEquals("1;", first.send("1\nab").receive(2)); // the server has looked at the rest as well
        assertEquals("x;yz;", rig.connect().send("x\nyz\n").receive(5));
        assertEquals("abc;", first.send("c\n").receive(4));
    }

    @Test
    void framesThatWaitBehindAPauseComeWithoutNewBytes() throws Exception {
        AtomicInteger seen = new AtomicInteger();
        AtomicReference<Runnable> resume = new AtomicReference<>();
        Client client = serve(ServerOptions.builder(), connection -> new Framed(connection, new Lines(10), (self, frame) -> {
            if (seen.incrementAndGet() == 3) {
                self.pauseReading();
                resume.set(() -> self.execute(self::resumeReading));
            }
            self.write(frame);
        })).connect();
        assertEquals("012", client.send("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n").receive(3));
        assertEquals(3, seen.get());
        resume.get().run();
        assertEquals("3456789", client.receive(7));
    }

    @Test
    void handlerThatPausesAtEveryFrameIsOfferedABoundedRemainder() throws Exception {
        int frames = 100_000; // 2 MB, sent at once
        int most = (64 << 10) + (16 << 10); // the limit, and what reads that had begun brought
        AtomicInteger longest = new AtomicInteger();
        AtomicInteger seen = new AtomicInteger();
        AtomicInteger misplaced = new AtomicInteger();
        Client client = serve(ServerOptions.builder().maxRemainder(64 << 10), connection -> {
            Handler framed = new Framed(connection, new Lines(100), (self, frame) -> {
                misplaced.addAndGet(text(frame).equals(numbered(seen.getAndIncrement())) ? 0 : 1);
                self.pauseReading();
                self.execute(self::resumeReading);
            });
            return (self, in) -> {
                longest.accumulateAndGet(in.remaining(), Math::max);
                if (in.remaining() > most) {
                    self.abort(); // it need not grow further
                    return;
                }
                framed.onRead(self, in);
            };
        }).connect();
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < frames; i++) {
            all.append(numbered(i)).append('\n');
        }
        CompletableFuture<Void> sending = Rig.inBackground(() -> {
            try {
                client.send(all.toString()).socket.shutdownOutput();
            } catch (IOException e) {
                // it was aborted, which is told below
            }
            return null;
        });
        CloseReason reason = client.awaitClose();
        sending.get(20, TimeUnit.SECONDS);
        assertTrue(longest.get() <= most, longest + " bytes were offered at once, after " + seen + " frames");
        assertEquals(0, misplaced.get(), "frames that are not the next");
        assertEquals(new CloseReason(Kind.PEER, null, 0), reason, "after " + seen + " frames");
        assertEquals(frames, seen.get());
    }

    @Test
    void handlerThatResumesWithinEachCallbackIsOfferedAllThatItLeft() throws Exception {
        int frames = 3_000;
        List<String> seen = new ArrayList<>();
        Client client = serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                if (in.remaining() >= 20) {
                    self.pauseReading();
                    byte[] frame = new byte[20];
                    in.get(frame);
                    seen.add(new String(frame, StandardCharsets.US_ASCII));
                    self.resumeReading();
                }
            }

            @Override
            public void onEof(Connection self) {
                seen.add("the end");
                self.close();
            }
        }).connect();
        List<String> sent = IntStream.range(0, frames).mapToObj(i -> numbered(i) + "\n").toList();
        client.send(String.join("", sent)).socket.shutdownOutput();
        client.awaitClose();
        assertEquals(sent, seen.subList(0, seen.size() - 1));
        assertEquals("the end", seen.get(seen.size() - 1));
    }

    @Test
    void framesThatWaitForOutputComeWhenItHasLeft() throws Exception {
        byte[] answer = new byte[50_000];
        int lines = 400; // 20 MB of answers, more than the kernel holds
        AtomicInteger seen = new AtomicInteger();
        serve(
                ServerOptions.builder().maxPending(256 << 10).highWater(64 << 10).lowWater(16 << 10).sendBuffer(64 << 10),
                connection -> new Framed(connection, new Lines(10), (self, frame) -> {
                    seen.incrementAndGet();
                    self.write(ByteBuffer.wrap(answer));
                }));
        Client client = rig.connectOnly(64 << 10);
        client.send("a\n".repeat(lines));
        rig.await(() -> rig.server.stats().pending() > 16 << 10, "answers wait"); // and the client takes none
        assertTrue(seen.get() < lines);
        assertEquals(lines * answer.length, client.in.readNBytes(lines * answer.length).length);
        assertEquals(0, rig.server.stats().get(ServerStats.Counter.CLOSED));
    }

    @Test
    void frameThatIsTooLongEndsTheConnection() throws Exception {
        Client client = serve(ServerOptions.builder(), connection -> new Framed(connection, new Lines(10), (self, frame) -> self.write(frame))).connect();
        client.send("0123456789\n01234567890");
        CloseReason reason = client.awaitClose();
        assertEquals(Kind.PROTOCOL, reason.kind());
        assertEquals("a frame of more than 10 bytes", reason.cause().getMessage());
        assertEquals(0, rig.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @Test
    void handlerMayAnswerARejectedFrameAndHearsOfUnfinishedOnes() throws Exception {
        AtomicInteger unfinished = new AtomicInteger(-1);
        FrameHandler polite = new FrameHandler() {
            @Override
            public void onFrame(Connection self, ByteBuffer frame) {
                self.write(frame);
            }

            @Override
            public void onReject(Connection self, ProtocolException cause) {
                self.write(text("too long"));
                self.close();
            }

            @Override
            public void onEof(Connection self, int bytes) {
                unfinished.set(bytes);
                self.close();
            }
        };
        serve(ServerOptions.builder(), connection -> new Framed(connection, new Lines(4), polite));
        Client rude = rig.connect();
        assertEquals("goodtoo long", rude.send("good\nnot good\nmore\n").receiveAll());
        rude.socket.close();
        assertEquals(Kind.LOCAL, rude.awaitClose().kind());
        Client hasty = rig.connect();
        hasty.send("a\nbcd").socket.shutdownOutput();
        assertEquals("a", hasty.receiveAll());
        assertEquals(3, unfinished.get());
    }

    private static String numbered(int frame) {
        return String.format("frame %013d", frame);
    }

    /** More than the two sockets' buffers hold. */
    private static final int MUCH = 7 << 20;

    private static ServerOptions.Builder smallBuffers() {
        return ServerOptions.builder().sendBuffer(16 << 10).highWater(1 << 10).lowWater(0);
    }

    /** Writes a lot for each frame, and notes what waited when a frame came. */
    private static class Generous implements FrameHandler {
        final AtomicLong waited = new AtomicLong(-1);

        @Override
        public void onFrame(Connection self, ByteBuffer frame) {
            waited.set(self.pending());
            if (frame.remaining() > 0) {
                self.write(ByteBuffer.allocate(MUCH));
            }
        }
    }

    @Test
    void frameHandlerThatAsksForItIsReadWhileItsOutputWaits() throws Exception {
        Generous generous = new Generous() {
            @Override
            public boolean readsWhileOutputWaits() {
                return true;
            }
        };
        Client client = serve(smallBuffers(), connection -> new Framed(connection, new Lines(10), generous)).connect();
        client.send("much\n");
        rig.await(() -> client.connection().pending() > 1 << 20, "output waits");
        client.send("\n");
        rig.await(() -> generous.waited.get() > 1 << 20, "the frame that came while output waited");
        assertEquals(MUCH, client.receive(MUCH).length());
    }

    @Test
    void frameHandlerIsNotReadWhileItsOutputWaits() throws Exception {
        Generous generous = new Generous();
        Client client = serve(smallBuffers(), connection -> new Framed(connection, new Lines(10), generous)).connect();
        client.send("much\n");
        rig.await(() -> client.connection().pending() > 1 << 20, "output waits");
        client.send("\n").socket.shutdownOutput();
        assertEquals(MUCH, client.receiveAll().length());
        client.awaitClose();
        assertTrue(generous.waited.get() < 1 << 10, () -> generous.waited + " bytes waited when the frame came");
    }
}
