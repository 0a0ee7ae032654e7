package dev.sluice.program.service;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/**
 * A room: each line goes to every other client, behind its sender's name. {@code /name NAME} takes another name, {@code /who} tells
 * who is there, {@code /quit} leaves; who comes and goes is told, but in a crowd. A line is made once, however many hear it; they see
 * a question mark for each character in it that would steer their terminals ({@link Printable}). Who does not read is closed when his
 * queue is full ({@link CloseReason.Kind#QUEUE_LIMIT}), and slows nobody. The lines of one client reach everybody in their order; of two
 * clients on different threads, not everybody in the same.
 */
public final class Chat implements Service {

    private static final Pattern NAME = Pattern.compile("[\\p{Alnum}_.-]{1,24}");

    /** Names that {@code /who} tells: the list of ten thousand would fill the queue of who asks. */
    private static final int SHOWN = 100;
    /** Bytes of all queues together that one line may add before the next has to wait for a turn: 256 KiB. */
    private static final int BURST = 256 << 10;
    /** Of more, comings and goings are not told: when five hundred leave five thousand, that would be two million lines. */
    private static final int CROWD = 1000;

    private final int maxLine;
    private final Set<String> names = ConcurrentHashMap.newKeySet();
    /** Who hears a line. Not by name: a walk of the names may pass whoever is taking another twice, or not at all. */
    private final Set<Connection> members = ConcurrentHashMap.newKeySet();
    private final AtomicLong guests = new AtomicLong();

    /**
     * Makes an empty room.
     *
     * @param maxLine bytes of the longest line
     */
    public Chat(int maxLine) {
        this.maxLine = maxLine;
    }

    @Override
    public Handler.Factory factory() {
        return connection -> new Framed(connection, new Lines(maxLine), new Member(connection));
    }

    private final class Member implements FrameHandler {
        private final Connection connection;
        private String name;

        Member(Connection connection) {
            this.connection = connection;
        }

        @Override
        public void onOpen(Connection self) {
            do {
                name = "guest-" + guests.incrementAndGet();
                tell("you are " + name + ": /name NAME, /who, /quit"); // before others, who may be on other threads, can tell it anything
            } while (!names.add(name)); // or again, with another
            members.add(self);
            announce(name + " joined");
        }

        @Override
        public void onFrame(Connection self, ByteBuffer line) {
            if (!line.hasRemaining() || line.get(line.position()) != '/') {
                byte[] prefix = (name + ": ").getBytes(StandardCharsets.UTF_8);
                ByteBuffer shown = Printable.line(line);
                ByteBuffer said = ByteBuffer.allocateDirect(prefix.length + shown.remaining() + 1);
                toOthers(said.put(prefix).put(shown).put((byte) '\n').flip());
                return;
            }
            String[] words = StandardCharsets.UTF_8.decode(line).toString().strip().split(" +", 2);
            switch (words[0]) {
                case "/name" -> rename(words.length > 1 ? words[1] : "");
                case "/who" -> tell(who());
                case "/quit" -> self.close();
                default -> tell("there are /name NAME, /who and /quit");
            }
        }

        private void rename(String wanted) {
            if (!NAME.matcher(wanted).matches()) {
                tell("a name has 1 to 24 letters, digits, or _ . -");
            } else if (!names.add(wanted)) {
                tell(wanted + " is taken");
            } else {
                names.remove(name);
                announce(name + " is now " + wanted);
                name = wanted;
                tell("you are " + wanted);
            }
        }

        private String who() {
            int here = members.size();
            return here + " here: " + String.join(" ", names.stream().limit(SHOWN).toList()) + (here > SHOWN ? " and others" : "");
        }

        private void tell(String notice) {
            connection.write(notice(notice));
        }

        private void announce(String notice) {
            if (members.size() <= CROWD) {
                toOthers(notice(notice));
            }
        }

        /** Of a burst, the next line waits for the loop to come round where a queue is long, or many grow at once. */
        private void toOthers(ByteBuffer line) {
            boolean enough = (long) line.remaining() * members.size() > BURST;
            for (Connection member : members) {
                if (member != connection) {
                    enough |= !member.write(line.rewind());
                }
            }
            if (enough && connection.isOpen()) {
                connection.pauseReading();
                connection.execute(connection::resumeReading);
            }
        }

        @Override
        public void onReject(Connection self, ProtocolException cause) {
            tell("a line has at most " + maxLine + " bytes");
            self.close();
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            if (members.remove(self)) {
                names.remove(name);
                announce(name + " left");
            }
        }
    }

    private static ByteBuffer notice(String text) {
        return ByteBuffer.wrap(("* " + text + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
