package dev.sluice.service;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of lines that one process appends to. */
final class LineFile implements Disk {

    private static final int BLOCK = 64 << 10;

    private final FileChannel channel;

    /**
     * Opens a file, or makes it, and cuts an unfinished last line: the process that wrote it died before anybody was told of it.
     *
     * @throws IOException if it cannot be used, or another process does
     */
    LineFile(Path path) throws IOException {
        channel = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            if (!lock()) {
                throw new IOException(path + " is in use by another process");
            }
            truncate(endOfLastLine());
            force();
            forceName(path);
        } catch (Throwable t) {
            channel.close();
            throw t;
        }
    }

    /** Of a new file, or it might be lost with its lines. Where a directory cannot be opened, as on Windows, its system sees to that. */
    private static void forceName(Path path) {
        try (FileChannel directory = FileChannel.open(path.toAbsolutePath().getParent())) {
            directory.force(true);
        } catch (IOException e) {
            // nothing that we could do
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

    @Override
    public void write(ByteBuffer bytes, long offset) throws IOException {
        for (long at = offset; bytes.hasRemaining(); ) {
            at += channel.write(bytes, at);
        }
    }

    @Override
    public void force() throws IOException {
        channel.force(false); // the length counts as content
    }

    @Override
    public void truncate(long offset) throws IOException {
        channel.truncate(offset);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
