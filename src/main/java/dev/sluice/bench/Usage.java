package dev.sluice.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Processor time, in nanoseconds; steps of 10 ms are usual. What a system does not tell is -1.
 *
 * @param serverNs  the server's process
 * @param clientNs  this process
 * @param machineNs all processes and the kernel, as Linux tells
 */
public record Usage(long serverNs, long clientNs, long machineNs) {

    /** Nothing is known. */
    static final Usage NONE = new Usage(-1, -1, -1);

    /** A tick of /proc/stat: 10 ms on every Linux that Java runs on. */
    private static final long TICK_NS = 10_000_000;

    private static final Path STAT = Path.of("/proc/stat");

    /** Since each process began. */
    static Usage now(long serverPid) {
        return new Usage(ofProcess(ProcessHandle.of(serverPid)), ofProcess(Optional.of(ProcessHandle.current())), ofMachine());
    }

    Usage since(Usage earlier) {
        return new Usage(
                difference(serverNs, earlier.serverNs),
                difference(clientNs, earlier.clientNs),
                difference(machineNs, earlier.machineNs));
    }

    /**
     * What others took.
     *
     * @return the machine's time less both processes', or -1
     */
    public long othersNs() {
        return machineNs < 0 || serverNs < 0 || clientNs < 0 ? -1 : Math.max(0, machineNs - serverNs - clientNs);
    }

    private static long difference(long later, long earlier) {
        return later < 0 || earlier < 0 ? -1 : later - earlier;
    }

    private static long ofProcess(Optional<ProcessHandle> process) {
        return process.flatMap(handle -> handle.info().totalCpuDuration()).map(Duration::toNanos).orElse(-1L);
    }

    /** The first line: cpu user nice system idle iowait irq softirq steal. */
    private static long ofMachine() {
        try {
            String[] ticks = Files.readAllLines(STAT).get(0).trim().split("\\s+");
            long busy = 0;
            for (int i : new int[] {1, 2, 3, 6, 7, 8}) {
                busy += Long.parseLong(ticks[i]);
            }
            return busy * TICK_NS;
        } catch (IOException | RuntimeException e) {
            return -1; // not Linux
        }
    }
}
