package dev.sluice.program.service;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.CloseReason;
import dev.sluice.CloseReason.Kind;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.harness.ExpectsLog;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The work of one callback in a chat room, on connections without a network whose turns the test runs. */
@Timeout(60)
class ChatBurstTest {

    /** Bytes and writes of one callback, but for the last write: as the class says. */
    private static final long MOST_BYTES = 256 << 10;
    private static final int MOST_WRITES = 1 << 10;

    private static final CloseReason RESET = new CloseReason(Kind.RESET, null, 0);

    private final Chat room = new Chat(100_000, Settings.FRAME_TIMEOUT);
    private final List<Member> members = new ArrayList<>();
    private long bytes;
    private int writes;

    /** A connection that keeps the rules of a real one, as far as a chat can tell. */
    private final class Member {
        final Queue<Runnable> nextTurn = new ArrayDeque<>();
        final Connection connection;
        final Handler handler;
        ByteBuffer unread = ByteBuffer.allocate(0);
        /** All that it has to hear from now on; null: anything. */
        byte[] expected;
        int heard;
        long pending;
        boolean isPaused;
        boolean isClosed;
        int holds;
        long memory;
        boolean isOpen = true;

        Member() throws Exception {
            connection = (Connection) Proxy.newProxyInstance(Member.class.getClassLoader(), new Class<?>[] {Connection.class},
                    (self, method, arguments) -> switch (method.getName()) {
                        case "write" -> hear((ByteBuffer) arguments[0]);
                        case "pending" -> pending;
                        case "isOpen" -> isOpen;
                        case "isReading" -> isOpen && !isPaused;
                        case "pauseReading" -> isPaused = true;
                        case "resumeReading" -> isPaused = false;
                        case "execute" -> !isClosed && nextTurn.add((Runnable) arguments[0]);
                        case "schedule" -> nextTurn.add((Runnable) arguments[1]) ? null : null;
                        case "hold" -> hold();
                        case "holdMemory" -> memory = isClosed ? 0 : (long) arguments[0];
                        case "inputDeadline" -> null;
                        case "close" -> isOpen = false;
                        case "hashCode" -> System.identityHashCode(self);
                        case "equals" -> self == arguments[0];
                        default -> throw new UnsupportedOperationException(method.getName());
                    });
            handler = room.factory().create(connection);
            handler.onOpen(connection);
            endCallback();
            members.add(this);
        }

        private Hold hold() {
            holds++;
            return () -> holds--;
        }

        private boolean hear(ByteBuffer data) {
            int length = data.remaining();
            bytes += length;
            writes++;
            assertTrue(writes <= MOST_WRITES + 1, "too many writes in one callback");
            assertTrue(bytes - length <= MOST_BYTES, "too many bytes in one callback");
            if (expected != null) {
                byte[] got = new byte[length];
                data.get(got);
                assertTrue(Arrays.equals(got, 0, length, expected, heard, heard + length), "other bytes than expected");
            }
            heard += length;
            data.position(data.limit());
            return true;
        }

        void endCallback() {
            bytes = 0;
            writes = 0;
        }

        void say(byte[] text) throws Exception {
            unread = ByteBuffer.wrap(text);
            handler.onRead(connection, unread);
            endCallback();
        }

        /** Runs what was scheduled before, then offers what is unread. Returns false if there was nothing to do. */
        boolean turn() throws Exception {
            int tasks = nextTurn.size();
            for (int i = 0; i < tasks && !isClosed; i++) {
                nextTurn.remove().run();
                endCallback();
            }
            boolean offered = isOpen && !isPaused && unread.hasRemaining();
            if (offered) {
                handler.onRead(connection, unread);
                endCallback();
            }
            return tasks > 0 || offered;
        }

        void reset() throws Exception {
            isOpen = false;
            isClosed = true;
            nextTurn.clear();
            members.remove(this);
            handler.onClose(connection, RESET);
            endCallback();
        }
    }

    /** Runs turns until all is quiet. */
    private void settle() throws Exception {
        for (boolean worked = true; worked; ) {
            worked = false;
            for (Member member : List.copyOf(members)) {
                worked |= member.turn();
            }
        }
        members.forEach(member -> assertEquals(0, member.holds, "connections still held"));
    }

