package dev.sluice.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Tells a script which port was taken: the file appears whole or not at all. */
final class PortFile {

    private PortFile() {}

    static void write(Path file, int port) throws Failure {
        Path target = file.toAbsolutePath();
        Path draft = target.resolveSibling(target.getFileName() + "." + ProcessHandle.current().pid() + ".tmp");
        try {
            Files.writeString(draft, port + "\n");
            Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            draft.toFile().delete();
            throw new Failure("cannot write --port-file " + file + ": " + e.getClass().getSimpleName(), e);
        }
    }
}
