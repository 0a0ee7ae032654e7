package dev.sluice.threads;

import static dev.sluice.threads.Served.await;
import static dev.sluice.threads.Served.receive;
import static dev.sluice.threads.Served.receiveAll;
import static dev.sluice.threads.Served.send;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.DrainReport;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ExpectsLog;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Handlers that block, with streams. */
@Timeout(60)
abstract class StreamHandlerContract {

    private static final StreamHandler ECHO = (in, out, remote) -> in.transferTo(out);

    private Served served;

    abstract Threads threads();

    private Served serve(ServerOptions.Builder options, StreamHandler handler) throws IOException {
        served = new Served(ThreadServer.start(Served.ANY, options.build(), threads(), handler));
        return served;
    }

    @AfterEach
    void nothingIsLeft() throws Exception {
        served.close();
    }

    private long closedBy(Kind kind) {
        return served.server.stats().closedBy(kind);
    }

    @Test
    void linesAreAnsweredOneByOne() throws Exception {
        serve(ServerOptions.builder(), (in, out, remote) -> {
            BufferedReader lines = new BufferedReader(new InputStreamReader(in));
            for (String line; (line = lines.readLine()) != null; ) {
                out.write((line.toUpperCase() + "\n").getBytes()); // leaves when the next read waits
            }
            out.write("bye\n".getBytes());
        });
        Socket client = served.connect();
        assertEquals("ONE\n", receive(send(client, "one\n"), 4));
        assertEquals("TWO\nTHREE\n", receive(send(client, "two\nthree\n"), 10));
        client.shutdownOutput();
        assertEquals("bye\n", receiveAll(client));
        await(() -> closedBy(Kind.PEER) == 1, "closed by the peer");
    }

    @Test
    void fiveMegabytesComeBackExactly() throws Exception {
        serve(ServerOptions.builder(), ECHO);
        byte[] sent = new byte[5 << 20];
        new Random(5).nextBytes(sent);
        Socket client = served.connect();
        CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
            try {
                client.getOutputStream().write(sent);
                client.shutdownOutput();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        assertArrayEquals(sent, client.getInputStream().readAllBytes());
        sending.get();
    }

    @Test
    void singleBytesAreQueuedAndLeaveTogether() throws Exception {
        serve(ServerOptions.builder(), (in, out, remote) -> {
            in.read();
            for (int i = 0; i < 1_000; i++) {
                out.write('x');
            }
        });
        assertEquals(1_000, receiveAll(send(served.connect(), "?")).length());
        assertTrue(served.server.stats().get(ServerStats.Counter.WRITES) <= 2);
    }

    @Test
    void flushSendsAtOnce() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        serve(ServerOptions.builder(), (in, out, remote) -> {
            out.write("now".getBytes());
            out.flush();
            goOn.await(20, TimeUnit.SECONDS);
            out.write(" then".getBytes());
        });
        Socket client = served.connect();
        assertEquals("now", receive(client, 3));
        goOn.countDown();
        assertEquals(" then", receiveAll(client));
    }

    @Test
    void returningClosesWellThoughThePeerWasStillSending() throws Exception {
        byte[] answer = new byte[1 << 20];
        new Random(2).nextBytes(answer);
        serve(ServerOptions.builder(), (in, out, remote) -> {
            in.read();
            out.write(answer);
        });
        Socket client = served.connect();
        client.getOutputStream().write(new byte[50_000]);
        assertArrayEquals(answer, client.getInputStream().readAllBytes());
        client.close();
        await(() -> closedBy(Kind.LOCAL) == 1, "closed by us");
    }

    @Test
    void smallQueuesDoToo() throws Exception {
        serve(ServerOptions.builder().lowWater(10).highWater(50).maxPending(100), ECHO);
        Socket client = served.connect();
        send(client, "x".repeat(10_000)).shutdownOutput();
        assertEquals("x".repeat(10_000), receiveAll(client));
    }

