package dev.sluice.internal;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much direct memory this JVM may have. That is as much as its heap, unless {@code -XX:MaxDirectMemorySize} says otherwise. The
 * management bean that knows the option costs 15 ms of start-up and more, so it is asked only if the option may have been given. Linux tells
 * that in {@code /proc/self/cmdline}, in 2 ms.
 *
 * <p>A runtime image may lack {@code jdk.management}. So this class can be loaded without it.
 */
public final class DirectMemoryLimit {

    /** The option itself, and the ways to a file that may contain it. */
    private static final List<String> HINTS = List.of("MaxDirectMemorySize", "@", "Flags=", "VMOptionsFile=");

    private static final long BYTES = read();

    private DirectMemoryLimit() {}

    /**
     * The most that {@link java.nio.ByteBuffer#allocateDirect} gives out in sum.
     *
     * @return bytes
     */
    public static long bytes() {
        return BYTES;
    }

    private static long read() {
        String options = options();
        long set = mayBeSet(options) ? set(options) : 0;
        return set > 0 ? set : Runtime.getRuntime().maxMemory();
    }

    private static boolean mayBeSet(String options) {
        for (String hint : HINTS) {
            if (options.contains(hint)) {
                return true;
            }
        }
        return false;
    }

    /** The options of this JVM, those that win last; a single @ if they cannot be known. */
    private static String options() {
        try {
            String command = Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.ISO_8859_1);
            if (command.split("\0", 2)[0].endsWith("java")) { // else a program has made the JVM, with options of its own
                return String.join("\0", System.getenv("JAVA_TOOL_OPTIONS"), System.getenv("JDK_JAVA_OPTIONS"), command, System.getenv("_JAVA_OPTIONS"));
            }
        } catch (IOException e) {
            // not Linux
        }
        return "@";
    }

    /** What was set, or 0. */
    private static long set(String options) {
        try {
            return Bean.value();
        } catch (LinkageError | RuntimeException e) { // there is none, or it does not know the option
            long last = 0;
            Pattern option = Pattern.compile("-XX:MaxDirectMemorySize=(\\d{1,15})([kmgt]?)", Pattern.CASE_INSENSITIVE);
            for (Matcher given = option.matcher(options); given.find(); ) {
                last = Long.parseLong(given.group(1)) << 10 * " kmgt".indexOf(given.group(2).toLowerCase(Locale.ROOT));
            }
            return last;
        }
    }

    private static final class Bean {
        private static long value() {
            HotSpotDiagnosticMXBean bean = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
            return Long.parseLong(bean.getVMOption("MaxDirectMemorySize").getValue());
        }
    }
}
