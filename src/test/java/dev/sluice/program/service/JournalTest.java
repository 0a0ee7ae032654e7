package dev.sluice.program.service;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.harness.ExpectsLog;
import dev.sluice.harness.MayLog;
import dev.sluice.program.service.Served.Client;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Nothing is told to be saved before the force that covers it; what fails is cut back and told. */
@Timeout(60)
class JournalTest {

    /** A disk in memory, which writes down what it is asked for and fails when it is told to. */
    private static final class ScriptedDisk implements Disk {
        final List<String> events = Collections.synchronizedList(new ArrayList<>());
        final Semaphore forces = new Semaphore(0);
        private byte[] content = new byte[0];
        private int forced;
        volatile boolean full;
        volatile boolean stuck;
        volatile boolean failing;
        volatile Error error;

        @Override
        public synchronized long end(long expected) {
            assertEquals(content.length, expected, "nobody else writes");
            return expected;
        }

        @Override
        public synchronized void write(ByteBuffer bytes, long offset) throws IOException {
            if (error != null) {
                throw error;
            }
            if (full) {
                grow(bytes, (int) offset, bytes.remaining() / 2); // as much as there is room for
                throw new IOException("No space left on device");
            }
            grow(bytes, (int) offset, bytes.remaining());
            events.add("write");
        }

        private void grow(ByteBuffer bytes, int offset, int length) {
            assertEquals(content.length, offset, "no gap, and nothing written over");
            content = Arrays.copyOf(content, offset + length);
            bytes.get(content, offset, length);
        }

        @Override
        public void force() throws IOException {
            forces.acquireUninterruptibly();
            if (failing) {
                throw new IOException("Input/output error");
            }
            synchronized (this) {
                forced = content.length;
            }
            events.add("force");
        }

        @Override
        public synchronized void truncate(long offset) throws IOException {
            if (stuck) {
                throw new IOException("read-only");
            }
            if (error != null) {
                throw error;
            }
            assertTrue(offset >= forced);
            content = Arrays.copyOf(content, (int) offset);
            events.add("truncate");
        }

        @Override
        public void close() {
            events.add("close");
        }

        synchronized String text() {
            return new String(content, StandardCharsets.UTF_8);
        }

        synchronized int forced() {
            return forced;
        }
    }