    @Test
    void streamAboveTheHighWaterMarkGoesOn() throws Exception {
        byte[] block = new byte[16384];
        new Random(3).nextBytes(block);
        int blocks = 8;
        serve(ServerOptions.builder().lowWater(512).highWater(1024), (in, out, remote) -> {
            in.read();
            for (int i = 0; i < blocks; i++) {
                out.write(block); // nobody is there to be told that more is welcome
            }
        });
        Socket client = send(served.connect(), "?");
        for (int i = 0; i < blocks; i++) {
            assertArrayEquals(block, client.getInputStream().readNBytes(block.length));
        }
        assertEquals(-1, client.getInputStream().read());
        client.close();
        await(() -> served.server.stats().get(ServerStats.Counter.CLOSED) == 1, "closed");
        assertEquals(0, closedBy(Kind.HANDLER_FAILURE));
        assertEquals(0, served.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
        assertEquals(1, closedBy(Kind.LOCAL));
    }

    @ExpectsLog("handler failed on")
    @Test
    void handlerThatThrowsLosesItsOwnConnectionOnly() throws Exception {
        serve(ServerOptions.builder(), (in, out, remote) -> {
            int first = in.read();
            if (first == '!') {
                throw new IOException("thrown by the test");
            }
            out.write(first);
        });
        Socket failing = served.connect();
        Socket other = served.connect();
        assertEquals("", receiveAll(send(failing, "!")));
        assertEquals("y", receiveAll(send(other, "y")));
        await(() -> closedBy(Kind.HANDLER_FAILURE) == 1, "a handler's failure");
        assertEquals(1, served.server.stats().get(ServerStats.Counter.HANDLER_FAILURES));
    }

    @Test
    void idleAndLostConnectionsAreToldByTheInput() throws Exception {
        AtomicReference<IOException> told = new AtomicReference<>();
        serve(ServerOptions.builder().idleTimeout(Duration.ofMillis(100)), (in, out, remote) -> {
            told.set(assertThrows(IOException.class, in::read));
            throw told.get();
        });
        assertEquals("", receiveAll(served.connect()));
        await(() -> closedBy(Kind.IDLE) == 1, "idle");
        assertEquals("the connection is lost: IDLE", told.get().getMessage());
        assertEquals(0, served.server.stats().get(ServerStats.Counter.HANDLER_FAILURES), "it did not fail, it was told");
    }

    @Test
    void peersResetIsToldByTheInput() throws Exception {
        AtomicReference<IOException> told = new AtomicReference<>();
        serve(ServerOptions.builder(), (in, out, remote) -> {
            out.write(in.read());
            out.flush();
            told.set(assertThrows(IOException.class, () -> new DataInputStream(in).readLong()));
        });
        Socket client = served.connect();
        assertEquals("x", receive(send(client, "x"), 1));
        client.setSoLinger(true, 0);
        client.close();
        await(() -> closedBy(Kind.RESET) == 1, "reset");
        await(() -> told.get() != null, "the input tells");
        assertTrue(told.get().getMessage().contains("RESET"), told.get().getMessage());
    }

    @Test
    void writeToAPeerThatTakesNothingEndsWithTheStall() throws Exception {
        AtomicReference<IOException> told = new AtomicReference<>();
        serve(ServerOptions.builder().writeTimeout(Duration.ofMillis(300)), (in, out, remote) -> {
            told.set(assertThrows(IOException.class, () -> fill(out)));
        });
        Socket client = served.connect();
        await(() -> closedBy(Kind.WRITE_STALL) == 1, "a stall");
        await(() -> told.get() != null, "the output tells");
        assertThrows(SocketException.class, () -> client.getInputStream().readAllBytes(), "a part must not look like the whole");
    }

    private static void fill(OutputStream out) throws IOException {
        for (int i = 0; i < 1_000; i++) {
            out.write(new byte[64 << 10]);
        }
    }

    @Test
    void drainEndsTheInputOfThoseWhoWaitAndLetsTheOthersFinish() throws Exception {
        CountDownLatch working = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        serve(ServerOptions.builder(), (in, out, remote) -> {
            int first = in.read();
            if (first == 'w') {
                working.countDown();
                goOn.await(20, TimeUnit.SECONDS);
            }
            assertEquals(-1, in.read());
            assertEquals(0, in.available(), "nothing of what was read before");
            out.write("done".getBytes());
        });
        Socket worker = send(served.connect(), "w");
        Socket waiter = served.connect();
        assertTrue(working.await(10, TimeUnit.SECONDS));
        await(() -> served.server.stats().get(ServerStats.Counter.OPENED) == 2, "both");
        CompletableFuture<DrainReport> end = served.server.drain(Duration.ofSeconds(20));
        // a read that waits cannot be brought back but by the peer's end, after ours; one that has not begun ends at once
        assertTrue(List.of("", "done").contains(receiveAll(waiter)));
        waiter.close();
        goOn.countDown();
        assertEquals("done", receiveAll(worker));
        worker.close();
        assertEquals(new DrainReport(2, List.of()), end.get(20, TimeUnit.SECONDS));
    }

    @Test
    void connectionIsNotIdleWhileItsHandlerIsAtWork() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        serve(ServerOptions.builder().idleTimeout(Duration.ofMillis(200)), (in, out, remote) -> {
            int first = in.read();
            if (first == 'w') {
                inside.countDown();
                goOn.await(20, TimeUnit.SECONDS);
                out.write("done".getBytes());
            }
        });
        Socket worker = send(served.connect(), "w");
        assertTrue(inside.await(10, TimeUnit.SECONDS));
        for (int i = 0; i < 2; i++) {
            assertEquals("", receiveAll(served.connect()), "idles for as long as anybody may");
        }
        goOn.countDown();
        assertEquals("done", receiveAll(worker));
        await(() -> closedBy(Kind.IDLE) == 2, "those two alone");
    }

    @Test
    void connectionThatIsCutWhileItsHandlerIsAtWorkWasOwedSomething() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        serve(ServerOptions.builder(), (in, out, remote) -> {
            in.read();
            inside.countDown();
            goOn.await(20, TimeUnit.SECONDS);
        });
        Socket client = send(served.connect(), "wxy");
        assertTrue(inside.await(10, TimeUnit.SECONDS));
        send(client, "z");
        CompletableFuture<DrainReport> end = served.server.drain(Duration.ofMillis(100));
        assertThrows(SocketException.class, () -> receiveAll(client), "a reset");
        goOn.countDown();
        DrainReport report = end.get(20, TimeUnit.SECONDS);
        assertEquals(1, report.cut());
        assertEquals(1, report.owed());
        assertEquals(3, report.bytesUnread());
    }

    @Test
    void closedStreamsChangeNothing() throws Exception {
        serve(ServerOptions.builder(), (in, out, remote) -> {
            in.close();
            out.close();
            out.write(in.read());
        });
        assertEquals("z", receiveAll(send(served.connect(), "z")));
    }
}
