package dev.sluice.program.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A Java that servers can run on.
 *
 * @param java    its launcher
 * @param version its version, as it calls itself
 * @param feature its feature release, such as 25
 */
public record JavaHome(String java, String version, int feature) {

    /**
     * The Java that runs this.
     *
     * @return its launcher and version
     */
    public static JavaHome here() {
        return new JavaHome(launcher(Path.of(System.getProperty("java.home"))).toString(), Runtime.version().toString(), Runtime.version().feature());
    }

    /**
     * The newest Java whose home stands beside this one's.
     *
     * @return this one, if there is no newer
     */
    public static JavaHome newestBeside() {
        JavaHome newest = here();
        try (Stream<Path> homes = Files.list(Path.of(System.getProperty("java.home")).getParent())) {
            for (Path home : (Iterable<Path>) homes::iterator) {
                Optional<JavaHome> other = at(launcher(home));
                if (other.isPresent() && other.get().feature() > newest.feature()) {
                    newest = other.get();
                }
            }
        } catch (IOException | NullPointerException e) {
            // this one stands alone
        }
        return newest;
    }

    /**
     * The Java of a launcher.
     *
     * @param java a path such as {@code /opt/jdk/bin/java}
     * @return empty unless it stands in the home of a Java
     */
    public static Optional<JavaHome> at(Path java) {
        try {
            Path home = java.toRealPath().getParent().getParent();
            if (!Files.isExecutable(java)) {
                return Optional.empty();
            }
            return release(home, "JAVA_RUNTIME_VERSION")
                    .or(() -> release(home, "JAVA_VERSION"))
                    .map(version -> new JavaHome(java.toString(), version, Runtime.Version.parse(version).feature()));
        } catch (IOException | IllegalArgumentException | NullPointerException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> release(Path home, String name) {
        try (Stream<String> lines = Files.lines(home.resolve("release"))) {
            return lines.filter(line -> line.startsWith(name + "=")).map(line -> line.substring(name.length() + 1).replace("\"", "")).findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Path launcher(Path home) {
        return home.resolve("bin").resolve("java");
    }
}
