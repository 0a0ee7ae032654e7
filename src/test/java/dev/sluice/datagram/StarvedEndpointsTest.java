package dev.sluice.datagram;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sluice.harness.ChildJvm;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Endpoints in a process that runs out of memory or threads; each test has a process of its own. */
@Timeout(120)
class StarvedEndpointsTest {

    private static void run(List<String> starter, List<String> options, String what, String kind) throws Exception {
        String said = ChildJvm.run(starter, options, Starved.class, what, kind);
        assertEquals("", said.lines().filter(line -> !line.contains("SLF4J")).collect(Collectors.joining("\n")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"REACTOR", "THREAD", "POOL"})
    void withoutMemoryForACopyADatagramIsDroppedAndTheQueueHasItsRoomAgain(String kind) throws Exception {
        run(List.of(), List.of("-Xmx24m"), "heap", kind);
    }

    @ParameterizedTest
    @ValueSource(strings = {"REACTOR", "THREAD", "POOL"})
    void withoutABufferNothingStartsAndThePortIsFree(String kind) throws Exception {
        run(List.of(), List.of("-XX:MaxDirectMemorySize=256k"), "direct", kind);
    }

    /** A thread's stack is so large that few fit into what the process may have. */
    @ParameterizedTest
    @ValueSource(strings = {"REACTOR", "THREAD", "POOL"})
    void withoutAThreadToBeHadItEnds(String kind) throws Exception {
        run(List.of("bash", "-c", "ulimit -v 32000000; exec \"$@\"", "bash"), List.of("-Xmx64m", "-Xss1g", "-Xlog:disable"), "threads", kind);
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
        run(List.of("unshare", "-n", "bash", "-c", slow + " && exec \"$@\"", "bash"), List.of(), "line", kind);
    }
}
