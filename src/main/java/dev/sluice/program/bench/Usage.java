package dev.sluice.program.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Processor time in nanoseconds, usually in steps of 10 ms; -1 where the system does not tell it.
 *
 * @param serverNs     the server's process, user and system
 * @param serverUserNs its user time alone
 * @param clientNs     this process, user and system
 * @param othersNs     all other processes, user time alone, and the time that a hypervisor kept for itself; without the kernel's time,
 *                     which Linux does not divide: interrupts of the load's own traffic also come to an idle core
 */
public record Usage(long serverNs, long serverUserNs, long clientNs, long othersNs) {

    /** Nothing is known. */
    static final Usage NONE = new Usage(-1, -1, -1, -1);

    /** A tick of /proc: 10 ms on every Linux that Java runs on. */
    private static final long TICK_NS = 10_000_000;

    /** The usage since each process began. */
    static Usage now(long serverPid) {
        long clientPid = ProcessHandle.current().pid();
        return new Usage(ofProcess(serverPid), userTime(serverPid), ofProcess(clientPid), ofOthers(serverPid, clientPid));
    }

    Usage since(Usage earlier) {
        return new Usage(
                difference(serverNs, earlier.serverNs),
                difference(serverUserNs, earlier.serverUserNs),
                difference(clientNs, earlier.clientNs),
                othersNs < 0 ? -1 : Math.max(0, difference(othersNs, earlier.othersNs))); // of ticks, which may be a few off
    }

    private static long difference(long later, long earlier) {
        return later < 0 || earlier < 0 ? -1 : later - earlier;
    }

    private static long ofProcess(long pid) {
        return ProcessHandle.of(pid).flatMap(process -> process.info().totalCpuDuration()).map(Duration::toNanos).orElse(-1L);
    }

    /** The first line of /proc/stat: cpu user nice system idle iowait irq softirq steal. */
    private static long ofOthers(long serverPid, long clientPid) {
        try {
            String[] machine = Files.readString(Path.of("/proc/stat")).split("\\s+", 10);
            long all = Long.parseLong(machine[1]) + Long.parseLong(machine[2]) + Long.parseLong(machine[8]);
            long server = userTime(serverPid);
            long client = userTime(clientPid);
            return server < 0 || client < 0 ? -1 : all * TICK_NS - server - client;
        } catch (IOException | RuntimeException e) {
            return -1; // not Linux
        }
    }

    /** The 14th field of /proc/PID/stat. */
    private static long userTime(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return TICK_NS * Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[11]); // the name before may hold blanks
        } catch (IOException | RuntimeException e) {
            return -1; // not Linux, or no such process
        }
    }
}
