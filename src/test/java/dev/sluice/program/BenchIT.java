package dev.sluice.program;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.harness.Figures;
import dev.sluice.program.bench.BenchResult;
import dev.sluice.program.bench.Expect;
import dev.sluice.program.bench.Json;
import dev.sluice.program.bench.Load;
import dev.sluice.program.bench.LoadPlan;
import dev.sluice.program.bench.LoadResult;
import dev.sluice.program.bench.Round;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code load} and {@code bench} as a user runs them; that they work, not what they measure. */
@Timeout(180)
class BenchIT {

    private static final List<String> SHORT = List.of("-d", "200ms", "-w", "100ms");

    @TempDir
    private Path directory;

    private record Ended(int status, String out, String err) {}

    private Ended sluice(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Served.PROGRAM));
        command.addAll(List.of(arguments));
        Path out = directory.resolve("out");
        Path err = directory.resolve("err");
        ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        try {
            assertTrue(process.waitFor(150, TimeUnit.SECONDS), "it ends");
        } finally {
            process.destroyForcibly();
        }
        return new Ended(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    // ---- load ---------------------------------------------------------------------------------------------------------

    @Test
    void loadTellsWhatAServerCarries() throws Exception {
        try (Served server = new Served("", "upper")) {
            Ended ended = sluice("load", Integer.toString(server.port), "--expect", "upper", "-c", "8", "-d", "300ms", "-w", "100ms",
                    "--server-pid", Long.toString(server.process.pid()));
            assertEquals(0, ended.status, ended.err);
            assertTrue(ended.out.contains("8 connections, 64 bytes a request, 1 in flight, closed loop"), ended.out);
            assertTrue(Pattern.compile("(?m)^requests/s +[\\d,]+$").matcher(ended.out).find(), ended.out);
            assertTrue(Pattern.compile("(?m)^latency +p50 .* p90 .* p99 .* p99.9 .* max ").matcher(ended.out).find(), ended.out);
            assertTrue(ended.out.contains("server CPU") && ended.out.contains("errors       none"), ended.out);
        }
    }

    @Test
    void wrongAnswersAreAFailure() throws Exception {
        try (Served server = new Served("", "upper")) {
            Ended ended = sluice("load", Integer.toString(server.port), "-c", "2", "-d", "200ms", "-w", "0s");
            assertEquals(1, ended.status);
            assertTrue(ended.out.contains("errors       2 wrong bytes"), ended.out);
        }
    }

    /** Coordinated omission: a closed loop does not notice a stall. */
    @Test
    void stallIsSeenInTheCorrectedLatencyAndHiddenInTheOther() throws Exception {
        ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
        try (Served server = new Served("", "echo")) {
            String pid = Long.toString(server.process.pid());
            // for one second of four, counted from when it has stopped: a busy machine takes its time to run kill
            clock.schedule(() -> {
                signal("STOP", pid);
                clock.schedule(() -> signal("CONT", pid), 1, TimeUnit.SECONDS);
            }, 1_500, TimeUnit.MILLISECONDS);
            LoadResult result = Load.run(new LoadPlan("127.0.0.1", server.port, 8, 64, 1, 0, 4_000, 2_000, Expect.ECHO, 0), stop -> {});
            assertEquals(Map.of(), result.errors());
            long corrected = result.latency().p99();
            long uncorrected = result.uncorrected().p99();
            Figures.tell("BenchIT stall of a second: p99 %.1f ms, uncorrected %.1f ms", corrected / 1e6, uncorrected / 1e6);
            assertTrue(corrected > 700_000_000, "p99 " + corrected);
            assertTrue(result.uncorrected().max() > 700_000_000, "it did happen");
            assertTrue(uncorrected < corrected / 4, "p99 " + uncorrected + ", corrected " + corrected);
        } finally {
            clock.shutdownNow();
        }
    }

    private static void signal(String name, String pid) {
        try {
            new ProcessBuilder("kill", "-" + name, pid).inheritIO().start().waitFor();
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    // ---- bench --------------------------------------------------------------------------------------------------------

    @Test
    void benchMeasuresEveryEngineAndReportsIt() throws Exception {
        Path json = directory.resolve("bench.json");
        Path html = directory.resolve("bench.html");
        List<String> arguments = new ArrayList<>(List.of("bench", "-e", "reactor,reactor:1,threads,pool,virtual,netty", "-c", "1,13", "-n", "2"));
        arguments.addAll(SHORT);
        arguments.addAll(List.of("--repeat", "0", "--idle", "0,200", "--json", json.toString(), "--csv", directory.resolve("bench.csv").toString(), "--html", html.toString(),
                "--markdown", directory.resolve("bench.md").toString()));
        Ended ended = sluice(arguments.toArray(new String[0]));
        assertEquals(0, ended.status, ended.err);
        BenchResult result = Json.read(Files.readString(json), BenchResult.class);
        boolean virtual = result.serverJava().feature() >= 21;
        assertEquals(virtual ? 1 : 2, result.leftOut().size(), result.leftOut().toString());
        assertEquals("is not on the class path", result.leftOut().get("netty"));
        int engines = virtual ? 5 : 4;
        assertEquals(2 * (engines + 1) + 2 * engines, result.rounds().size(), "pool has twelve workers; the first engine runs twice");
        for (Round round : result.rounds()) {
            assertTrue(round.isGood(), round.toString());
            assertTrue(round.peakRssKb() > 0 && round.result().threads() > 5 && round.serverCpuNs() >= 0, round.toString());
        }
        // of all together: a single round of 200 ms on a busy machine may take less than the 10 ms that the kernel tells
        assertTrue(result.rounds().stream().mapToDouble(Round::serverCpuNs).sum() > 0);
        assertEquals(2 * (engines - 1), result.idle().size(), "not of the pool, which would let them wait");
        result.idle().forEach(point -> assertEquals(null, point.failure(), point.toString()));
        assertTrue(ended.out.contains("Noise floor (reactor against itself, 4 pairs)"), ended.out);
        assertTrue(ended.out.contains("left out        pool at 13 connections"), ended.out);
        assertEquals(1 + result.rounds().size(), Files.readAllLines(directory.resolve("bench.csv")).size());
        browse(html, 2 * 2 + 2 + 1);
    }

    @Test
    void planTellsWhatItWillTake() throws Exception {
        Ended ended = sluice("bench", "--plan", "-e", "reactor,threads");
        assertEquals(0, ended.status, ended.err);
        assertTrue(ended.out.contains("1024 connections, 64 bytes, 1 in flight: reactor, threads, reactor (again)"), ended.out);
        assertTrue(ended.out.contains("27 measurements of 5000 ms after 3000 ms of warm-up"), ended.out);
    }

    @Test
    void limitThatIsMissedIsToldByTheStatus() throws Exception {
        Ended ended = sluice("bench", "--quick", "-e", "reactor,threads", "-c", "1", "-d", "100ms", "-w", "100ms", "--fail-below", "1000");
        assertEquals(3, ended.status, ended.err);
        assertTrue(ended.err.contains("missed: reactor makes "), ended.err);
        assertTrue(ended.out.contains("smoke test"), ended.out);
    }

    @Test
    void interruptReportsWhatIsDone() throws Exception {
        Path out = directory.resolve("out");
        Path err = directory.resolve("err");
        ProcessBuilder builder = new ProcessBuilder(Served.PROGRAM, "bench", "-e", "reactor", "-c", "1", "-n", "1000", "-d", "100ms", "-w", "0s")
                .redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.start();
        try (var ignored = closing(process)) {
            while (!Files.readString(err).contains("round 3")) {
                assertTrue(process.isAlive(), Files.readString(err));
                Thread.onSpinWait();
            }
            process.destroy(); // SIGTERM, as Ctrl-C
            assertTrue(process.waitFor(30, TimeUnit.SECONDS));
            assertEquals(0, process.exitValue(), Files.readString(err));
            assertTrue(Files.readString(out).contains("Interrupted: what follows is from the measurements that had been made."), Files.readString(out));
            assertTrue(Files.readString(out).contains("reactor (again)"));
        }
    }

    private static AutoCloseable closing(Process process) {
        return process::destroyForcibly;
    }

    // ---- a real browser -----------------------------------------------------------------------------------------------

    /** The report opens from the disk, without a network and without an error, and draws each of its charts. */
    private void browse(Path html, int charts) throws IOException, InterruptedException {
        String browser = List.of("chromium", "chromium-browser", "google-chrome").stream().filter(BenchIT::isThere).findFirst().orElse(null);
        if (!Boolean.getBoolean("sluice.browser")) {
            assumeTrue(browser != null, "not run: there is no Chromium on the path (-Dsluice.browser=true makes that a failure)");
        }
        assertNotNull(browser, "there is no Chromium on the path");
        Path dom = directory.resolve("dom");
        Path log = directory.resolve("log");
        Process process = new ProcessBuilder(
                        browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + directory.resolve("profile"),
                        "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom", html.toUri().toString())
                .redirectOutput(dom.toFile()).redirectError(log.toFile()).start();
        try (var ignored = closing(process)) {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the browser ends");
            String page = Files.readString(dom);
            assertFalse(Files.readString(log).contains("CONSOLE"), Files.readString(log));
            Matcher drawn = Pattern.compile("data-charts=\"(\\d+)\"").matcher(page);
            assertTrue(drawn.find(), "the script came to its end: " + Files.readString(log));
            assertEquals(charts, Integer.parseInt(drawn.group(1)));
            assertEquals(charts, page.split("<canvas", -1).length - 1);
            // what Chart.js does to a canvas that it draws on
            assertEquals(charts, Pattern.compile("<canvas[^>]*style=\"[^\"]*height: \\d+").matcher(page).results().count());
            assertTrue(page.contains("<td>reactor (again)</td>") && page.contains("class=\"verdict\""));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static boolean isThere(String program) {
        for (String place : System.getenv("PATH").split(":")) {
            if (Files.isExecutable(Path.of(place, program))) {
                return true;
            }
        }
        return false;
    }
}
