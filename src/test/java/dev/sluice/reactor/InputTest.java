package dev.sluice.reactor;

import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.internal.PendingWork;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bytes that a handler leaves unread come back, whole and in order, however they arrived. */
class InputTest {

    private final Loop loop = new Loop();

    @AfterEach
    void nothingIsLeft() throws IOException {
        loop.close();
    }

    /** Reads messages of a length byte and as many more. */
    private static final class Messages implements Handler {
        final List<String> messages = new ArrayList<>();
        int pauseAfter = Integer.MAX_VALUE;
        Connection connection;

        @Override
        public void onRead(Connection self, ByteBuffer in) {
            connection = self;
            while (in.hasRemaining() && in.remaining() > in.get(in.position())) {
                byte[] message = new byte[in.get()];
                in.get(message);
                messages.add(new String(message, java.nio.charset.StandardCharsets.ISO_8859_1));
                if (messages.size() == pauseAfter) {
                    self.pauseReading();
                    return;
                }
            }
        }
    }

    @Test
    void messagesArriveByteByByte() throws IOException {
        Messages handler = new Messages();
        loop.serve(handler);
        Loop.Client client = loop.connect();
        for (char c : "\3abc\0\2de".toCharArray()) {
            client.send(String.valueOf(c));
            loop.settle();
        }
        loop.until(() -> handler.messages.size() == 3, "three messages");
        assertEquals(List.of("abc", "", "de"), handler.messages);
    }

    /** The handler stops where offload has told it so, and workers are so quick that there is room again within the callback. */
    @Test
    void inputLeftForWantOfWorkersComesBackThoughThereIsRoomAtOnce() throws IOException {
        loop.serve((self, in) -> {
            self.write(ByteBuffer.wrap(new byte[] {in.get()}));
            ((PendingWork.Owner) self).workersFull(true);
            ((PendingWork.Owner) self).workersFull(false);
        });
        assertEquals("abc", loop.connect().send("abc").receiveText(3));
    }

    @Test
    void messagesLeftWhenReadingPausedComeBackWithoutNewInput() throws IOException {
        Messages handler = new Messages();
        handler.pauseAfter = 3;
        loop.serve(handler);
        Loop.Client client = loop.connect().send("\1a\1b\1c\1d\1e\1f\1g\1h\1i\1j");
        loop.until(() -> handler.messages.size() == 3, "three messages");
        loop.settle();
        assertEquals(3, handler.messages.size());
        handler.connection.resumeReading();
        loop.until(() -> handler.messages.size() == 10, "the other seven");
        assertEquals("abcdefghij", String.join("", handler.messages));
        assertTrue(client.recorder.connection.isOpen());
    }

    @Test
    void messagesLeftWhenTheQueueWasFullComeBackWhenItIsNot() throws IOException {
        List<Byte> seen = new ArrayList<>();
        ScriptedSocketIo wire = new ScriptedSocketIo();
        wire.takes.addAll(List.of(0, 10));
        loop.serve(ServerOptions.builder().highWater(100).lowWater(50), wire, connection -> (self, in) -> {
            boolean more = true;
            while (in.hasRemaining() && more) {
                seen.add(in.get());
                more = self.write(ByteBuffer.allocate(150));
            }
        });
        loop.connect().send("abc");
        loop.until(() -> seen.size() == 3, "all three, with no more input");
    }

    @Test
    void unreadInputIsOfferedOnceMoreAtTheEnd() throws IOException {
        List<String> events = new ArrayList<>();
        loop.serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                events.add("read " + in.remaining());
            }

