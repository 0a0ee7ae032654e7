package dev.sluice.program.service;

import dev.sluice.ServerStats;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.ServerOptions;
import dev.sluice.program.service.Served.Client;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A room on every engine. */
@Timeout(60)
class ChatTest {

    @ParameterizedTest
    @EnumSource(Engine.class)
    void everyLineGoesToEveryOther(Engine engine) throws Exception {
        try (Served served = new Served(engine, new Chat(1_000, Settings.FRAME_TIMEOUT))) {
            Client ada = served.connect();
            assertEquals("* you are guest-1: /name NAME, /who, /quit", ada.hear());
            Client bob = served.connect();
            assertEquals("* you are guest-2: /name NAME, /who, /quit", bob.hear());
            assertEquals("* guest-2 joined", ada.hear());
            ada.say("hello").say("").say("größer\r");
            assertEquals(List.of("guest-1: hello", "guest-1: ", "guest-1: größer"), bob.hear(3));
            bob.say("hi");
            assertEquals("guest-2: hi", ada.hear());
            bob.say("/quit");
            assertEquals("* guest-2 left", ada.hear());
            assertNull(bob.hear());
        }
    }

    /** On threads, those who come at the same time tell each other. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void newMemberHearsItsOwnNameFirst(Engine engine) throws Exception {
        try (Served served = new Served(engine, new Chat(1_000, Settings.FRAME_TIMEOUT))) {
            for (int round = 0; round < 20; round++) {
                List<Client> comers = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    comers.add(served.connect());
                }
                for (Client comer : comers) {
                    assertEquals("* you are", comer.hear().substring(0, 9));
                    comer.socket.close();
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void namesAreTakenTradedAndTold(Engine engine) throws Exception {
        try (Served served = new Served(engine, new Chat(1_000, Settings.FRAME_TIMEOUT))) {
            Client ada = served.connect();
            ada.hear();
            Client bob = served.connect();
            bob.hear();
            ada.hear();
            ada.say("/name ada");
            assertEquals("* you are ada", ada.hear());
            assertEquals("* guest-1 is now ada", bob.hear());
            assertEquals("* ada is taken", bob.say("/name ada").hear());
            assertEquals("* a name has 1 to 24 letters, digits, or _ . -", bob.say("/name two words").hear());
            assertEquals("* a name has 1 to 24 letters, digits, or _ . -", bob.say("/name").hear());
            assertEquals("* there are /name NAME, /who and /quit", bob.say("/dance").hear());
            assertEquals("* 2 here: ada guest-2", sorted(bob.say("/who").hear()));
            ada.socket.close();
            assertEquals("* ada left", bob.hear());
            assertEquals("* you are ada", bob.say("/name ada").hear());
        }
    }

    /** A member of a room without a network: what it hears, and what it does at a line. */
    private static final class Visitor {
        final List<String> heard = new ArrayList<>();
        final Connection connection;
        final Handler handler;
        Runnable atALine = () -> {};

        Visitor(Chat room) throws Exception {
            connection = (Connection) Proxy.newProxyInstance(Visitor.class.getClassLoader(), new Class<?>[] {Connection.class},
                    (self, method, arguments) -> switch (method.getName()) {
                        case "write" -> hear((ByteBuffer) arguments[0]);
                        case "isOpen", "isReading" -> true;
                        case "hashCode" -> System.identityHashCode(self);
                        case "equals" -> self == arguments[0];
                        default -> null;
                    });
            handler = room.factory().create(connection);
            handler.onOpen(connection);
        }

        private boolean hear(ByteBuffer bytes) {
            String line = StandardCharsets.UTF_8.decode(bytes).toString().strip();
            if (!line.startsWith("* ")) {
                heard.add(line);
                atALine.run();
            }
            return true;
        }

        void say(String line) {
            try {
                handler.onRead(connection, ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8)));
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }

    /** On threads a name may change at any moment; here it does when another has just heard a line. */
    @Test
    void memberThatTakesAnotherNameWhileALineIsOnItsWayHearsItOnce() throws Exception {
        Chat room = new Chat(1_000, Settings.FRAME_TIMEOUT);
        Visitor speaker = new Visitor(room);
        Visitor renamer = new Visitor(room);
        Visitor witness = new Visitor(room);
        for (int i = 0; i < 100; i++) {
            String name = "name-" + i;
            witness.atALine = () -> renamer.say("/name " + name);
            speaker.say("line " + i);
            assertEquals(List.of("guest-1: line " + i), renamer.heard);
            assertEquals(renamer.heard, witness.heard);
            renamer.heard.clear();
            witness.heard.clear();
        }
    }

