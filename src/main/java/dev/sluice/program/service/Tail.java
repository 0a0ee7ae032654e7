package dev.sluice.program.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The end of a {@link Journal}'s file: what is before it is on disk, what fails behind it is cut off. Belongs to the writer. */
final class Tail implements Closeable {

    private final Disk disk;
    private long forced;
    private boolean whole = true;

    Tail(Disk disk, long length) {
        this.disk = disk;
        this.forced = length;
    }

    /** Null once all of it is on disk; or why none of it is, an Error too: whoever waits has to hear of it. */
    Throwable append(ByteBuffer bytes) {
        try {
            cutBackIfNeeded();
            forced = disk.end(forced);
            whole = false;
            long end = forced + bytes.remaining();
            disk.write(bytes, forced);
            disk.force();
            whole = true;
            forced = end;
            return null;
        } catch (Throwable t) {
            try {
                cutBackIfNeeded();
            } catch (Throwable again) {
                if (again != t) { // as errors that the JVM keeps in store can be
                    t.addSuppressed(again);
                }
            }
            return t;
        }
    }

    /**
     * What was not forced may be there, or a part of it: nobody was told of it, and so it must go, now or before the next batch. It has
     * not gone before that is on disk, too: after a crash of the machine it could be back.
     */
    private void cutBackIfNeeded() throws IOException {
        if (!whole) {
            disk.truncate(forced);
            disk.force();
            whole = true;
        }
    }

    @Override
    public void close() throws IOException {
        try (disk) {
            cutBackIfNeeded();
        }
    }
}
