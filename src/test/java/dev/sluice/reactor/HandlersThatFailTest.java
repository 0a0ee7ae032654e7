package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.DrainReport;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ExpectsLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A handler that throws loses its own connection and nothing else, in every callback and with every throwable. */
class HandlersThatFailTest {

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    static Stream<Arguments> everywhere() {
        List<Arguments> cases = new ArrayList<>();
        for (String where : List.of("factory", "open", "read", "writable", "eof", "close", "task", "timer")) {
            for (String what : List.of("exception", "checked", "memory", "stack", "linkage")) {
                cases.add(Arguments.of(where, what));
            }
        }
        return cases.stream();
    }

    private static void fail(String what) throws Exception {
        switch (what) {
            case "exception" -> throw new IllegalStateException("on purpose");
            case "checked" -> throw new IOException("on purpose");
            case "memory" -> System.out.println(new long[Integer.MAX_VALUE - 8].length); // a real OutOfMemoryError: 16 GiB
            case "stack" -> descend(0);
            default -> throw new NoClassDefFoundError("on purpose");
        }
    }

    private static int descend(int depth) {
        return descend(depth + 1) + 1;
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void failUnchecked(String what) throws T {
        try {
            fail(what);
        } catch (Exception e) {
            throw (T) e;
        }
    }

    @ExpectsLog("handler failed on")
    @ParameterizedTest(name = "{1} in {0}")
    @MethodSource("everywhere")
    void losesItsOwnConnectionOnly(String where, String what) throws IOException {
        boolean[] broken = new boolean[1];
        loop.serve(ServerOptions.builder().highWater(10).lowWater(5), dev.sluice.internal.SocketIo.PLAIN, connection -> {
            boolean mine = broken[0];
            if (mine && where.equals("factory")) {
                HandlersThatFailTest.<RuntimeException>failUnchecked(what);
            }
            return new Handler() {
                private void maybe(String here) throws Exception {
                    if (mine && where.equals(here)) {
                        fail(what);
                    }
                }

                @Override
                public void onOpen(Connection self) throws Exception {
                    maybe("open");
                    if (where.equals("task")) {
                        self.execute(() -> runMaybe("task"));
                    }
                    if (where.equals("timer")) {
                        self.schedule(Duration.ZERO, () -> runMaybe("timer"));
                    }
                }

                private void runMaybe(String here) {
                    if (mine) {
                        HandlersThatFailTest.<RuntimeException>failUnchecked(what);
                    }
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) throws Exception {
                    maybe("read");
                    self.write(in);
                }

                @Override
                public void onWritable(Connection self) throws Exception {
                    maybe("writable");
                }

                @Override
                public void onEof(Connection self) throws Exception {
                    maybe("eof");
                    self.close();
                }

                @Override
                public void onClose(Connection self, CloseReason reason) throws Exception {
                    maybe("close");
                }
            };
        });
        Loop.Client bystander = loop.connect();
        broken[0] = true;
        Loop.Client victim = loop.connectOnly();
        loop.until(() -> loop.server.stats().get(ServerStats.Counter.OPENED) == 2, "the second connection");
        loop.advance(Duration.ofNanos(1)); // the timer's time
        try {
            victim.send("more than ten bytes");
            victim.channel.shutdownOutput();
        } catch (IOException e) {
            // lost already, as it should be
        }
        loop.until(() -> loop.server.stats().get(ServerStats.Counter.CLOSED) == 1, "the victim's close");
        Kind expected = where.equals("close") ? Kind.PEER : Kind.HANDLER_FAILURE;
        assertEquals(1, loop.server.stats().closedBy(expected));
        assertEquals(1, loop.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
        bystander.send("still here");
        assertEquals("still here", bystander.receiveText(10));
        assertEquals(0, loop.reactor.stats().failures(), "the loop saw nothing of it");
    }

    /** Each of many connections writes from frames a little deeper than the one before, so that the stack ends in another place. */
    @ExpectsLog("handler failed on")
    @Test
    void recursionThatWritesUntilTheStackEndsLosesItsOwnConnectionOnly() throws Exception {
        int connections = 150;
        int[] before = new int[1];
        ByteBuffer data = ByteBuffer.allocate(1);
        loop.mostMiscounted = connections; // one write of each
        loop.serve((self, in) -> {
            in.position(in.limit());
            descendThenWrite(before[0]++, self, data);
        });
        for (int i = 0; i < connections; i++) {
            Loop.Client client = loop.connect().send("x");
            Kind kind = client.awaitClose().kind();
            assertTrue(kind == Kind.HANDLER_FAILURE || kind == Kind.RESET, kind + " of connection " + i);
            client.channel.close();
        }
        assertEquals(0, loop.server.heldMemory());
        CompletableFuture<DrainReport> end = loop.server.drain(Duration.ofSeconds(10));
        loop.until(end::isDone, "the end");
        assertEquals(new DrainReport(0, List.of()), end.get());
        assertEquals(0, loop.reactor.stats().failures(), "the loop saw nothing of it");
    }

    private static int descendThenWrite(int frames, Connection self, ByteBuffer data) {
        return frames > 0 ? descendThenWrite(frames - 1, self, data) + 1 : writeAndDescend(self, data);
    }

    private static int writeAndDescend(Connection self, ByteBuffer data) {
        self.write(data.clear());
        return writeAndDescend(self, data) + 1;
    }
}
