package dev.sluice.program.service;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import dev.sluice.internal.RateLimitedLog;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Pattern;
import org.slf4j.LoggerFactory;

/**
 * A chat room: each line goes to every other client, behind its sender's name. {@code /name NAME} takes another name, {@code /who} lists
 * the members, {@code /quit} leaves. Joining and leaving is announced, except in a crowd. Members see a question mark for each character
 * that would control their terminals ({@link Printable}). A client that does not read is closed when its queue is full
 * ({@link CloseReason.Kind#QUEUE_LIMIT}), and slows down no other client. The lines of one client reach all others in their order; the
 * lines of two clients on different threads may reach different members in different orders.
 *
 * <p>The lines that a client sends in one go reach each member in one write, and one callback writes to so many members only as
 * {@link #BURST} allows. The rest waits for the next turn, and a little longer if other loops or threads have not sent what they have.
 * Until all members have it, the sender is not read, and it counts as {@linkplain Connection#holdMemory memory held} for the sender. Lines
 * of a member whose connection fails meanwhile are delivered by another, as long as all such lines together are no more than
 * {@link #ORPHANED} permits. More are dropped, and a line of the log says so.
 */
public final class Chat implements Service {

    private static final Pattern NAME = Pattern.compile("[\\p{Alnum}_.-]{1,24}");

    /** Names that {@code /who} lists: the list of ten thousand would fill the queue of the client that asks. */
    private static final int SHOWN = 100;
    /** Bytes that one callback may write to all members together, but for its last write: 256 KiB. */
    private static final int BURST = 256 << 10;
    /** A write counts as so many bytes more than it has, for its system call: a callback makes 1024 writes at most. */
    private static final int WRITE_COST = 256;
    /** Lines that go out together have so many bytes, but for the last of them: 4 KiB. */
    private static final int BATCH = 4 << 10;
    /** Bytes that members whose connections have closed may leave to be delivered, together: 1 MiB. */
    private static final int ORPHANED = 1 << 20;
    /** How often a sender lets other loops and threads send what it gave them before it gives them more: 10 times 1 ms. */
    private static final int PATIENCE = 10;
    /** Joining and leaving is not announced to more members: when five hundred leave five thousand, that would be two million lines. */
    private static final int CROWD = 1000;

    private final int maxLine;
    private final Duration frameTimeout;
    private final Set<String> names = ConcurrentHashMap.newKeySet();
    /** Not by name: while a member takes another name, a walk of the names may meet it twice, or not at all. */
    private final Set<Member> members = ConcurrentHashMap.newKeySet();
    private final AtomicLong guests = new AtomicLong();

    /** The deliveries of members whose connections have closed, those of one member together, until another member takes them over. */
    private final Queue<Queue<Delivery>> orphans = new ConcurrentLinkedQueue<>();
    /** The bytes of these, and of those that other members have taken over. */
    private final AtomicLong orphaned = new AtomicLong();
    private final RateLimitedLog log = new RateLimitedLog(LoggerFactory.getLogger(Chat.class));

    /**
     * Makes an empty room.
     *
     * @param maxLine      bytes of the longest line
     * @param frameTimeout how long a line may take from its first byte to its end; zero: any time
     */
    public Chat(int maxLine, Duration frameTimeout) {
        this.maxLine = maxLine;
        this.frameTimeout = frameTimeout;
    }

    @Override
    public Handler.Factory factory() {
        return Member::new;
    }

    /** Lines for all members but their sender. */
    private record Delivery(Member sender, ByteBuffer lines, Iterator<Member> left) {}

    private final class Member implements Handler {
        private final Connection connection;
        private final Framed input;
        private String name;
        /** Its name, as it stands before its lines. */
        private byte[] prefix;

        /** Lines and notices of this callback that go to the others; null without any. */
        private ByteBuffer batch;
        /** Those on their way, the oldest first. */
        private final Queue<Delivery> deliveries = new ArrayDeque<>(1);
        /** Memory of those that it has sent itself. */
        private long waiting;
        /** What the server was told of it. */
        private long told;
        /** Bytes that this callback may still write. */
        private long allowance;
        /** Members that the last callback wrote to, if deliveries are left. */
        private List<Member> reached = List.of();
        private int patience;
        /** Keeps the connection from ending while deliveries wait for the next turn; else null. */
        private Hold hold;

        Member(Connection connection) {
            this.connection = connection;
            this.input = new Framed(connection, new Lines(maxLine), new FrameHandler() {
                @Override
                public void onFrame(Connection self, ByteBuffer line) {
                    Member.this.onLine(line);
                }

                @Override
                public void onReject(Connection self, ProtocolException cause) {
                    tell("a line has at most " + maxLine + " bytes");
                    leave();
                }
            }, frameTimeout);
        }

        @Override
        public void onOpen(Connection self) {
            do {
                take("guest-" + guests.incrementAndGet());
                tell("you are " + name + ": /name NAME, /who, /quit"); // before members on other threads can write to it
            } while (!names.add(name)); // or again, with another
            members.add(this);
            announce(name + " joined");
            deliver(BURST);
        }

        @Override
        public void onRead(Connection self, ByteBuffer in) throws Exception {
            allowance = BURST;
            input.onRead(self, in);
            deliver(allowance);
        }

        private void onLine(ByteBuffer line) {
            if (line.hasRemaining() && line.get(line.position()) == '/') {
                obey(StandardCharsets.UTF_8.decode(line).toString().strip().split(" +", 2));
            } else {
                add(prefix, Printable.line(line));
            }
            if (batch != null && batch.position() >= BATCH) {
                deliver(allowance);
            }
        }

