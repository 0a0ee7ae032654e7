package dev.sluice.program.cli;

import dev.sluice.program.client.Failure;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** The destination of a report: a file, or standard output for {@code -}. Checks that it can be written before the work starts. */
final class Output {

    private final Path path;

    private Output(Path path) {
        this.path = path;
    }

    static Output to(String name) throws Failure {
        if (name.equals("-")) {
            return new Output(null);
        }
        try {
            Path path = Path.of(name);
            Path directory = path.toAbsolutePath().getParent();
            if (Files.isDirectory(path) || !Files.isDirectory(directory) || !Files.isWritable(Files.exists(path) ? path : directory)) {
                throw new Failure("cannot write " + name);
            }
            return new Output(path);
        } catch (InvalidPathException e) {
            throw new Failure("'" + name + "' is not a path: " + e.getReason(), e);
        }
    }

    boolean isStandardOutput() {
        return path == null;
    }

    boolean isSame(Output other) {
        return path == null || other.path == null ? path == other.path : FilePath.isSame(path, other.path);
    }

    void write(String text) throws Failure {
        try {
            if (path == null) {
                PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
                out.print(text);
                out.flush();
            } else {
                Files.writeString(path, text);
            }
        } catch (IOException e) {
            throw new Failure("cannot write " + path + ": " + Failure.reason(e), e);
        }
    }
}