            @Override
            public void onEof(Connection self) {
                events.add("eof");
                self.close();
            }
        });
        Loop.Client client = loop.connect().send("abc");
        loop.until(() -> events.size() == 1, "the first offer");
        client.channel.shutdownOutput();
        client.awaitClose();
        assertEquals(List.of("read 3", "read 3", "eof"), events);
    }

    @Test
    void pausedHandlerLosesNothingAtTheEnd() throws IOException {
        StringBuilder read = new StringBuilder();
        loop.serve((self, in) -> {
            read.append((char) in.get()); // one byte at a time, with a pause after each
            self.pauseReading();
            self.schedule(Duration.ofMillis(1), self::resumeReading);
        });
        Loop.Client client = loop.connect().send("abcdef");
        client.channel.shutdownOutput();
        loop.until(() -> {
            loop.nowNs += 1_000_000;
            return client.recorder.isClosed();
        }, "the end");
        assertEquals("abcdef", read.toString());
        assertEquals(Kind.PEER, client.recorder.reason.kind());
    }

    @Test
    void handlerThatPausesAndResumesAtEachFrameGetsAllOfThemBeforeTheEnd() throws IOException {
        int frames = 3_000;
        StringBuilder sent = new StringBuilder();
        for (int i = 0; i < frames; i++) {
            sent.append(String.format("%06d\n", i));
        }
        StringBuilder read = new StringBuilder();
        loop.serve(new Handler() {
            @Override
            public void onRead(Connection self, ByteBuffer in) {
                for (int i = 0; i < 7; i++) {
                    read.append((char) in.get());
                }
                self.pauseReading();
                self.resumeReading();
            }

            @Override
            public void onEof(Connection self) {
                read.append("eof");
                self.close();
            }
        });
        Loop.Client client = loop.connect();
        client.channel.write(ByteBuffer.wrap(sent.toString().getBytes())); // one segment, and the end behind it
        client.channel.shutdownOutput();
        assertEquals(Kind.PEER, client.awaitClose().kind());
        assertEquals(sent + "eof", read.toString());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 1000, 5000, 300_000})
    void oneLongMessageInPiecesArrivesWhole(int largestPiece) throws IOException {
        int length = largestPiece == 1 ? 20_000 : 900_000;
        byte[] sent = new byte[length];
        Random random = new Random(largestPiece);
        random.nextBytes(sent);
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        ScriptedSocketIo wire = new ScriptedSocketIo();
        loop.serve(ServerOptions.builder(), wire, connection -> (self, in) -> {
            if (in.remaining() == length) {
                byte[] all = new byte[length];
                in.get(all);
                received.writeBytes(all);
            }
        });
        Loop.Client client = loop.connect();
        for (int from = 0; from < length; ) {
            int piece = Math.min(length - from, 1 + random.nextInt(largestPiece));
            client.send(ByteBuffer.wrap(sent, from, piece));
            from += piece;
        }
        loop.until(() -> received.size() == length, "the message");
        assertArrayEquals(sent, received.toByteArray());
    }

    @Test
    void aMessageLongerThanTheRemainderMayBeIsAProtocolError() throws IOException {
        loop.serve(ServerOptions.builder().maxRemainder(64 << 10), (self, in) -> {});
        Loop.Client client = loop.connect();
        ByteBuffer much = ByteBuffer.allocate(100_000);
        try {
            while (much.hasRemaining() && !client.recorder.isClosed()) {
                client.channel.write(much);
                loop.turn();
            }
        } catch (IOException e) {
            // reset, as it should be
        }
        assertEquals(Kind.PROTOCOL, client.awaitClose().kind());
    }

    @Test
    void pausedReadingStopsAtOnce() throws IOException {
        int[] reads = new int[1];
        loop.serve((self, in) -> {
            reads[0]++;
            in.position(in.limit());
            self.pauseReading();
        });
        Loop.Client client = loop.connect().send("a");
        loop.until(() -> reads[0] == 1, "one read");
        client.send("b");
        for (int i = 0; i < 50; i++) {
            loop.turn();
        }
        assertEquals(1, reads[0]);
        loop.recorders.get(0).connection.resumeReading();
        loop.until(() -> reads[0] == 2, "the second");
    }

    @Test
    void connectionThatAnotherPausedInTheSameTurnIsNotRead() throws IOException {
        List<Connection> all = new ArrayList<>();
        List<Connection> read = new ArrayList<>();
        loop.serve(ServerOptions.builder(), dev.sluice.internal.SocketIo.PLAIN, connection -> {
            all.add(connection);
            return (self, in) -> {
                in.position(in.limit());
                read.add(self);
                for (Connection other : all) {
                    if (other != self) {
                        other.pauseReading();
                    }
                }
            };
        });
        Loop.Client one = loop.connect();
        Loop.Client two = loop.connect();
        one.channel.write(ByteBuffer.allocate(1)); // loopback: both are there when the turn begins
        two.channel.write(ByteBuffer.allocate(1));
        for (int i = 0; i < 20; i++) {
            loop.turn();
        }
        assertEquals(1, read.size());
        read.get(0).pauseReading();
        all.forEach(Connection::resumeReading);
        loop.until(() -> read.size() == 2, "the other, once resumed");
    }
}
