package dev.sluice.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.contract.Rig.Client;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** {@link Connection#isReading} in each state of a connection. */
class ReadingContractTest extends EngineContract {

    private static final int HIGH = 1 << 10;

    private final List<String> table = new CopyOnWriteArrayList<>();

    private void row(String state, Connection self) {
        table.add(state + ": " + self.isReading());
    }

    @Test
    void sameAnswerInEachStateOnEveryEngine() throws Exception {
        CountDownLatch gate = new CountDownLatch(1);
        ServerOptions.Builder options = ServerOptions.builder().highWater(HIGH).lowWater(HIGH / 2).offloadThreads(1).offloadQueue(2);
        Client client = serve(options, connection -> {
            row("factory", connection);
            return new Handler() {
                @Override
                public void onOpen(Connection self) {
                    row("onOpen", self);
                    self.pauseReading();
                    self.resumeReading();
                    row("resumed before any bytes", self);
                }

                @Override
                public void onRead(Connection self, ByteBuffer in) {
                    switch (in.get()) {
                        case 'p' -> {
                            row("onRead", self);
                            self.pauseReading();
                            row("paused", self);
                            self.resumeReading();
                            row("resumed", self);
                            self.pauseReading();
                            self.execute(() -> { // while a byte is unread
                                row("paused, in a task", self);
                                self.resumeReading();
                                row("resumed, in a task", self);
                            });
                        }
                        case 'w' -> {
                            self.write(ByteBuffer.allocate(HIGH + 1));
                            row("output waits", self);
                        }
                        case 'o' -> {
                            boolean room = true;
                            while (room) {
                                room = self.offload(() -> {
                                    gate.await();
                                    return null;
                                }, (result, failure) -> {});
                            }
                            row("no room for offloaded work", self);
                            gate.countDown();
                        }
                        case 's' -> {
                            row("room for offloaded work again", self);
                            self.shutdownOutput();
                            row("our side has ended", self);
                        }
                        default -> row("another byte", self);
                    }
                }

                @Override
                public void onWritable(Connection self) {
                    row("onWritable", self);
                }

                @Override
                public void onEof(Connection self) {
                    row("onEof", self);
                    self.close();
                    row("closed by us", self);
                }

                @Override
                public void onClose(Connection self, CloseReason reason) {
                    row("onClose", self);
                }
            };
        }).connect();
        client.send("p+");
        rig.await(() -> table.size() == 9, "the second byte: " + table);
        client.send("w");
        client.in.skipNBytes(HIGH + 1);
        rig.await(() -> table.size() == 11, "onWritable: " + table);
        client.send("o");
        rig.await(() -> table.size() == 12, "no room: " + table);
        client.send("s");
        rig.await(() -> table.size() == 14, "our end: " + table);
        client.socket.shutdownOutput();
        rig.await(() -> table.size() == 17, "the end: " + table);
        assertEquals(
                List.of(
                        "factory: true",
                        "onOpen: true",
                        "resumed before any bytes: true",
                        "onRead: true",
                        "paused: false",
                        "resumed: true",
                        "paused, in a task: false",
                        "resumed, in a task: true",
                        "another byte: true",
                        "output waits: false",
                        "onWritable: true",
                        "no room for offloaded work: false",
                        "room for offloaded work again: true",
                        "our side has ended: true",
                        "onEof: false",
                        "closed by us: false",
                        "onClose: false"),
                table);
    }

    @Test
    void outputThatWaitsChangesNothingForAHandlerThatReadsMeanwhile() throws Exception {
        serve(ServerOptions.builder().highWater(HIGH).lowWater(0), connection -> new Handler() {
            @Override
            public boolean readsWhileOutputWaits() {
                return true;
            }

            @Override
            public void onRead(Connection self, ByteBuffer in) {
                in.position(in.limit());
                self.write(ByteBuffer.allocate(HIGH + 1));
                row("output waits", self);
            }
        }).connect().send("x");
        rig.await(() -> table.size() == 1, "onRead");
        assertEquals(List.of("output waits: true"), table);
    }

    @Test
    void closeWhileHeldAndADrainWhileHeldEndTheReading() throws Exception {
        serve(connection -> new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                self.hold();
                if (in.get() == 'c') {
                    self.close();
                    row("closed while held", self);
                } else {
                    row("held", self);
                }
            }

            @Override
            public void onEof(Connection self) {
                row("drained while held", self);
            }
        });
        Client closing = rig.connect().send("c");
        Client held = rig.connect().send("h");
        rig.await(() -> table.size() == 2, "both");
        rig.server.drain(Duration.ZERO, Duration.ofSeconds(2));
        rig.await(() -> table.size() == 3, "onEof");
        table.sort(null);
        assertEquals(List.of("closed while held: false", "drained while held: false", "held: true"), table);
        closing.connection().abort();
        held.connection().abort();
    }

    private Rig serve(java.util.function.Function<Connection, Handler> handlers) throws Exception {
        return serve(ServerOptions.builder(), handlers);
    }

    @Test
    void belongsToTheConnectionsThread() throws Exception {
        Client client = serve(DEAF).connect();
        assertThrows(IllegalStateException.class, client.connection()::isReading);
    }
}