    private static ByteBuffer line(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    private static class Writer implements Journal.Author {
        final ScriptedDisk disk;
        final List<String> told = Collections.synchronizedList(new ArrayList<>());
        int saved;

        Writer(ScriptedDisk disk) {
            this.disk = disk;
        }

        @Override
        public void saved(int lines) {
            saved += lines;
            disk.events.add("saved " + lines);
            told.add("saved " + lines);
        }

        @Override
        public void lost(int lines, Throwable why) {
            disk.events.add("lost " + lines);
            told.add("lost " + lines + " " + why.getMessage());
        }
    }

    private final ScriptedDisk disk = new ScriptedDisk();
    private final Writer writer = new Writer(disk);

    @Test
    void authorsAreToldAfterTheForceThatCoversTheirLines() throws Exception {
        Journal journal = new Journal(disk, 0, 1_000);
        journal.append(writer, line("one"));
        Served.await(() -> disk.text().equals("one\n"), "the first is written");
        journal.append(writer, line("two"));
        journal.append(writer, line("three"));
        assertEquals(List.of(), writer.told, "nothing is forced yet");
        disk.forces.release();
        Served.await(() -> disk.text().equals("one\ntwo\nthree\n"), "the others are written together");
        assertEquals(List.of("saved 1"), writer.told);
        disk.forces.release();
        journal.close();
        assertEquals(List.of("write", "force", "saved 1", "write", "force", "saved 2", "close"), disk.events);
    }

    @Test
    void fullDiskIsCutBackToldAndLeftAsSoonAsThereIsRoom() throws Exception {
        disk.forces.release(100);
        Journal journal = new Journal(disk, 0, 1_000);
        journal.append(writer, line("kept"));
        Served.await(() -> writer.told.size() == 1, "the first");
        disk.full = true;
        journal.append(writer, line("a line for which there is no room"));
        Served.await(() -> writer.told.size() == 2, "the second");
        assertEquals("lost 1 No space left on device", writer.told.get(1));
        assertEquals("kept\n", disk.text());
        disk.full = false;
        journal.append(writer, line("room again"));
        journal.close();
        assertEquals("kept\nroom again\n", disk.text());
        assertEquals("saved 1", writer.told.get(2));
    }

    @Test
    void bytesThatCouldNotBeCutBackAreCutBeforeTheNextBatch() throws Exception {
        disk.forces.release(100);
        Journal journal = new Journal(disk, 0, 1_000);
        disk.full = true;
        disk.stuck = true;
        journal.append(writer, line("half of this"));
        Served.await(() -> writer.told.size() == 1, "the first");
        assertEquals("half o", disk.text());
        journal.append(writer, line("and of this"));
        Served.await(() -> writer.told.size() == 2, "the second");
        assertEquals("lost 1 read-only", writer.told.get(1));
        disk.full = false;
        disk.stuck = false;
        journal.append(writer, line("whole"));
        journal.close();
        assertEquals("whole\n", disk.text());
    }

    @Test
    void bytesThatCouldNotBeCutBackAreCutAtTheEnd() throws Exception {
        disk.forces.release(100);
        Journal journal = new Journal(disk, 0, 1_000);
        disk.full = true;
        disk.stuck = true;
        journal.append(writer, line("half of this"));
        Served.await(() -> writer.told.size() == 1, "the loss");
        disk.stuck = false;
        journal.close();
        assertEquals("", disk.text());
    }

    @Test
    void authorsAreToldOfALossAfterTheForceThatCoversTheCut() throws Exception {
        disk.forces.release(100);
        Journal journal = new Journal(disk, 0, 1_000);
        disk.full = true;
        journal.append(writer, line("a line for which there is no room"));
        journal.close();
        assertEquals(List.of("truncate", "force", "lost 1", "close"), disk.events);
    }

    @Test
    void cutThatIsNotForcedIsMadeAgainBeforeTheNextBatch() throws Exception {
        disk.forces.release(100);
        Journal journal = new Journal(disk, 0, 1_000);
        disk.full = true;
        disk.failing = true;
        journal.append(writer, line("half of this"));
        Served.await(() -> writer.told.size() == 1, "the loss");
        disk.full = false;
        disk.failing = false;
        journal.append(writer, line("whole"));
        journal.close();
        assertEquals(List.of("truncate", "lost 1", "truncate", "force", "write", "force", "saved 1", "close"), disk.events);
    }

    @Test
    void errorLosesItsBatchAndNoOther() throws Exception {
        disk.forces.release(100);
        Journal journal = new Journal(disk, 0, 1_000);
        disk.error = new OutOfMemoryError("on purpose"); // of which the disk's user may meet the same one twice
        journal.append(writer, line("lost"));
        Served.await(() -> writer.told.size() == 1, "the loss");
        assertEquals("lost 1 on purpose", writer.told.get(0));
        disk.error = null;
        journal.append(writer, line("saved"));
        journal.close();
        assertEquals("saved\n", disk.text());
        assertEquals("saved 1", writer.told.get(1));
    }

    @ExpectsLog("an author could not be told")
    @Test
    void authorThatFailsKeepsNoAnswerFromOthers() throws Exception {
        Writer broken = new Writer(disk) {
            @Override
            public void saved(int lines) {
                throw new StackOverflowError("on purpose");
            }
        };
        Journal journal = new Journal(disk, 0, 1_000);
        journal.append(writer, line("keeps the disk busy"));
        Served.await(() -> disk.text().length() > 0, "it is written");
        assertTrue(journal.append(broken, line("saved, and its author fails")));
        assertTrue(journal.append(writer, line("in the same batch")));
        assertFalse(journal.append(writer, line("x".repeat((4 << 20) - 1))));
        journal.whenThereIsRoom(() -> broken.saved(0));
        CountDownLatch room = new CountDownLatch(1);
        journal.whenThereIsRoom(room::countDown);
        disk.forces.release(100);
        room.await();
        Served.await(() -> writer.told.size() == 2, "both answers");
        journal.close();
    }

    @Test
    void nothingIsTakenAfterTheEnd() throws Exception {
        Journal journal = new Journal(disk, 0, 1_000);
        journal.close();
        assertThrows(IllegalStateException.class, () -> journal.append(writer, line("too late")));
    }

    @Test
    void fullJournalRefusesALineAndTellsWhenThereIsRoom() throws Exception {
        Journal journal = new Journal(disk, 0, 1_000);
        byte[] block = new byte[1 << 20];
        assertTrue(journal.append(writer, ByteBuffer.wrap(block)));
        Served.await(() -> disk.text().length() > 0, "the first is being written");
        int taken = 0;
        while (journal.append(writer, ByteBuffer.wrap(block))) {
            taken++;
        }
        assertEquals(3, taken); // and no line feed has room behind the fourth
        assertFalse(journal.append(writer, line("short, and does not overtake")));
        CountDownLatch room = new CountDownLatch(1);
        journal.whenThereIsRoom(room::countDown);
        assertEquals(1, room.getCount());
        disk.forces.release(100);
        room.await();
        assertTrue(journal.append(writer, line("short")));
        journal.close();
        assertEquals(5, writer.saved);
        assertEquals(4 * (block.length + 1) + 6, disk.forced(), "nothing refused is in the file");
    }

    @Test
    void longestLineHasRoom() throws Exception {
        disk.forces.release(100);
        Journal journal = new Journal(disk, 0, 5 << 20);
        assertTrue(journal.append(writer, ByteBuffer.allocate(5 << 20)));
        Served.await(() -> writer.saved == 1, "it is saved");
        assertTrue(journal.append(writer, ByteBuffer.allocate(5 << 20)));
        journal.close();
        assertEquals(2, writer.saved);
        assertThrows(IllegalArgumentException.class, () -> new Batch(10).add(writer, ByteBuffer.allocate(10)));
    }

    // ---- the file itself ------------------------------------------------------------------------------------------------

    private static void assertRefused(String why, Path file) {
        String told = assertThrows(IOException.class, () -> new Recording(file, 1_000, Settings.FRAME_TIMEOUT)).getMessage();
        assertTrue(told.contains(why), told);
    }

    private static Set<String> namesIn(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "ONE\n", "ONE\n\nTWO\n"})
    void wholeLinesStayAsTheyAre(String before, @TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("lines"), before);
        new Recording(file, 1_000, Settings.FRAME_TIMEOUT).close();
        assertEquals(before, Files.readString(file));
        assertEquals(Set.of("lines"), namesIn(directory));
    }

    @ParameterizedTest
    @ValueSource(strings = {"ONE\nTW", "ONE", " "})
    void unfinishedLineOfAnotherIsRefusedAndKept(String before, @TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("lines"), before);
        assertRefused("does not end with a line feed", file);
        assertEquals(before, Files.readString(file));
        assertEquals(Set.of("lines"), namesIn(directory));
    }

    @Test
    void longUnfinishedLineOfAnotherIsKeptToo(@TempDir Path directory) throws Exception {
        byte[] bytes = Arrays.copyOf("FIRST\n".getBytes(StandardCharsets.UTF_8), 200_000);
        Path file = Files.write(directory.resolve("lines"), bytes);
        assertRefused("does not end with a line feed", file);
        assertArrayEquals(bytes, Files.readAllBytes(file));
    }

    /** Dies when it has written a batch, before or after it is on disk. */
    static final class Dying {
        private Dying() {}

        public static void main(String[] args) throws IOException {
            LineFile lines = new LineFile(Path.of(args[0]));
            long start = lines.length();
            lines.write(line("SAVED\n"), start);
            lines.force();
            lines.write(line("ONE\nTWO\n"), start + 6);
            if (args[1].equals("forced")) {
                lines.force();
            }
            Runtime.getRuntime().halt(0);
        }
    }

    private static void die(Path file, String when) throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp", System.getProperty("java.class.path"), Dying.class.getName(), file.toString(), when)
                .inheritIO()
                .start();
        assertEquals(0, process.waitFor());
        assertTrue(Files.readString(file).endsWith("SAVED\nONE\nTWO\n"));
    }

    private static void cutTo(long length, Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(length);
        }
    }

    /** As if the process had died before the last bytes were written. */
    @MayLog("of a line that record had not finished")
    @ParameterizedTest
    @CsvSource(value = {"1,OLD|SAVED|ONE|", "5,OLD|SAVED|", "7,OLD|SAVED|", "8,OLD|SAVED|"})
    void lineThatWasBeingWrittenWhenItsProcessDiedIsCut(int missing, String after, @TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("lines"), "OLD\n");
        die(file, "written");
        cutTo(Files.size(file) - missing, file);
        try (Recording again = new Recording(file, 1_000, Settings.FRAME_TIMEOUT)) {
            assertEquals(after.replace('|', '\n'), Files.readString(file));
        }
        assertEquals(Set.of("lines"), namesIn(directory));
    }

    @Test
    void bytesThatAnotherWroteAfterTheDeathAreKept(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        die(file, "written");
        Files.writeString(file, "a note", StandardOpenOption.APPEND);
        assertRefused("does not end with a line feed", file);
        assertEquals("SAVED\nONE\nTWO\na note", Files.readString(file));
        assertRefused("does not end with a line feed", file);
        Files.writeString(file, " to keep\n", StandardOpenOption.APPEND);
        new Recording(file, 1_000, Settings.FRAME_TIMEOUT).close();
        assertEquals("SAVED\nONE\nTWO\na note to keep\n", Files.readString(file));
    }

    @Test
    void fileWhoseContentIsAnothersByNowIsKept(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        die(file, "forced");
        Files.writeString(file, "SAVED\na note");
        assertRefused("does not end with a line feed", file);
        assertEquals("SAVED\na note", Files.readString(file));
    }

    @Test
    void fileThatHasTakenThePlaceOfOursIsKept(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        die(file, "written");
        Path other = Files.writeString(directory.resolve("other"), "SAVED\nO");
        Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
        assertRefused("does not end with a line feed", file);
        assertEquals("SAVED\nO", Files.readString(file));
    }

    /** As after a loss of power: what the note says of the last batch may be older than the file. */
    @ExpectsLog("of a line that record had not finished")
    @Test
    void afterAnotherBootWhatFollowsTheBeginningIsOurs(@TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("lines"), "OLD\n");
        die(file, "forced");
        Path note = directory.resolve("lines.recording");
        Files.writeString(note, Files.readString(note).replaceFirst("boot \\S+,", "boot before,"));
        byte[] noteBytes = Files.readAllBytes(note);
        Files.writeString(file, "\0\0\0", StandardOpenOption.APPEND);
        new Recording(file, 1_000, Settings.FRAME_TIMEOUT).close();
        assertEquals("OLD\nSAVED\nONE\nTWO\n", Files.readString(file));
        Files.write(note, noteBytes);
        Files.writeString(file, "OL");
        assertRefused("does not end with a line feed", file);
        assertEquals("OL", Files.readString(file));
    }

    @Test
    void noteThatIsSomebodyElsesFileIsRefusedAndKept(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        Path note = Files.writeString(directory.resolve("lines.recording"), "of last night's concert");
        assertRefused("lines.recording is in the way", file);
        assertEquals("of last night's concert", Files.readString(note));
        Files.delete(note);
        Files.createSymbolicLink(note, Path.of("elsewhere"));
        assertRefused("lines.recording is in the way", file);
        assertFalse(Files.exists(directory.resolve("elsewhere")));
    }

    @ExpectsLog("of a line that record had not finished")
    @Test
    void fileIsClaimedOnceHoweverItIsNamed(@TempDir Path directory) throws Exception {
        Path file = Files.createDirectory(directory.resolve("data")).resolve("lines");
        die(file, "written");
        cutTo(Files.size(file) - 1, file);
        Path link = Files.createSymbolicLink(directory.resolve("link"), file);
        new Recording(link, 1_000, Settings.FRAME_TIMEOUT).close();
        assertEquals("SAVED\nONE\n", Files.readString(file));
        assertEquals(Set.of("lines"), namesIn(directory.resolve("data")));
    }

    @Test
    void changesByOthersToTheFileStay(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        try (Served served = new Served(Engine.REACTOR, new Recording(file, 1_000, Settings.FRAME_TIMEOUT))) {
            Client client = served.connect();
            assertEquals("ok 1", client.say("first").hear());
            Files.writeString(file, "another's\n", StandardOpenOption.APPEND);
            assertEquals("ok 2", client.say("second").hear());
            assertEquals("FIRST\nanother's\nSECOND\n", Files.readString(file));
            Files.writeString(file, "not yet", StandardOpenOption.APPEND);
            assertEquals("error 3 another program has left the last line of the file unfinished", client.say("third").hear());
            assertEquals("FIRST\nanother's\nSECOND\nnot yet", Files.readString(file));
            Files.writeString(file, " but now\n", StandardOpenOption.APPEND);
            assertEquals("ok 4", client.say("fourth").hear());
            assertEquals("FIRST\nanother's\nSECOND\nnot yet but now\nFOURTH\n", Files.readString(file));
            cutTo(0, file); // as logrotate does when it is told to copy and truncate
            assertEquals("ok 5", client.say("fifth").hear());
            assertEquals("FIFTH\n", Files.readString(file));
            Files.writeString(file, "the end", StandardOpenOption.APPEND);
        }
        assertEquals("FIFTH\nthe end", Files.readString(file));
        assertRefused("does not end with a line feed", file);
        assertEquals("FIFTH\nthe end", Files.readString(file));
    }

    @Test
    void fileBelongsToOne(@TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        try (LineFile lines = new LineFile(file)) {
            assertTrue(assertThrows(IOException.class, () -> new LineFile(file)).getMessage().endsWith("is in use by another process"));
        }
        new LineFile(file).close();
    }

    // ---- the service ----------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(Engine.class)
    void linesAreSavedInUpperCaseAndAnswered(Engine engine, @TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        try (Served served = new Served(engine, new Recording(file, 1_000, Settings.FRAME_TIMEOUT))) {
            Client client = served.connect();
            client.say("one").say("").say("zwölf\r");
            assertEquals(List.of("ok 1", "ok 2", "ok 3"), client.hear(3));
            assertEquals("ONE\n\nZWöLF\n", Files.readString(file));
            client.say("last").socket.shutdownOutput();
            assertEquals("ok 4", client.hear());
            assertEquals(null, client.hear());
        }
        try (Served served = new Served(engine, new Recording(file, 1_000, Settings.FRAME_TIMEOUT))) {
            Client client = served.connect();
            assertEquals("ok 1", client.say("again").hear());
            assertTrue(Files.readString(file).endsWith("LAST\nAGAIN\n"));
            client.say("x".repeat(2_000));
            assertEquals("error: a line has at most 1000 bytes", client.hear());
            assertEquals(null, client.hear());
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void drainWaitsForWhatIsOwedAndOkFollowsTheForce(Engine engine) throws Exception {
        Recording service = new Recording(new Journal(disk, 0, 1_000), 1_000);
        try (Served served = new Served(engine, service)) {
            Client client = served.connect();
            client.say("a").say("b");
            Served.await(() -> disk.text().startsWith("A\n"), "it is written");
            var drained = served.server.drain(java.time.Duration.ofSeconds(20));
            client.socket.setSoTimeout(200);
            assertThrows(java.net.SocketTimeoutException.class, client::hear, "nothing is forced yet");
            client.socket.setSoTimeout(20_000);
            disk.forces.release(10);
            assertEquals(List.of("ok 1", "ok 2"), client.hear(2));
            assertEquals(null, client.hear());
            client.socket.close();
            assertEquals(0, drained.get().cut());
            assertEquals(4, disk.forced());
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void lineThatIsTooLongIsToldWhenAllBeforeItIsAnswered(Engine engine) throws Exception {
        disk.forces.release(10);
        try (Served served = new Served(engine, new Recording(new Journal(disk, 0, 1_000), 1_000))) {
            Client client = served.connect();
            client.say("a\nb\n" + "x".repeat(2_000)); // in one read
            assertEquals(List.of("ok 1", "ok 2", "error: a line has at most 1000 bytes"), client.hear(3));
            assertEquals(null, client.hear());
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void manyClientsWithManyLinesInFlight(Engine engine, @TempDir Path directory) throws Exception {
        Path file = directory.resolve("lines");
        int lines = 5_000;
        try (Served served = new Served(engine, new Recording(file, 1_000, Settings.FRAME_TIMEOUT))) {
            List<Thread> clients = new ArrayList<>();
            List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
            for (int c = 0; c < 8; c++) {
                String name = "c" + c;
                Client client = served.connect();
                Thread reading = new Thread(() -> {
                    try {
                        for (int i = 1; i <= lines; i++) {
                            assertEquals("ok " + i, client.hear());
                        }
                    } catch (Throwable t) {
                        failures.add(t);
                    }
                });
                Thread writing = new Thread(() -> {
                    try {
                        StringBuilder all = new StringBuilder();
                        for (int i = 1; i <= lines; i++) {
                            all.append(name).append(' ').append(i).append('\n');
                        }
                        client.socket.getOutputStream().write(all.toString().getBytes(StandardCharsets.UTF_8));
                    } catch (Throwable t) {
                        failures.add(t);
                    }
                });
                reading.start();
                writing.start();
                clients.addAll(List.of(reading, writing));
            }
            for (Thread client : clients) {
                client.join();
            }
            assertEquals(List.of(), failures);
            List<String> saved = Files.readAllLines(file);
            assertEquals(8 * lines, saved.size());
            for (int c = 0; c < 8; c++) {
                String name = "C" + c + " ";
                List<String> own = saved.stream().filter(line -> line.startsWith(name)).toList();
                for (int i = 1; i <= lines; i++) {
                    assertEquals(name + i, own.get(i - 1));
                }
            }
        }
    }
}
