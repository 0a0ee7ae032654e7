package dev.sluice.figures;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whoever follows one connection from accept to close reads seven files, in an evening. */
class ReadingPathTest {

    private static final List<String> PATH = List.of(
            "Handler", "Connection", "ReactorConnection", "Reactor", "Acceptor", "internal/OutboundQueue", "internal/Wire");

    @Test
    void sevenFilesHoldAtMostElevenHundredLinesOfCode() throws IOException {
        long sum = 0;
        for (String file : PATH) {
            String source = Files.readString(Path.of("src/main/java/dev/sluice", file + ".java"));
            String code = source.replaceAll("(?s)/\\*.*?\\*/", "").replaceAll("//[^\n]*", "");
            long lines = code.lines().filter(line -> !line.isBlank()).count();
            System.out.println("ReadingPathTest " + file + " " + lines);
            sum += lines;
        }
        System.out.println("ReadingPathTest sum " + sum);
        assertTrue(sum <= 1_100, sum + " lines");
    }
}
