package dev.sluice.program.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A note beside a file of lines that says which bytes a process is writing. It exists for as long as that process appends to the file. If
 * there is a note at the start, a process has died, and the note tells its unfinished line from one of another program.
 *
 * <p>The note is changed before and after each batch, but forced to disk only once, at the start: a force for each batch would double the
 * cost of a line. So it is exact after the death of a process. After a crash of the machine, which another boot id shows, it may be
 * batches behind; then all bytes behind its first offset count as that process's own.
 */
final class Claim implements Closeable {

    private static final String SUFFIX = ".recording";

    /** Numbers have sixteen hexadecimal digits, so that a change is one write in place. */
    private static final String NUMBER = "([0-9a-f]{16})";
    private static final Pattern READ = Pattern.compile(
            "sluice record: inode " + NUMBER + ", from byte " + NUMBER + ", boot (\\S+), writing from " + NUMBER + " to " + NUMBER + "\n");
    private static final int LONGEST = 400;

    private final Path note;
    private final long inode;
    private final String thisBoot = boot();
    private FileChannel out;
    private int batchAt;

    /** The content of the note. Without one, the first offset is larger than any of a file. */
    private String boot = thisBoot;
    private long from = Long.MAX_VALUE;
    private long batchFrom = Long.MAX_VALUE;
    private long batchTo;

    /**
     * Reads the note, if there is one, and it is about this file: another that has taken its place has another inode.
     *
     * @param file exists, and is locked; not a link, or it would have as many notes as names
     * @throws IOException if the note cannot be read, or is something else, which must not be written over
     */
    Claim(Path file) throws IOException {
        note = file.resolveSibling(file.getFileName() + SUFFIX);
        inode = inode(file);
        Matcher left = read();
        if (left != null && number(left, 1) == inode) {
            from = number(left, 2);
            boot = left.group(3);
            batchFrom = number(left, 4);
            batchTo = number(left, 5);
        }
    }

    private static long inode(Path file) throws IOException {
        try {
            return ((Number) Files.getAttribute(file, "unix:ino")).longValue();
        } catch (UnsupportedOperationException | IllegalArgumentException e) {
            return 0; // not Unix
        }
    }

    private static String boot() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
        } catch (IOException e) {
            return "unknown"; // not Linux
        }
    }

    private Matcher read() throws IOException {
        if (!Files.exists(note, LinkOption.NOFOLLOW_LINKS)) {
            return null;
        }
        boolean mayBeOurs = Files.isRegularFile(note, LinkOption.NOFOLLOW_LINKS) && Files.size(note) <= LONGEST;
        String text = mayBeOurs ? Files.readString(note, StandardCharsets.ISO_8859_1) : "another's";
        Matcher matcher = READ.matcher(text);
        if (matcher.matches()) {
            return matcher;
        }
        if (text.isEmpty()) {
            return null; // its process died before it wrote anything, here or to the file
        }
        throw new IOException(note + " is in the way: record keeps a note of that name, and did not write this one");
    }

    private static long number(Matcher matcher, int group) {
        return Long.parseUnsignedLong(matcher.group(group), 16);
    }

    /** True if an unfinished last line, in a file of some length, was begun under this claim. A whole batch ends with a whole line. */
    boolean covers(long line, long length) {
        return boot.equals(thisBoot) ? line >= batchFrom && length < batchTo : line >= from;
    }

    /** The file behind an offset is this process's own from now on; returns once the note is on disk. */
    void begin(long offset) throws IOException {
        if (out == null) {
            Files.deleteIfExists(note);
            out = FileChannel.open(note, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        }
        boot = thisBoot;
        from = offset;
        String beginning = "sluice record: inode " + digits(inode) + ", from byte " + digits(from) + ", boot " + boot + ", writing from ";
        write(beginning, 0);
        batchAt = beginning.length();
        writing(offset, offset);
        out.force(true);
    }

    /** A batch of whole lines is about to be written. */
    void writing(long start, long end) throws IOException {
        batchFrom = start;
        batchTo = end;
        if (out != null) {
            write(digits(start) + " to " + digits(end) + "\n", batchAt);
        }
    }

    /** The batch has been written, or cut off: an unfinished line from now on is one of another program. */
    void written() throws IOException {
        writing(batchTo, batchTo);
    }

    private static String digits(long number) {
        return HexFormat.of().toHexDigits(number);
    }

    private void write(String text, long offset) throws IOException {
        ByteBuffer bytes = StandardCharsets.ISO_8859_1.encode(text);
        for (long at = offset; bytes.hasRemaining(); ) {
            at += out.write(bytes, at);
        }
    }

    /** All that was written is whole. A note about another file, which has taken the name of this one meanwhile, stays. */
    void end() throws IOException {
        Matcher there = read();
        if (there != null && number(there, 1) == inode) {
            Files.delete(note);
        }
    }

    @Override
    public void close() throws IOException {
        if (out != null) {
            out.close();
        }
    }
}
