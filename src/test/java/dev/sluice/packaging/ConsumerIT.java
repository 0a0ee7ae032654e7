package dev.sluice.packaging;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** A project that depends on the library gets the jar, slf4j-api, and nothing else. */
class ConsumerIT {

    private static final Path JAR = Path.of(System.getProperty("sluice.jar", "")).toAbsolutePath();
    private static final String VERSION = System.getProperty("sluice.version");
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin", "java");
    private static final long LARGEST = 350_000; // bytes, with the names of local variables

    /** Echoes once, over a real socket. */
    private static final String CONSUMER =
            """
            package consumer;

            import dev.sluice.Connection;
            import dev.sluice.reactor.ReactorServer;
            import dev.sluice.Server;
            import dev.sluice.ServerOptions;
            import java.net.InetSocketAddress;
            import java.net.Socket;
            import java.time.Duration;

            public class Main {
                public static void main(String[] args) throws Exception {
                    InetSocketAddress any = new InetSocketAddress("127.0.0.1", 0);
                    ServerOptions options = ServerOptions.builder().keepAlive(Duration.ofSeconds(60), Duration.ofSeconds(15), 4).build();
                    try (Server server = ReactorServer.start(any, options, c -> Connection::write);
                            Socket socket = new Socket("127.0.0.1", server.address().getPort())) {
                        socket.getOutputStream().write("hello".getBytes());
                        socket.shutdownOutput();
                        System.out.println("echoed " + new String(socket.getInputStream().readAllBytes()));
                    }
                }
            }
            """;

    @TempDir
    private Path directory;

    @Test
    void aModuleCompilesAndRuns() throws Exception {
        source("module-info.java", "module consumer { requires dev.sluice; }");
        source("consumer/Main.java", CONSUMER);
        String path = JAR + File.pathSeparator + slf4j();
        run(JAVA.resolveSibling("javac"), "-Xlint:all", "-Werror", "-d", "out", "--module-path", path, "module-info.java", "consumer/Main.java");
        String said = run(JAVA, "-p", path + File.pathSeparator + "out", "-m", "consumer/consumer.Main");
        assertTrue(said.contains("echoed hello"), said);
    }

    @Test
    void aClassPathProjectCompilesAndRuns() throws Exception {
        source("consumer/Main.java", CONSUMER);
        String path = JAR + File.pathSeparator + slf4j();
        run(JAVA.resolveSibling("javac"), "-Xlint:all", "-Werror", "-d", "out", "-cp", path, "consumer/Main.java");
        String said = run(JAVA, "-cp", path + File.pathSeparator + "out", "consumer.Main");
        assertTrue(said.contains("echoed hello"), said);
        // a runtime image may lack every module but this, the flight recorder's too
        said = run(JAVA, "--limit-modules", "java.base", "-cp", path + File.pathSeparator + "out", "consumer.Main");
        assertTrue(said.contains("echoed hello"), said);
    }

    @Test
    void theSimulatedNetworkIsAJarOfItsOwn() throws Exception {
        source("module-info.java", "module consumer { requires dev.sluice; requires dev.sluice.simulation; }");
        source("consumer/Main.java", Files.readString(Path.of("src/test/java/dev/sluice/examples/SimulatedEcho.java"))
                .replace("package dev.sluice.examples;", "package consumer;")
                .replace("class SimulatedEcho", "class Main"));
        Path kit = JAR.resolveSibling(JAR.getFileName().toString().replace(".jar", "-simulation.jar"));
        String path = String.join(File.pathSeparator, JAR.toString(), kit.toString(), slf4j().toString());
        run(JAVA.resolveSibling("javac"), "-d", "out", "--module-path", path, "module-info.java", "consumer/Main.java");
        String said = run(JAVA, "-p", path + File.pathSeparator + "out", "-m", "consumer/consumer.Main", "7");
        assertTrue(said.contains(" bytes at "), said);
    }

