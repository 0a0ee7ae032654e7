package dev.sluice.harness;

import java.nio.file.Files;
import java.nio.file.Path;

/** The directory in which Linux tells of processes. Elsewhere tests pass without what they would read there, and one line says so. */
public final class Proc {

    private static final boolean IS_THERE = Files.exists(Path.of("/proc/self/status"));

    static {
        if (!IS_THERE) {
            System.out.println("no /proc: descriptors, memory and signals of processes are not checked");
        }
    }

    private Proc() {}

    public static boolean isThere() {
        return IS_THERE;
    }
}
