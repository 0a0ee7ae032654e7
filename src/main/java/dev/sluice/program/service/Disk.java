package dev.sluice.program.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A file that grows at its end, as far as a {@link Journal} needs one: tests stand in for it. */
interface Disk extends Closeable {

    /**
     * The end of the file, behind a whole line: as expected, unless another program has written to it or cut it; that program's work stays.
     *
     * @throws IOException if its last line is unfinished
     */
    long end(long expected) throws IOException;

    /** Writes all remaining bytes from an offset on. */
    void write(ByteBuffer bytes, long offset) throws IOException;

    /** Returns when all bytes written are on the disk itself. */
    void force() throws IOException;

    /** Drops the bytes behind an offset. */
    void truncate(long offset) throws IOException;
}
