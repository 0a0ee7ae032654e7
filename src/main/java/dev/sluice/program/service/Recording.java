package dev.sluice.program.service;

import dev.sluice.CloseReason;
import dev.sluice.Connection;
import dev.sluice.Handler;
import dev.sluice.Hold;
import dev.sluice.codec.Decoder;
import dev.sluice.codec.FrameHandler;
import dev.sluice.codec.Framed;
import dev.sluice.codec.Lines;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A service that appends each line, in upper case, to a file. The answer {@code ok N}, where N counts the lines of this client, says that
 * the line is on disk; {@code error N WHY} says that it is not in the file. A connection with unanswered lines is not closed. It is not read
 * while too many of its lines are unanswered. When the disk is so far behind that the journal refuses a line, that line stays unread, and no
 * client is read until there is room.
 *
 * <p>No acknowledged line is lost, and the former content of the file stays. While a process records, a note lies beside the file, named
 * like it with {@code .recording} behind. If the process dies and leaves a line unfinished, the note says so, and the next start cuts that
 * line, which was never acknowledged. After a crash of the machine, all bytes written since the recording began count as its own. A file
 * with any other unfinished last line is refused, as the line would look whole once lines follow it. Other programs may append lines or
 * empty the file meanwhile, but not at the very moment in which a batch is written.
 */
public final class Recording implements Service {

    /** Lines of a client that may wait for their answer. */
    private static final int MOST_OWED = 1024;

    private final Journal journal;
    private final int maxLine;
    private final Duration frameTimeout;
    private final Set<Client> clients = ConcurrentHashMap.newKeySet();

    /** Whether all clients were paused, and there has been no room since. */
    private final AtomicBoolean allPaused = new AtomicBoolean();

    /**
     * Opens the file, or creates it, and begins a note beside it. Cuts the line that a recording left unfinished when it died.
     *
     * @param file         where lines go
     * @param maxLine      bytes of the longest line
     * @param frameTimeout how long a line may take from its first byte to its end; zero: any time
     * @throws IOException if the file or the note cannot be used, another process does, or the last line is another's and unfinished;
     *     then the file is as it was
     */
    public Recording(Path file, int maxLine, Duration frameTimeout) throws IOException {
        LineFile lines = new LineFile(file);
        try {
            this.journal = new Journal(lines, lines.length(), maxLine);
        } catch (Throwable t) { // an Error too: there may be no thread to be had
            lines.close();
            throw t;
        }
        this.maxLine = maxLine;
        this.frameTimeout = frameTimeout;
    }

    /** For tests, which replace the disk. */
    Recording(Journal journal, int maxLine) {
        this.journal = journal;
        this.maxLine = maxLine;
        this.frameTimeout = Duration.ZERO;
    }

    @Override
    public Handler.Factory factory() {
        return connection -> {
            Client client = new Client(connection);
            return new Framed(connection, client, client, frameTimeout);
        };
    }

    /** Saves the lines that wait, also those of clients that have gone. */
    @Override
    public void close() throws IOException {
        journal.close();
    }

    /** Any thread. Pauses all clients: bytes that they send wait with the kernel, not with us. */
    private void pauseAll() {
        if (allPaused.compareAndSet(false, true)) {
            journal.whenThereIsRoom(() -> allPaused.set(false));
            clients.forEach(client -> client.connection.execute(client::awaitRoom));
        }
    }

    private final class Client implements Decoder, FrameHandler, Journal.Author {
        private final Connection connection;
        private final Lines lines = new Lines(maxLine);
        private Hold hold;
        private int owed;
        private long answered;

        /** Whether the journal refused the line that is unread now. */
        private boolean refused;

        private boolean waitsForRoom;
        private boolean paused;
        private boolean rejected;

        Client(Connection connection) {
            this.connection = connection;
        }

        /** Finds a line, and leaves it unread if the journal refused it. */
        @Override
        public boolean decode(ByteBuffer in, Sink sink) throws Exception {
            int start = in.position();
            boolean found = lines.decode(in, sink);
            if (refused) {
                in.position(start);
            }
            return found;
        }

        @Override
        public void onOpen(Connection self) {
            clients.add(this);
            if (journal.isFull()) {
                awaitRoom();
            }
        }

        @Override
        public void onFrame(Connection self, ByteBuffer line) {
            Upper.change(line);
            refused = !journal.append(this, line);
            owed += refused ? 0 : 1;
            if (hold == null) {
                hold = self.hold(); // a client whose line is unread because of us is not idle, either
            }
            if (refused) {
                awaitRoom();
                pauseAll();
            }
            if (owed >= MOST_OWED) {
                pause();
            }
        }

        private void pause() {
            paused = true;
            connection.pauseReading();
        }

        private void awaitRoom() {
            if (!waitsForRoom) {
                waitsForRoom = true;
                pause();
                journal.whenThereIsRoom(() -> connection.execute(this::goOn));
            }
        }

        private void goOn() {
            waitsForRoom = false;
            refused = false;
            releaseIfDone();
            resumeIfWelcome();
        }

        private void releaseIfDone() {
            if (hold != null && owed == 0 && !refused) {
                tellIfRejected();
                hold.close();
                hold = null;
            }
        }

        private void resumeIfWelcome() {
            if (paused && !waitsForRoom && owed <= MOST_OWED / 2) {
                paused = false;
                connection.resumeReading();
            }
        }

        @Override
        public void saved(int lines) {
            connection.execute(() -> answer(lines, "ok ", ""));
        }

        @Override
        public void lost(int lines, Throwable why) {
            String message = why instanceof IOException ? why.getMessage() : why.toString();
            connection.execute(() -> answer(lines, "error ", " " + message));
        }

        private void answer(int lines, String before, String after) {
            StringBuilder text = new StringBuilder(lines * (before.length() + after.length() + 10));
            for (int i = 0; i < lines; i++) {
                text.append(before).append(++answered).append(after).append('\n');
            }
            connection.write(ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8)));
            owed -= lines;
            releaseIfDone();
            resumeIfWelcome();
        }

        @Override
        public void onReject(Connection self, ProtocolException cause) {
            rejected = true;
            if (hold == null) {
                tellIfRejected();
            }
            self.close(); // once every line before is answered
        }

        @Override
        public void onClose(Connection self, CloseReason reason) {
            clients.remove(this);
        }

        /** Comes last: a client that counts answers must not take this for the answer to a line before. */
        private void tellIfRejected() {
            if (rejected) {
                connection.write(StandardCharsets.UTF_8.encode("error: a line has at most " + maxLine + " bytes\n"));
            }
        }
    }
}