    private Member speakerAmong(int others) throws Exception {
        Member speaker = new Member();
        for (int i = 0; i < others; i++) {
            new Member();
        }
        settle();
        return speaker;
    }

    private void expect(Member speaker, String text) {
        byte[] expected = text.getBytes(StandardCharsets.US_ASCII);
        for (Member member : members) {
            member.heard = 0;
            member.expected = member == speaker ? new byte[0] : expected;
        }
    }

    private void assertAllHeard(Member speaker, String text) {
        for (Member member : members) {
            assertEquals(member == speaker ? 0 : text.length(), member.heard);
        }
    }

    /** 64 KiB in one read. In small rooms the sum of the lines counts, in large ones a single line does. */
    @ParameterizedTest
    @CsvSource({"0, 300", "1, 300", "10, 300", "10, 1", "0, 2000", "2000, 300", "60000, 20"})
    void callbackWritesABoundedNumberOfBytes(int length, int others) throws Exception {
        Member speaker = speakerAmong(others);
        String line = "x".repeat(length) + "\n";
        int lines = (64 << 10) / line.length();
        String text = ("guest-1: " + line).repeat(lines);
        expect(speaker, text);
        speaker.say(line.repeat(lines).getBytes(StandardCharsets.US_ASCII));
        assertEquals((long) text.length() * others > MOST_BYTES, speaker.isPaused, "the speaker waits");
        settle();
        assertAllHeard(speaker, text);
    }

    @Test
    void linesOfOneReadReachAMemberInOneWrite() throws Exception {
        Member speaker = speakerAmong(3);
        expect(speaker, "guest-1: a\nguest-1: b\n* guest-1 is now bob\nbob: c\n");
        for (Member member : members) {
            member.expected = member == speaker ? null : member.expected;
        }
        speaker.unread = ByteBuffer.wrap("a\nb\n/name bob\nc\n".getBytes(StandardCharsets.US_ASCII));
        speaker.handler.onRead(speaker.connection, speaker.unread);
        assertEquals(4, writes); // one to each of three, and the answer to /name
        members.forEach(member -> assertTrue(member == speaker || member.heard == member.expected.length));
    }

    /** Its lines have been read: all members hear them, or none. */
    @Test
    void linesOfAMemberThatIsResetReachAllOthers() throws Exception {
        Member speaker = speakerAmong(20);
        String line = "x".repeat(60_000) + "\n";
        String text = "guest-1: " + line + "* guest-1 left\n";
        expect(speaker, text);
        speaker.say(line.getBytes(StandardCharsets.US_ASCII));
        assertTrue(members.stream().anyMatch(member -> member != speaker && member.heard == 0), "it was to be on its way");
        speaker.reset();
        settle();
        assertAllHeard(speaker, text);
    }

    /** The member that was to go on with the lines of the first is reset before its next turn. */
    @Test
    void linesReachAllOthersThoughTwoAreReset() throws Exception {
        Member speaker = speakerAmong(20);
        String line = "x".repeat(60_000) + "\n";
        String text = "guest-1: " + line + "* guest-1 left\n";
        expect(speaker, text);
        speaker.say(line.getBytes(StandardCharsets.US_ASCII));
        speaker.reset();
        Member heir = members.stream().filter(member -> !member.nextTurn.isEmpty()).findFirst().orElseThrow();
        String both = text + "* guest-" + (members.indexOf(heir) + 2) + " left\n";
        members.forEach(member -> member.expected = both.getBytes(StandardCharsets.US_ASCII));
        heir.reset();
        settle();
        assertAllHeard(speaker, both);
    }

    /** Those of a member that has gone count for nobody: the room bounds them. */
    @Test
    void linesThatWaitCountAsMemoryHeldForTheirSender() throws Exception {
        Member speaker = speakerAmong(20);
        byte[] line = ("x".repeat(60_000) + "\n").getBytes(StandardCharsets.US_ASCII);
        speaker.say(line);
        assertEquals(60_010, speaker.memory, "the line behind its sender's name");
        members.forEach(member -> assertTrue(member == speaker || member.memory == 0));
        settle();
        assertEquals(0, speaker.memory);
        speaker.say(line);
        speaker.reset();
        for (Member member : List.copyOf(members)) {
            member.turn();
            members.forEach(each -> assertEquals(0, each.memory));
        }
        settle();
    }

