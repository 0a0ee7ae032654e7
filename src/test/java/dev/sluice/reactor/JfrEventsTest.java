package dev.sluice.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Listener;
import dev.sluice.Server;
import dev.sluice.ServerObserver;
import dev.sluice.ServerOptions;
import dev.sluice.ServerStats;
import dev.sluice.harness.ChildJvm;
import dev.sluice.harness.ExpectsLog;
import dev.sluice.simulation.Conditions;
import dev.sluice.simulation.SimulatedNetwork;
import dev.sluice.threads.ThreadServer;
import dev.sluice.threads.Threads;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Events for the flight recorder, on a reactor and on threads. */
@Timeout(60)
class JfrEventsTest {

    private static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @TempDir
    private Path directory;

    private static void talk(Server server, boolean tooMuch) throws Exception {
        try (Socket client = new Socket(server.address().getAddress(), server.address().getPort())) {
            client.setSoTimeout(10_000);
            client.getOutputStream().write(tooMuch ? '!' : '?');
            try {
                client.getInputStream().read();
            } catch (java.io.IOException e) {
                assertTrue(tooMuch, "reset without a limit");
            }
        }
    }

    /** Answers, to '!' with more than may be queued; stalls its loop for a moment at 'w'. */
    private static void answer(Connection self, ByteBuffer in) {
        boolean tooMuch = in.get(in.position()) == '!';
        in.position(in.limit());
        long start = System.nanoTime();
        while (!tooMuch && System.nanoTime() - start < 100_000_000) {
            Thread.onSpinWait();
        }
        self.write(ByteBuffer.allocate(tooMuch ? 200_000 : 1));
    }

    private List<RecordedEvent> record(Server server) throws Exception {
        return record(server, new AtomicInteger()::incrementAndGet);
    }

