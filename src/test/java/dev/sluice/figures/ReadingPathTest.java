package dev.sluice.figures;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whoever follows one connection from accept to close reads ten files, in an evening, and none of an engine is long. */
class ReadingPathTest {

    private static final Path SOURCES = Path.of("src/main/java/dev/sluice");

    private static final List<String> PATH = List.of(
            "Handler", "Connection", "Acceptor", "ReactorConnection", "ReactorInput", "ReactorCallbacks", "ReactorOutput",
            "Reactor", "internal/OutboundQueue", "internal/Wire");

    /** Of the reactor's engine; the loop itself serves every engine. */
    private static final List<String> ENGINE = List.of(
            "Acceptor", "ConnectionGroup", "ReactorConnection", "ReactorInput", "ReactorCallbacks", "ReactorOutput", "ReactorServer");

    @Test
    void noClassOfAnEngineHasMoreThan330Lines() throws IOException {
        List<Path> classes = new ArrayList<>(ENGINE.stream().map(name -> SOURCES.resolve(name + ".java")).toList());
        try (Stream<Path> threads = Files.list(SOURCES.resolve("threads"))) {
            threads.forEach(classes::add);
        }
        assertTrue(classes.size() > 20);
        for (Path file : classes) {
            long lines = Files.readString(file).lines().count();
            assertTrue(lines <= 330, file + " has " + lines + " lines");
        }
    }

    @Test
    void tenFilesHoldAtMostElevenHundredLinesOfCode() throws IOException {
        long sum = 0;
        for (String file : PATH) {
            String source = Files.readString(SOURCES.resolve(file + ".java"));
            String code = source.replaceAll("(?s)/\\*.*?\\*/", "").replaceAll("//[^\n]*", "");
            long lines = code.lines().filter(line -> !line.isBlank()).count();
            System.out.println("ReadingPathTest " + file + " " + lines);
            sum += lines;
        }
        System.out.println("ReadingPathTest sum " + sum);
        assertTrue(sum <= 1_100, sum + " lines");
    }
}
