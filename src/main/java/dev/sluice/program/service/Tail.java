package dev.sluice.program.service;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The end of a {@link Journal}'s file: bytes before it are on disk, a failed write behind it is cut off. Belongs to the writer. */
final class Tail implements Closeable {

    private final Disk disk;
    private long forced;
    private boolean whole = true;

    Tail(Disk disk, long length) {
        this.disk = disk;
        this.forced = length;
    }

    /** Returns null once all of it is on disk, or the reason why none of it is. That may be an Error: the authors have to hear of it. */
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
     * Cuts off bytes that were not forced. They may be in the file, or a part of them, and no author was told so: they must go, now or
     * before the next batch. The cut itself is forced, or a crash of the machine could bring them back.
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