        private void obey(String[] words) {
            switch (words[0]) {
                case "/name" -> rename(words.length > 1 ? words[1] : "");
                case "/who" -> tell(who());
                case "/quit" -> leave();
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
                take(wanted);
                tell("you are " + wanted);
            }
        }

        private void take(String newName) {
            name = newName;
            prefix = (newName + ": ").getBytes(StandardCharsets.UTF_8);
        }

        private String who() {
            int here = members.size();
            return here + " here: " + String.join(" ", names.stream().limit(SHOWN).toList()) + (here > SHOWN ? " and others" : "");
        }

        private void tell(String notice) {
            connection.write(ByteBuffer.wrap(("* " + notice + "\n").getBytes(StandardCharsets.UTF_8)));
        }

        /** Closes the connection, once the others have what it said. */
        private void leave() {
            deliver(allowance);
            connection.close();
        }

        private void announce(String notice) {
            if (members.size() <= CROWD) {
                add(new byte[] {'*', ' '}, StandardCharsets.UTF_8.encode(notice));
            }
        }

        /** On the heap: direct memory for each line would have to be collected. */
        private void add(byte[] before, ByteBuffer text) {
            int length = before.length + text.remaining() + 1;
            if (batch == null) {
                batch = ByteBuffer.allocate(length);
            } else if (batch.remaining() < length) {
                int needed = batch.position() + length;
                batch = ByteBuffer.allocate(Math.max(needed, Math.min(2 * needed, BATCH))).put(batch.flip());
            }
            batch.put(before).put(text).put((byte) '\n');
        }

        // ---- to the others ------------------------------------------------------------------------------------------------

        /** Writes to the others what the allowance permits; where it is used up, goes on in the next turn, and is not read until then. */
        private void deliver(long bytes) {
            allowance = write(bytes);
            if (allowance > 0 && hold != null) {
                hold.close();
                hold = null;
                connection.resumeReading();
            } else if (allowance <= 0 && hold == null && connection.isOpen()) {
                hold = connection.hold();
                connection.pauseReading();
                connection.schedule(Duration.ZERO, this::goOn);
            }
        }

        private void goOn() {
            if (patience > 0 && mostAreBehind()) {
                patience--;
                connection.schedule(Duration.ofMillis(1), this::goOn);
                return;
            }
            deliver(BURST);
            if (hold != null) {
                connection.schedule(Duration.ZERO, this::goOn);
            }
        }

        /**
         * Whether other loops and threads have still to send most of what the last callback gave them. Without this, their queues would grow
         * by what a sender reads, not by what they can send. A few members that do not read keep nobody waiting.
         */
        private boolean mostAreBehind() {
            return 2 * reached.stream().filter(member -> member.connection.pending() > 0).count() > reached.size();
        }

        /** Returns what is left of the allowance; more than nothing if all deliveries are done, and no member's queue is long. */
        private long write(long bytes) {
            long left = bytes;
            boolean isLong = false;
            List<Member> written = new ArrayList<>();
            if (batch != null) {
                left -= batch.position();
                waiting += batch.capacity();
                deliveries.add(new Delivery(this, batch.flip(), members.iterator()));
                batch = null;
            }
            for (Delivery next; left > 0 && (next = deliveries.peek()) != null; ) {
                while (left > 0 && next.left.hasNext()) {
                    Member member = next.left.next();
                    if (member != next.sender) {
                        isLong |= !member.connection.write(next.lines.rewind());
                        written.add(member);
                        left -= WRITE_COST + next.lines.limit();
                    }
                }
                if (!next.left.hasNext()) {
                    forget(deliveries.remove());
                }
            }
            if (waiting != told) {
                told = waiting;
                connection.holdMemory(told);
            }
            if (deliveries.isEmpty()) {
                reached = List.of();
            } else if (!written.isEmpty()) {
                reached = written;
                patience = PATIENCE;
            }
            return isLong ? Math.min(left, 0) : left;
        }

        @Override
        public void onEof(Connection self) throws Exception {
            input.onEof(self);
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            if (members.remove(this)) {
                names.remove(name);
                announce(name + " left");
            }
            adopt(); // it may have been woken for them
            write(BURST);
            deliveries.removeIf(each -> !orphan(each));
            if (!deliveries.isEmpty()) {
                orphans.add(deliveries);
                for (Member other : members) {
                    if (other.connection.execute(other::goOnWithOrphans)) {
                        return;
                    }
                }
                if (orphans.remove(deliveries)) { // the others have all gone
                    deliveries.forEach(each -> orphaned.addAndGet(-each.lines.limit()));
                }
            }
        }

        /** Leaves a delivery to another member; false if members that have gone have left too much already. */
        private boolean orphan(Delivery each) {
            int length = each.lines.limit();
            if (each.sender != this || orphaned.addAndGet(length) <= ORPHANED) {
                return true;
            }
            orphaned.addAndGet(-length);
            log.warn(System.nanoTime(), "lines of a member that was cut off do not reach all: such members have left " + ORPHANED + " bytes", null);
            return false;
        }

        private void forget(Delivery done) {
            if (done.sender == this) {
                waiting -= done.lines.capacity();
            } else {
                orphaned.addAndGet(-done.lines.limit());
            }
        }

        private void goOnWithOrphans() {
            adopt();
            if (hold == null) {
                deliver(BURST);
            }
        }

        private void adopt() {
            for (Queue<Delivery> each; (each = orphans.poll()) != null; ) {
                deliveries.addAll(each);
            }
        }
    }
}
