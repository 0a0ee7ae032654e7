package dev.sluice.program.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A file that grows at its end, as far as a {@link Journal} needs one: tests stand in for it. */
interface Disk extends Closeable {

    /**
     * Where it ends, behind a whole line: as expected, unless somebody else has written to it or cut it, whose work stays.
     *
     * @throws IOException if its last line is unfinished
     */
    long end(long expected) throws IOException;

    /** Writes all remaining bytes from an offset on. */
    void write(ByteBuffer bytes, long offset) throws IOException;

    /** Returns when what was written is on the disk itself. */
    void force() throws IOException;

    /** Drops what is behind an offset. */
    void truncate(long offset) throws IOException;
}