    /** @param stalls told until now, each recorded before it was told; the watchdog may sleep through one on a busy machine */
    private List<RecordedEvent> record(Server server, IntSupplier stalls) throws Exception {
        try (Recording recording = new Recording()) {
            recording.start();
            // the first to notice the recorder has the events registered, which takes a moment
            Awaitility.await().until(() -> {
                talk(server, false);
                return isOn();
            });
            int before = stalls.getAsInt();
            Awaitility.await().until(() -> {
                talk(server, false);
                return stalls.getAsInt() > before;
            });
            talk(server, true);
            server.drain(Duration.ofSeconds(5)).get(20, TimeUnit.SECONDS);
            Path file = directory.resolve("recording.jfr");
            recording.stop();
            recording.dump(file);
            List<RecordedEvent> events = new ArrayList<>();
            for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
                if (event.getEventType().getName().startsWith("sluice.")) {
                    events.add(event);
                }
            }
            return events;
        }
    }

    /** The events are registered, and the thread that did it has ended. */
    private static boolean isOn() {
        return Thread.getAllStackTraces().keySet().stream().noneMatch(t -> t.getName().equals("sluice-flight")) && jdk.jfr.FlightRecorder.getFlightRecorder().getEventTypes().stream()
                .anyMatch(type -> type.getName().equals("sluice.Drain"));
    }

    private static List<RecordedEvent> of(List<RecordedEvent> events, String name) {
        return events.stream().filter(event -> event.getEventType().getName().equals("sluice." + name)).toList();
    }

    private static void checkCommon(List<RecordedEvent> events) {
        List<RecordedEvent> connections = of(events, "Connection");
        assertTrue(connections.stream().anyMatch(event -> event.getString("reason").equals("PEER")), events.toString());
        assertTrue(connections.stream().allMatch(event -> event.getString("remote").startsWith("/127.0.0.1:")));
        assertTrue(connections.stream().allMatch(event -> event.getDuration().toNanos() > 0));
        assertEquals(1, of(events, "QueueLimit").size());
        assertEquals(1, of(events, "Drain").size());
    }

    @Test
    void reactorsEvents() throws Exception {
        AtomicInteger stallsTold = new AtomicInteger();
        ServerObserver observer = new ServerObserver() {
            @Override
            public void stalled(String loop, Duration waited, String keptBy) {
                stallsTold.incrementAndGet();
            }
        };
        Server server = ReactorServer.start(
                List.of(Listener.at(ANY)),
                ReactorOptions.builder()
                        .server(ServerOptions.builder().maxPending(100_000).observer(observer).build())
                        .stallThreshold(Duration.ofMillis(30))
                        .build(),
                connection -> JfrEventsTest::answer);
        List<RecordedEvent> events = record(server, stallsTold::get);
        checkCommon(events);
        List<RecordedEvent> stalls = of(events, "Stall");
        assertTrue(stalls.size() >= 1);
        assertEquals("sluice-reactor-0", stalls.get(0).getString("loop"));
        assertTrue(stalls.get(0).getDuration("waited").toMillis() >= 30);
    }

    @ExpectsLog("cannot accept a connection")
    @Test
    void acceptingThatPauses() throws Exception {
        SimulatedNetwork network = new SimulatedNetwork(1, new Conditions(1_000, 1_000, 1_000, 1_000, 0, 0.5));
        try (Recording recording = new Recording()) {
            recording.start();
            Reactor reactor = Reactor.open(network.clock(), network);
            ReactorServer server = ReactorServer.open(
                    reactor, network, network.address(0), ServerOptions.defaults(), connection -> JfrEventsTest::answer);
            while (!isOn()) { // on this thread, which is the loop's
                network.connect(server.address());
                reactor.runOnce(Duration.ofSeconds(2));
            }
            for (int i = 0; i < 20; i++) {
                network.connect(server.address());
                reactor.runOnce(Duration.ofSeconds(2));
            }
            recording.stop();
            Path file = directory.resolve("pauses.jfr");
            recording.dump(file);
            List<RecordedEvent> pauses = of(RecordingFile.readAllEvents(file), "AcceptPaused");
            assertTrue(!pauses.isEmpty());
            assertTrue(pauses.get(0).getString("cause").contains("Too many open files"), pauses.toString());
            reactor.close();
        }
    }

    @Test
    void threadsEvents() throws Exception {
        checkCommon(record(ThreadServer.start(
                ANY, ServerOptions.builder().maxPending(100_000).build(), Threads.platform(), connection -> JfrEventsTest::answer)));
    }

    @Test
    void clientOfAUnixDomainSocketIsNamedByItsUser() throws Exception {
        UnixDomainSocketAddress door = UnixDomainSocketAddress.of(directory.resolve("door"));
        AtomicInteger connects = new AtomicInteger();
        List<RecordedEvent> events = record(
                ReactorServer.start(
                        List.of(Listener.at(ANY), Listener.at(door)),
                        ReactorOptions.builder().server(ServerOptions.builder().maxPending(100_000).build()).build(),
                        connection -> JfrEventsTest::answer),
                () -> {
                    try (SocketChannel client = SocketChannel.open(door)) {
                        client.write(ByteBuffer.wrap(new byte[] {'?'}));
                        client.read(ByteBuffer.allocate(1));
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                    return connects.incrementAndGet();
                });
        List<RecordedEvent> unix = of(events, "Connection").stream().filter(event -> event.getString("remote").startsWith("unix")).toList();
        assertTrue(!unix.isEmpty(), events.toString());
        for (RecordedEvent event : unix) {
            assertTrue(event.getString("remote").startsWith("unix client (user " + System.getProperty("user.name") + ", group "), event::toString);
            assertEquals("unix:" + door, event.getString("local"));
        }
    }

    /** A process of its own that can make no thread once somebody records; says what is wrong then, or nothing. */
    static final class Starved {

        public static void main(String[] args) throws Exception {
            ReactorServer server = ReactorServer.start(ANY, ServerOptions.defaults(), connection -> (self, in) -> self.write(in));
            new Recording().start();
            try {
                while (true) {
                    Thread idle = new Thread(LockSupport::park);
                    idle.setDaemon(true);
                    idle.start();
                }
            } catch (OutOfMemoryError e) {
                talk(server, false);
                talk(server, false);
            }
            server.drain(Duration.ofSeconds(5)).get(20, TimeUnit.SECONDS);
            ServerStats stats = server.stats();
            if (stats.get(ServerStats.Counter.OPENED) != 2 || stats.get(ServerStats.Counter.CLOSED) != 2 || stats.get(ServerStats.Counter.FAILED_ACCEPTS) != 0) {
                System.out.println(stats);
            }
            System.exit(0);
        }
    }

    /** A thread's stack is so large that few fit into what the process may have. */
    @Test
    void withoutAThreadToBeginWithNothingIsToldAndEverybodyIsServed() throws Exception {
        assertEquals("", ChildJvm.run(
                List.of("bash", "-c", "ulimit -v 48000000; exec \"$@\"", "bash"), List.of("-Xmx128m", "-Xss1g", "-Xlog:disable"), Starved.class));
    }

    // ---- connections that go out -----------------------------------------------------------------------------------------

    /** Connects out for every question, and answers it. */
    private static Handler.Factory goingOutTo(InetSocketAddress target) {
        Handler outbound = new Handler() {
            @Override
            public void onOpen(Connection other) {
                other.abort();
            }

            @Override
            public void onRead(Connection other, ByteBuffer in) {}
        };
        return connection -> (self, in) -> {
            self.connect(target, Duration.ofSeconds(10), other -> outbound);
            answer(self, in);
        };
    }

    /** Without a name, as the address of a connection that was accepted. */
    private static InetSocketAddress addressOf(ServerSocket listener) throws IOException {
        return new InetSocketAddress(InetAddress.getByAddress(listener.getInetAddress().getAddress()), listener.getLocalPort());
    }

    private static void checkOutbound(List<RecordedEvent> events, InetSocketAddress target) {
        checkCommon(events);
        List<RecordedEvent> outbound = of(events, "Connection").stream()
                .filter(event -> event.getString("remote").endsWith(":" + target.getPort()))
                .toList();
        assertFalse(outbound.isEmpty(), "none went out: " + events);
        assertTrue(outbound.stream().anyMatch(event -> event.getString("reason").equals("LOCAL")), outbound.toString());
    }

    @Test
    void reactorsConnectionsThatGoOut() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1_000, ANY.getAddress())) {
            InetSocketAddress target = addressOf(listener);
            checkOutbound(
                    record(ReactorServer.start(ANY, ServerOptions.builder().maxPending(100_000).build(), goingOutTo(target))), target);
        }
    }

    @Test
    void threadsConnectionsThatGoOut() throws Exception {
        try (ServerSocket listener = new ServerSocket(0, 1_000, ANY.getAddress())) {
            InetSocketAddress target = addressOf(listener);
            checkOutbound(
                    record(ThreadServer.start(
                            ANY, ServerOptions.builder().maxPending(100_000).build(), Threads.platform(), goingOutTo(target))),
                    target);
        }
    }
}
