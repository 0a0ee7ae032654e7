package dev.sluice.program.cli;

import dev.sluice.internal.Patience;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;

/** Ends the process where it cannot end as it should: with one line that was made beforehand, and status 1. Needs no memory for that. */
final class LastResort {

    /** How often the end of a server is looked for. */
    private static final long LOOK_MS = 50;

    private static final Runnable HALT = () -> Main.halt(Status.FAILED);
    private static final FileOutputStream STDERR = new FileOutputStream(FileDescriptor.err);
    private static final byte[] NO_MEMORY = line("out of memory");
    private static final byte[] NO_END = line("the server did not end in time");

    private LastResort() {}

    private static byte[] line(String text) {
        return ("sluice: " + text + System.lineSeparator()).getBytes(StandardCharsets.US_ASCII);
    }

    /** To be called while there is memory: goes through all of it but the end, so that each class is found where it is asked for. */
    static void rehearse() {
        Runtime.getRuntime();
        LockSupport.parkNanos(0);
        Patience.rehearse();
        unlessEnded(CompletableFuture.completedFuture(null), Duration.ZERO);
        try {
            STDERR.write(NO_MEMORY, 0, 0);
            Class.forName("java.lang.Shutdown"); // what halts the JVM
        } catch (IOException | ClassNotFoundException e) {
            // standard error is closed, or another JDK
        }
    }

    static void outOfMemory() {
        end(NO_MEMORY);
    }

    /** Waits for the end of a server, and ends the process if it does not come within a time. */
    static void unlessEnded(Future<?> server, Duration within) {
        for (long leftMs = within.toMillis(); !server.isDone(); leftMs -= LOOK_MS) {
            if (leftMs <= 0) {
                end(NO_END);
            }
            LockSupport.parkNanos(LOOK_MS * 1_000_000);
        }
    }

    private static void end(byte[] line) {
        try {
            STDERR.write(line);
        } catch (IOException | OutOfMemoryError e) {
            // standard error is closed
        }
        Patience.untilDone(HALT);
    }
}
