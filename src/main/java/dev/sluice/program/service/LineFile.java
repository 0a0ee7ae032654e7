package dev.sluice.program.service;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file of lines that one process appends to. Its former content stays. An unfinished last line is cut only if the process that wrote it
 * was a recording that died before any client was told of the line, which a {@link Claim} beside the file says. An unfinished line of
 * another program is left alone, and nothing is written behind it.
 */
final class LineFile implements Disk {

    private static final Logger LOG = LoggerFactory.getLogger(LineFile.class);
    private static final int BLOCK = 64 << 10;

    private final Path path;
    private final FileChannel channel;
    private final Claim claim;

    /**
     * Opens a file, or makes it.
     *
     * @throws IOException if it cannot be used, another process does, or its last line is unfinished and not ours
     */
    LineFile(Path path) throws IOException {
        this.path = path;
        channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            if (!lock()) {
                throw new IOException(path + " is in use by another process");
            }
            claim = new Claim(path.toRealPath());
            cutOwnUnfinishedLine();
            force();
            claim.begin(length());
            forceNames();
        } catch (Throwable t) {
            channel.close();
            throw t;
        }
    }

    private void cutOwnUnfinishedLine() throws IOException {
        long length = length();
        long end = endOfLastLine();
        if (end == length) {
            return;
        }
        if (!claim.covers(end, length)) {
            throw new IOException("the last line of " + path + " does not end with a line feed, and record did not write it:"
                    + " add a line feed, or remove the line");
        }
        truncate(end);
        LOG.warn("{}: cut {} bytes of a line that record had not finished when it died; no client was told that it is saved", path, length - end);
    }

    /** Forces the name of a new file, which might be lost otherwise. Where a directory cannot be opened, as on Windows, the system sees to that. */
    private void forceNames() {
        try (FileChannel directory = FileChannel.open(path.toRealPath().getParent())) {
            directory.force(true);
        } catch (IOException e) {
            // there is no other way to force it
        }
    }

    private boolean lock() throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false; // in this process
        }
    }

    private long endOfLastLine() throws IOException {
        ByteBuffer block = ByteBuffer.allocate(BLOCK);
        for (long end = channel.size(); end > 0; ) {
            long start = Math.max(0, end - BLOCK);
            block.clear().limit((int) (end - start));
            while (block.hasRemaining() && channel.read(block, start + block.position()) > 0) {
                continue;
            }
            for (int i = block.position() - 1; i >= 0; i--) {
                if (block.get(i) == '\n') {
                    return start + i + 1;
                }
            }
            end = start;
        }
        return 0;
    }

    /** Its length, in bytes. */
    long length() throws IOException {
        return channel.size();
    }

    /** Other programs know nothing of our lock, and their changes to the file are what their users wanted. */
    @Override
    public long end(long expected) throws IOException {
        long end = length();
        if (end != expected) {
            if (endOfLastLine() < end) {
                throw new IOException("another program has left the last line of the file unfinished");
            }
            claim.begin(end);
        }
        return end;
    }

    @Override
    public void write(ByteBuffer bytes, long offset) throws IOException {
        claim.writing(offset, offset + bytes.remaining());
        for (long at = offset; bytes.hasRemaining(); ) {
            at += channel.write(bytes, at);
        }
    }

    @Override
    public void force() throws IOException {
        channel.force(false); // the length counts as content
        claim.written();
    }

    @Override
    public void truncate(long offset) throws IOException {
        channel.truncate(offset);
    }

    /** A part of a batch that could not be cut keeps its claim, so that the next start cuts it. */
    @Override
    public void close() throws IOException {
        try (channel; claim) {
            long end = endOfLastLine();
            if (end == length() || !claim.covers(end, length())) {
                claim.end();
                forceNames();
            }
        }
    }
}