    /** Their terminals would obey it: clear themselves, write over the sender's name, or show what is not there. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void controlCharactersAreQuestionMarksToTheOthers(Engine engine) throws Exception {
        try (Served served = new Served(engine, new Chat(1_000, Settings.FRAME_TIMEOUT))) {
            Client ada = served.connect();
            ada.hear();
            Client bob = served.connect();
            bob.hear();
            ada.hear();
            ada.say("\u001B[2Jgone").say("x\r* bob left").say("\b\u0000\u007F.").say("\u009B31mred\u0085").say("\u202Etxt.exe\u2069\u200F\u061C");
            ada.say("one\u2028two\u2029");
            ada.socket.getOutputStream().write(new byte[] {'<', (byte) 0x9B, (byte) 0xC0, (byte) 0x80, '>', (byte) 0xE2, (byte) 0x82, '\n'});
            assertEquals(List.of("guest-1: ?[2Jgone", "guest-1: x?* bob left", "guest-1: ???.", "guest-1: ?31mred?", "guest-1: ?txt.exe???",
                    "guest-1: one?two?", "guest-1: <???>?"), bob.hear(7));
            ada.say("a\ttab").say("größer, 很好, \u0645\u0631\u062D\u0628\u0627").say("\uD83D\uDC69\u200D\uD83D\uDE80 \u200C").say("");
            assertEquals(List.of("guest-1: a\ttab", "guest-1: größer, 很好, \u0645\u0631\u062D\u0628\u0627",
                    "guest-1: \uD83D\uDC69\u200D\uD83D\uDE80 \u200C", "guest-1: "), bob.hear(4));
            assertEquals("* a name has 1 to 24 letters, digits, or _ . -", ada.say("/name \u001B[2J").hear());
        }
    }

    private static String sorted(String who) {
        String[] parts = who.split(": ");
        return parts[0] + ": " + String.join(" ", List.of(parts[1].split(" ")).stream().sorted().toList());
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void lineThatIsTooLongIsToldAndEndsTheConnection(Engine engine) throws Exception {
        try (Served served = new Served(engine, new Chat(100, Settings.FRAME_TIMEOUT))) {
            Client client = served.connect();
            client.hear();
            client.say("x".repeat(200));
            assertEquals("* a line has at most 100 bytes", client.hear());
            assertNull(client.hear());
        }
    }

    /** On a pool they would wait for one of its threads, and hold it for the time of a line each. */
    @ParameterizedTest
    @EnumSource(value = Engine.class, mode = EnumSource.Mode.EXCLUDE, names = "POOL")
    void crowdThatSendsAByteNowAndThenIsGoneAtTheDeadlineOfItsLines(Engine engine) throws Exception {
        int crowd = 500;
        try (Served served = new Served(engine, new Chat(100_000, Duration.ofSeconds(2)))) {
            Client member = served.connect();
            List<Client> slow = new ArrayList<>();
            for (int i = 0; i < crowd; i++) {
                slow.add(served.connect());
            }
            long begun = System.nanoTime();
            while (served.server.stats().closedBy(Kind.INPUT_TIMEOUT) < crowd) {
                assertTrue(System.nanoTime() - begun < 30_000_000_000L, () -> served.server.stats().toString());
                for (Client each : slow) {
                    try {
                        each.socket.getOutputStream().write('x');
                    } catch (IOException e) {
                        // it is gone
                    }
                }
            }
            Served.await(() -> served.server.stats().open() == 1, "they are gone");
            member.say("/name me");
            for (String line; !"* you are me".equals(line = member.hear()); ) {
                assertTrue(line.startsWith("* "), line);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void memberThatDoesNotReadIsClosedAndSlowsNobody(Engine engine) throws Exception {
        ServerOptions.Builder options = ServerOptions.builder().maxPending(64 << 10).highWater(32 << 10).lowWater(16 << 10).sendBuffer(4 << 10);
        try (Served served = new Served(engine, new Chat(1_000, Settings.FRAME_TIMEOUT), options)) {
            List<Client> readers = List.of(served.connect(), served.connect(), served.connect());
            for (Client reader : readers) {
                assertTrue(reader.hear().startsWith("* you are"));
            }
            served.connect(4 << 10); // and never reads
            Client speaker = served.connect();
            Served.await(() -> served.server.stats().open() == 5, "all are there");
            String text = "x".repeat(500);
            int lines = 2_000;
            for (int i = 0; i < lines; i += 50) { // 25 kB, which every queue has room for
                for (int j = i; j < i + 50; j++) {
                    speaker.say(j + text);
                }
                for (Client reader : readers) {
                    hear(reader, i, i + 50, text);
                }
            }
            Served.await(() -> served.server.stats().closedBy(Kind.QUEUE_LIMIT) == 1, "the silent one is closed");
            assertEquals(1, served.server.stats().get(ServerStats.Counter.CLOSED));
        }
    }

    private static void hear(Client reader, int from, int to, String text) throws IOException {
        for (int next = from; next < to; ) {
            String line = reader.hear();
            if (!line.startsWith("* ")) {
                assertEquals(next + text, line.substring(line.indexOf(": ") + 2));
                next++;
            }
        }
    }
}
