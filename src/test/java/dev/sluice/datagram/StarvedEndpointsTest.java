package dev.sluice.datagram;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Endpoints in a process that runs out of memory or threads; each test has a process of its own. */
@Timeout(120)
class StarvedEndpointsTest {

    @TempDir
    private Path directory;

    private void run(List<String> command, String what, String kind) throws Exception {
        Path said = directory.resolve("said");
        List<String> all = new ArrayList<>(command);
        all.addAll(List.of("-cp", System.getProperty("java.class.path"), Starved.class.getName(), what, kind));
        Process process = new ProcessBuilder(all).redirectErrorStream(true).redirectOutput(said.toFile()).start();
        try {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still running: " + Files.readString(said));
            String text = Files.readString(said).lines().filter(line -> !line.contains("SLF4J")).reduce("", (one, next) -> one + next + "\n");
            assertEquals("", text);
            assertEquals(0, process.exitValue());
        } finally {
            process.destroyForcibly();
        }
    }

    private static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"REACTOR", "THREAD", "POOL"})
    void withoutMemoryForACopyADatagramIsDroppedAndTheQueueHasItsRoomAgain(String kind) throws Exception {
        run(List.of(java(), "-Xmx24m"), "heap", kind);
    }

    @ParameterizedTest
    @ValueSource(strings = {"REACTOR", "THREAD", "POOL"})
    void withoutABufferNothingStartsAndThePortIsFree(String kind) throws Exception {
        run(List.of(java(), "-XX:MaxDirectMemorySize=256k"), "direct", kind);
    }

    /** A thread's stack is so large that few fit into what the process may have. */
    @ParameterizedTest
    @ValueSource(strings = {"REACTOR", "THREAD", "POOL"})
    void withoutAThreadToBeHadItEnds(String kind) throws Exception {
        run(List.of("bash", "-c", "ulimit -v 32000000; exec \"$@\"", "bash", java(), "-Xmx64m", "-Xss1g", "-Xlog:disable"), "threads", kind);
    }

    /** Runs as root, with tc; {@link StuckLineTest} tries the same without either. */
    @ParameterizedTest
    @ValueSource(strings = {"REACTOR", "THREAD", "POOL"})
    void withALineThatIsTooSlowItEndsInTime(String kind) throws Exception {
        String slow = "ip link set lo up && ip link add slow0 type veth peer name slow1 && ip link set slow1 up"
                + " && ip addr add 10.9.0.1/24 dev slow0 && ip link set slow0 arp off up"
                + " && tc qdisc add dev slow0 root tbf rate 16kbit burst 1600 limit 1000000";
        Process probe = new ProcessBuilder("unshare", "-n", "bash", "-c", slow).start();
        assumeTrue(probe.waitFor() == 0, "not run: needs root, a network namespace, veth, and tc's tbf");
        run(List.of("unshare", "-n", "bash", "-c", slow + " && exec \"$@\"", "bash", java()), "line", kind);
    }
}
