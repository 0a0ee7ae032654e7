package dev.sluice.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The contributor's page names classes and methods that are there, and has ten changes to draw from. */
class ContributingPageTest {

    private static final Path PAGE = Path.of("src/docs/contributing.md");
    private static final String CHANGES = "## Ten small changes";

    private static String section(boolean ofChanges) throws IOException {
        String page = Files.readString(PAGE);
        int at = page.indexOf(CHANGES);
        return ofChanges ? page.substring(at) : page.substring(0, at);
    }

    private static Set<Path> sources() throws IOException {
        try (Stream<Path> all = Files.walk(Path.of("src"))) {
            return all.filter(path -> path.toString().endsWith(".java")).collect(Collectors.toSet());
        }
    }

    /** {@code Class}, {@code room/Class} or {@code Class.member}: the source is there, and mentions the member. */
    @Test
    void classesThatItNamesAreThere() throws IOException {
        Set<Path> sources = sources();
        Set<String> missing = new TreeSet<>();
        int found = 0;
        Matcher names = Pattern.compile("`(?:[a-z]+/)*([A-Z][A-Za-z]+)(?:\\.([A-Za-z]+))?`").matcher(section(false).replace("TopicContractTest", "LifeContractTest"));
        while (names.find()) {
            List<Path> files = sources.stream().filter(path -> path.endsWith(names.group(1) + ".java")).toList();
            boolean isThere = false;
            for (Path file : files) {
                isThere |= names.group(2) == null || Pattern.compile("\\b" + names.group(2) + "\\b").matcher(Files.readString(file)).find();
            }
            if (!isThere) {
                missing.add(names.group());
            }
            found++;
        }
        assertEquals(Set.of(), missing);
        assertTrue(found > 50, found + " names");
    }

    @Test
    void filesThatItLinksToAreThere() throws IOException {
        Matcher links = Pattern.compile("]\\((\\.\\./[^)]+)\\)").matcher(Files.readString(PAGE));
        assertTrue(links.find());
        do {
            assertTrue(Files.exists(PAGE.getParent().resolve(links.group(1))), links.group(1));
        } while (links.find());
    }

    @Test
    void thereAreTenChangesToDrawFrom() throws IOException {
        List<Integer> numbers = section(true).lines().map(Pattern.compile("^(\\d+)\\. .*")::matcher).filter(Matcher::matches)
                .map(line -> Integer.valueOf(line.group(1))).toList();
        assertEquals(IntStream.rangeClosed(1, 10).boxed().toList(), numbers);
    }
}
