package dev.sluice.program.bench;

import dev.sluice.internal.DescriptorLimit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The machine that figures were measured on.
 *
 * @param cpu         its processor, as it calls itself
 * @param cores       that this process may use
 * @param system      operating system, version and architecture
 * @param memoryKb    in KiB, or -1
 * @param load        load averages at the beginning, as Linux writes them, or empty
 * @param descriptors connections that a process can hold under its limit of descriptors
 */
public record Host(String cpu, int cores, String system, long memoryKb, String load, int descriptors) {

    static Host here() {
        return new Host(
                field("/proc/cpuinfo", "model name", System.getProperty("os.arch")),
                Runtime.getRuntime().availableProcessors(),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " " + System.getProperty("os.arch"),
                Long.parseLong(field("/proc/meminfo", "MemTotal", "-1").split(" ")[0]),
                first("/proc/loadavg").replaceAll("( [^ ]+){2}$", ""),
                DescriptorLimit.connections(Integer.MAX_VALUE));
    }

    /** A figure that Linux gives for a process, such as its {@code Threads}, or its {@code VmRSS} in KiB; -1 if there is none. */
    static long ofProcess(long pid, String name) {
        return Long.parseLong(field("/proc/" + pid + "/status", name + ":", "-1").split(" ")[0]);
    }

    private static String field(String file, String name, String otherwise) {
        try {
            for (String line : Files.readAllLines(Path.of(file))) {
                if (line.startsWith(name)) {
                    return line.substring(line.indexOf(':') + 1).strip();
                }
            }
        } catch (IOException e) {
            // not Linux, or the process is gone
        }
        return otherwise;
    }

    private static String first(String file) {
        try {
            return Files.readString(Path.of(file)).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
