package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.sluice.fault.FailingSelectors;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A loop that cannot go on: the program says so in a line, and ends with status 1 within the drain's deadline. */
@Timeout(60)
class FailingLoopIT {

    private static final int DRAIN_SECONDS = 3;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"reactor", "reactor --sub-reactors 2", "threads", "pool"})
    void programSaysSoAndEnds(String engine) throws Exception {
        Path trigger = directory.resolve("fail");
        String options = "-Xbootclasspath/a:" + classesAlone() + " --add-exports java.base/sun.nio.ch=ALL-UNNAMED"
                + " -Djava.nio.channels.spi.SelectorProvider=" + FailingSelectors.class.getName() + " -Dfailing.file=" + trigger;
        String[] arguments = Stream.concat(Stream.of("echo", "-q", "--drain-timeout", DRAIN_SECONDS + "s", "-e"), Stream.of(engine.split(" "))).toArray(String[]::new);
        try (Served server = new Served(options, arguments); Socket client = server.connect(); Socket idle = server.connect()) {
            client.getOutputStream().write(1);
            assertEquals(1, client.getInputStream().read());
            Files.createFile(trigger);
            try (Socket newcomer = server.connect()) { // wakes each loop
                client.getOutputStream().write(1);
                idle.getOutputStream().write(1);
                assertTrue(server.process.waitFor(DRAIN_SECONDS, TimeUnit.SECONDS), "it ends in time: " + server.stderr());
            }
            assertEquals(1, server.process.exitValue(), server.stderr());
            assertTrue(server.lastLine().startsWith("sluice: the server failed: "), server.stderr());
            List<String> lines = server.stderr().lines().filter(line -> line.startsWith("sluice:")).toList();
            assertEquals(1, lines.size(), server.stderr());
        }
    }

    /** The class path of the tests has more than belongs into another JVM's. */
    private Path classesAlone() throws IOException, URISyntaxException {
        URI classes = FailingSelectors.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        Path from = Path.of(classes).resolve("dev/sluice/fault");
        Path to = Files.createDirectories(directory.resolve("classes/dev/sluice/fault"));
        try (Stream<Path> all = Files.list(from)) {
            for (Path each : all.filter(file -> file.getFileName().toString().startsWith("FailingSelectors")).toList()) {
                Files.copy(each, to.resolve(each.getFileName()));
            }
        }
        return directory.resolve("classes");
    }
}
