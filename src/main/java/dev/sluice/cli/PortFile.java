package dev.sluice.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Tells a script which port was taken: the file appears whole or not at all. It takes the place of an earlier one, or of an empty file,
 * and of nothing else: what is neither was named by mistake.
 */
final class PortFile {

    private static final int LONGEST = 7;

    private PortFile() {}

    static void write(Path file, int port) throws Failure {
        Path target = file.toAbsolutePath();
        Path draft = target.resolveSibling(target.getFileName() + "." + ProcessHandle.current().pid() + ".tmp");
        try {
            if (Files.exists(target) && !isPortFile(target)) {
                throw new Failure("cannot write --port-file " + file + ": it is there already, and no port file");
            }
            Files.writeString(draft, port + "\n");
            Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            draft.toFile().delete();
            throw new Failure("cannot write --port-file " + file + ": " + e.getClass().getSimpleName(), e);
        }
    }

    private static boolean isPortFile(Path file) throws IOException {
        return Files.isRegularFile(file)
                && Files.size(file) <= LONGEST
                && Files.readString(file, StandardCharsets.ISO_8859_1).matches("\\d*\\R?");
    }
}