    @Test
    void theJarIsSmallAndBringsNoConfiguration() throws Exception {
        long size = Files.size(JAR);
        assertTrue(size < LARGEST, "the library's jar has " + size + " bytes");
        try (JarFile jar = new JarFile(JAR.toFile())) {
            List<String> strange = jar.stream()
                    .map(entry -> entry.getName())
                    .filter(name -> !name.endsWith("/"))
                    .filter(name -> !name.startsWith("dev/sluice/"))
                    .filter(name -> !name.equals("module-info.class") && !name.equals("META-INF/MANIFEST.MF"))
                    .collect(Collectors.toList());
            assertEquals(List.of(), strange);
            assertEquals(0, jar.stream().filter(entry -> entry.getName().matches("dev/sluice/(cli|bench|service|simulation)/.*")).count(), "what is not the library's");
        }
    }

    /** By Maven itself: a project whose only dependency is ours, resolved from a repository that holds our jar and POM. */
    @Test
    void mavenGivesAConsumerSlf4jAndNothingElse() throws Exception {
        Path repository = repositoryWithOurs();
        source("pom.xml", """
                <project xmlns="http://maven.apache.org/POM/4.0.0">
                  <modelVersion>4.0.0</modelVersion>
                  <groupId>consumer</groupId>
                  <artifactId>consumer</artifactId>
                  <version>1</version>
                  <dependencies>
                    <dependency>
                      <groupId>dev.sluice</groupId>
                      <artifactId>sluice</artifactId>
                      <version>%s</version>
                    </dependency>
                  </dependencies>
                </project>
                """.formatted(VERSION));
        Path list = directory.resolve("list");
        try {
            run(Path.of(maven()), "-B", "-q", "-ntp", "-Dmaven.repo.local=" + repository, "-DoutputFile=" + list,
                    "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:list");
        } finally {
            removeLinks(repository); // before JUnit, which warns of each
        }
        TreeSet<String> resolved = new TreeSet<>();
        for (String line : Files.readAllLines(list)) {
            String[] parts = line.strip().split("[: ]");
            if (parts.length >= 5 && parts[2].equals("jar")) {
                resolved.add(parts[0] + ":" + parts[1]);
            }
        }
        assertEquals(new TreeSet<>(List.of("dev.sluice:sluice", "org.slf4j:slf4j-api")), resolved, Files.readString(list));
    }

    /**
     * The user's own repository by links, so that nothing is downloaded twice, but with a directory of its own for our
     * artifact, so that nothing of ours stays there.
     */
    private Path repositoryWithOurs() throws IOException {
        Path users = Path.of(System.getProperty("sluice.repository", System.getProperty("user.home") + "/.m2/repository"));
        Path ours = directory.resolve("repository");
        Path artifact = Files.createDirectories(ours.resolve("dev/sluice/sluice/" + VERSION));
        try (Stream<Path> groups = Files.list(users)) {
            for (Path group : groups.filter(Files::isDirectory).filter(each -> !each.endsWith("dev")).collect(Collectors.toList())) {
                Files.createSymbolicLink(ours.resolve(group.getFileName()), group);
            }
        }
        Files.copy(JAR, artifact.resolve("sluice-" + VERSION + ".jar"), StandardCopyOption.REPLACE_EXISTING);
        Files.copy(Path.of(System.getProperty("sluice.pom", "pom.xml")), artifact.resolve("sluice-" + VERSION + ".pom"));
        return ours;
    }

    private static void removeLinks(Path repository) throws IOException {
        try (Stream<Path> entries = Files.list(repository)) {
            for (Path link : entries.filter(Files::isSymbolicLink).collect(Collectors.toList())) {
                Files.delete(link);
            }
        }
    }

    private static String maven() {
        String ours = System.getProperty("sluice.maven", "");
        return Files.isExecutable(Path.of(ours)) ? ours : "mvn";
    }

    private static Path slf4j() throws URISyntaxException {
        return Path.of(LoggerFactory.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    private void source(String name, String text) throws IOException {
        Path file = directory.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private String run(Path program, String... args) throws IOException, InterruptedException {
        List<String> command = Stream.concat(Stream.of(program.toString()), Stream.of(args)).collect(Collectors.toList());
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().remove("MAVEN_ARGS");
        Process process = builder.redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null"))).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(5, TimeUnit.MINUTES), "still running: " + command);
        assertEquals(0, process.exitValue(), String.join(" ", command) + "\n" + said);
        return said;
    }
}
