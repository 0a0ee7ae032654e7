package dev.sluice.service;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;

/**
 * A room: each line goes to every other client, behind its sender's name. {@code /name NAME} takes another name, {@code /who} tells
 * who is there, {@code /quit} leaves. A line is made once, however many hear it. Who does not read is closed when his queue is full
 * ({@link CloseReason.Kind#QUEUE_LIMIT}), and slows nobody.
 *
 * <p>The lines of one client reach everybody in their order; of two clients on different threads, not everybody in the same.
 */
public final class Chat implements Service {

    private static final Pattern NAME = Pattern.compile("[\\p{Alnum}_.-]{1,24}");

    /** Names that {@code /who} tells: of a room of ten thousand, the whole list would fill the queue of who asks. */
    private static final int SHOWN = 100;

    private final int maxLine;
    private final Map<String, Connection> members = new ConcurrentHashMap<>();
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
            } while (members.putIfAbsent(name, self) != null);
            tell("you are " + name + ": /name NAME, /who, /quit");
            announce(name + " joined");
        }

        @Override
        public void onFrame(Connection self, ByteBuffer line) {
            if (!line.hasRemaining() || line.get(line.position()) != '/') {
                byte[] prefix = (name + ": ").getBytes(StandardCharsets.UTF_8);
                ByteBuffer said = ByteBuffer.allocateDirect(prefix.length + line.remaining() + 1);
                toOthers(said.put(prefix).put(line).put((byte) '\n').flip());
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
            } else if (members.putIfAbsent(wanted, connection) != null) {
                tell(wanted + " is taken");
            } else {
                members.remove(name);
                announce(name + " is now " + wanted);
                name = wanted;
                tell("you are " + wanted);
            }
        }

        private String who() {
            StringBuilder text = new StringBuilder().append(members.size()).append(" here:");
            Iterator<String> names = members.keySet().iterator();
            for (int i = 0; i < SHOWN && names.hasNext(); i++) {
                text.append(' ').append(names.next());
            }
            return text.append(names.hasNext() ? " and others" : "").toString();
        }

        private void tell(String notice) {
            connection.write(notice(notice));
        }

        private void announce(String notice) {
            toOthers(notice(notice));
        }

        /** A burst goes out line by line: where a queue is long, the next line waits until the loop has come round to it. */
        private void toOthers(ByteBuffer line) {
            boolean enough = false;
            for (Connection member : members.values()) {
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
            if (name != null) {
                members.remove(name);
                announce(name + " left");
            }
        }
    }

    private static ByteBuffer notice(String text) {
        return ByteBuffer.wrap(("* " + text + "\n").getBytes(StandardCharsets.UTF_8));
    }
}