    private long heard() {
        return members.stream().mapToLong(member -> member.heard).sum();
    }

    /** Else the queues of another loop would grow by what a sender reads. Members that do not read keep it waiting for 10 ms at most. */
    @Test
    void senderWaitsAWhileForThoseThatHaveNotSentItsLines() throws Exception {
        Member speaker = speakerAmong(20);
        members.forEach(member -> member.pending = 1);
        speaker.say(("x".repeat(60_000) + "\n").getBytes(StandardCharsets.US_ASCII));
        long atOnce = heard();
        for (int i = 0; i < 10; i++) {
            speaker.turn();
            assertEquals(atOnce, heard());
        }
        speaker.turn();
        long late = heard();
        assertTrue(late > atOnce, "waits for ever");
        members.subList(4, members.size()).forEach(member -> member.pending = 0);
        speaker.turn();
        assertTrue(heard() > late, "waits for a few");
        settle();
    }

    /** A client that sends and resets again and again. A room holds 1 MiB for such members; then their lines are dropped. */
    @Test
    @ExpectsLog("lines of a member that was cut off do not reach all")
    void linesOfMembersThatAreResetAreBoundedInSum() throws Exception {
        speakerAmong(20);
        byte[] line = ("x".repeat(60_000) + "\n").getBytes(StandardCharsets.US_ASCII);
        for (int round = 0; round < 2; round++) {
            members.forEach(member -> member.heard = 0);
            for (int i = 0; i < 100; i++) {
                Member speaker = new Member();
                speaker.say(line);
                speaker.reset();
                members.remove(speaker);
            }
            settle();
            long most = members.stream().mapToLong(member -> member.heard).max().orElseThrow() / line.length;
            long least = members.stream().mapToLong(member -> member.heard).min().orElseThrow() / line.length;
            // in its own callback a member reaches four others
            assertTrue(least >= 17, "lines that fit reach all: " + least);
            assertTrue(least <= 18, "dropped: " + least);
            assertTrue(most <= 100, "heard twice: " + most);
        }
        new Member().say("x\n".getBytes(StandardCharsets.US_ASCII));
        settle();
    }

    @Test
    void memberThatLeavesIsHeldUntilAllHaveHeardIt() throws Exception {
        Member speaker = speakerAmong(2_000);
        expect(speaker, "guest-1: x\n");
        speaker.say("x\n/quit\n".getBytes(StandardCharsets.US_ASCII));
        assertFalse(speaker.isOpen);
        assertEquals(1, speaker.holds);
        settle();
        assertAllHeard(speaker, "guest-1: x\n");
    }

    @Test
    void linesTakeNoDirectMemory() throws Exception {
        BufferPoolMXBean direct = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .findFirst()
                .orElseThrow();
        Member speaker = speakerAmong(3);
        byte[] line = ("x".repeat(60_000) + "\n").getBytes(StandardCharsets.US_ASCII);
        long before = direct.getCount();
        for (int i = 0; i < 100; i++) {
            speaker.say(line);
            settle();
        }
        assertTrue(direct.getCount() < before + 50, "direct buffers for lines");
    }

    /** More than one turn may write. The last line and the end are in one read. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void longLinesReachAllOnEveryEngine(Engine engine) throws Exception {
        try (Served served = new Served(engine, room)) {
            List<Served.Client> clients = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                clients.add(served.connect());
                clients.get(i).hear();
                for (int before = 0; before < i; before++) {
                    clients.get(before).hear();
                }
            }
            Served.Client speaker = clients.remove(0);
            String line = "x".repeat(60_000);
            speaker.say(line).say(line).say("short\n/quit");
            for (Served.Client client : clients) {
                assertEquals(List.of("guest-1: " + line, "guest-1: " + line, "guest-1: short", "* guest-1 left"), client.hear(4));
            }
            assertNull(speaker.hear());
        }
    }
}
